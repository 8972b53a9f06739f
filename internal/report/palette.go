package report

import (
	"io"
	"os"
)

// Palette paints text for a terminal. The zero Palette leaves it as it is.
type Palette struct{ on bool }

// PaletteFor returns the palette for what is written to w: none unless w is a
// terminal, nor where NO_COLOR is set (https://no-color.org) or the terminal
// has no colors.
func PaletteFor(w io.Writer) Palette {
	return Palette{on: IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// IsTerminal reports whether a stream is a terminal.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // is a character device too
	return err != nil || !os.SameFile(info, null)
}

// Bold and the others paint a text.
func (p Palette) Bold(s string) string   { return p.paint("1", s) }
func (p Palette) Faint(s string) string  { return p.paint("2", s) }
func (p Palette) Red(s string) string    { return p.paint("1;31", s) }
func (p Palette) Green(s string) string  { return p.paint("1;32", s) }
func (p Palette) Yellow(s string) string { return p.paint("1;33", s) }

func (p Palette) paint(code, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
