package expression

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// piece is a word, a number, a text or a sign of an expression, as someone who
// writes one sees them: also those that the language does not have.
type piece struct {
	kind     pieceKind
	from, to int
}

type pieceKind uint8

const (
	endPiece pieceKind = iota
	wordPiece
	numberPiece
	textPiece
	signPiece
	badPiece // no piece can be read here
)

// foreignSigns are signs of other languages, longest first, none of which
// can stand in a sound expression.
var foreignSigns = []string{"<=>", "===", "!==", "??", "?.", "?:", "=>", "->", "=<", "=!", "=~", "<>", "<<", ">>", "**", "++", "+=", "-=", "*=", "/=", ":=", "|>", "..", "&=", "|="}

var ownSigns = []string{"&&", "||", "==", "!=", "<=", ">="}

// pieces splits a text. The last piece is an endPiece, or a badPiece with the
// problem that it is.
func pieces(text string) ([]piece, *Problem) {
	var out []piece
	for at := 0; at < len(text); {
		c, size := utf8.DecodeRuneInString(text[at:])
		p := piece{signPiece, at, at + size}
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			at += size
			continue
		case strings.HasPrefix(text[at:], "//"):
			if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
				at += i
			} else {
				at = len(text)
			}
			continue
		case textStart(text[at:]) > 0:
			end, problem := textEnd(text, at)
			if problem != nil {
				return append(out, piece{badPiece, at, at}), problem
			}
			p.kind, p.to = textPiece, end
		case isDigit(text, at) || c == '.' && isDigit(text, at+1) && !memberFollows(out, at):
			p.kind, p.to = numberPiece, numberEnd(text, at)
		case wordStart(c):
			p.kind, p.to = wordPiece, wordEnd(text, at)
		default:
			if problem := strange(text, at, c, size); problem != nil {
				return append(out, piece{badPiece, at, at}), problem
			}
			p.to = at + signLength(text[at:])
		}
		out = append(out, p)
		at = p.to
	}
	return append(out, piece{endPiece, len(text), len(text)}), nil
}

func isDigit(text string, at int) bool { return at < len(text) && text[at] >= '0' && text[at] <= '9' }

// memberFollows reports whether a point right here continues a path: items.0.
func memberFollows(out []piece, at int) bool {
	if len(out) == 0 {
		return false
	}
	last := out[len(out)-1]
	return last.kind == wordPiece && last.to == at
}

func wordStart(c rune) bool { return c == '_' || unicode.IsLetter(c) && c < 0xFF01 }

func wordEnd(text string, at int) int {
	for i, c := range text[at:] {
		if !wordStart(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) {
			return at + i
		}
	}
	return len(text)
}

func numberEnd(text string, at int) int {
	end := at
	digits := func() {
		for isDigit(text, end) {
			end++
		}
	}
	if strings.HasPrefix(text[at:], "0x") {
		for end += 2; end < len(text) && strings.IndexByte("0123456789abcdefABCDEF", text[end]) >= 0; end++ {
		}
		return end
	}
	digits()
	if end < len(text) && text[end] == '.' && isDigit(text, end+1) {
		end++
		digits()
	}
	if end < len(text) && text[end]|0x20 == 'e' {
		exponent := end + 1
		if exponent < len(text) && (text[exponent] == '+' || text[exponent] == '-') {
			exponent++
		}
		if isDigit(text, exponent) {
			end = exponent
			digits()
		}
	}
	if end < len(text) && text[end] == 'u' && wordEnd(text, end) == end+1 {
		end++
	}
	return end
}

func signLength(text string) int {
	for _, s := range foreignSigns {
		if strings.HasPrefix(text, s) && (s != "?." || !isDigit(text, 2)) && (s != ".." || !strings.HasPrefix(text, "...")) {
			return len(s)
		}
	}
	for _, s := range ownSigns {
		if strings.HasPrefix(text, s) {
			return len(s)
		}
	}
	if strings.HasPrefix(text, "...") {
		return 3
	}
	return 1
}

// textStart returns the length of the prefix and the quote that begin a text,
// 0 if none begins here.
func textStart(text string) int {
	i := 0
	for i < len(text) && i < 2 && strings.IndexByte("rRbB", text[i]) >= 0 {
		i++
	}
	if i < len(text) && (text[i] == '"' || text[i] == '\'') {
		return i + 1
	}
	return 0
}

// textEnd returns the end of the text in quotes at a place, or why there is none.
func textEnd(text string, at int) (int, *Problem) {
	start := at + textStart(text[at:])
	raw := strings.ContainsAny(text[at:start-1], "rR")
	quote := text[start-1 : start]
	if strings.HasPrefix(text[start-1:], strings.Repeat(quote, 3)) {
		quote, start = strings.Repeat(quote, 3), start+2
	}
	for i := start; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote), nil
		case text[i] == '\\':
			n := escapeLength(text[i:])
			if raw {
				n = min(2, len(text)-i)
			}
			if n == 0 {
				_, size := utf8.DecodeRuneInString(text[i+1:])
				return 0, &Problem{From: i, To: i + 1 + size, Code: "bad-escape",
					Message: "`" + text[i:i+1+size] + "` means nothing inside a text",
					Help:    `a backslash itself is written \\; in a pattern write r before the quote: r"\d+"`}
			}
			i += n
		case text[i] == '\n' && len(quote) == 1:
			return 0, unclosedText(text, at, start, i)
		default:
			i++
		}
	}
	return 0, unclosedText(text, at, start, len(text))
}

// escapeLength returns the length of an escape, 0 if it is none.
func escapeLength(text string) int {
	if len(text) < 2 {
		return 0
	}
	hex := map[byte]int{'x': 2, 'X': 2, 'u': 4, 'U': 8}[text[1]]
	switch c := text[1]; {
	case hex > 0:
		if len(text) < 2+hex || strings.Trim(text[2:2+hex], "0123456789abcdefABCDEF") != "" {
			return 0
		}
		return 2 + hex
	case strings.IndexByte("abfnrtv\"'\\?`", c) >= 0:
		return 2
	case c >= '0' && c <= '3' && len(text) >= 4 && strings.Trim(text[2:4], "01234567") == "":
		return 4
	}
	return 0
}

// otherQuotes are signs that word processors make of quotes.
const otherQuotes = "“”„‟«»″＂‘’‚‛‹›′＇`´"

func unclosedText(text string, at, start, end int) *Problem {
	quote := text[start-1 : start]
	p := &Problem{From: at, To: start, Code: "wrong-quote", Message: "the text that begins here has no closing quote", Help: "write " + quote + " where the text ends"}
	rest := text[start:end]
	if i := strings.IndexAny(rest, otherQuotes); i >= 0 && rest[i] != '`' {
		c, size := utf8.DecodeRuneInString(rest[i:])
		p.From, p.To = start+i, start+i+size
		p.Message = "the text is not closed: " + string(c) + " is not the quote that it begins with"
		p.Help = "write " + text[at:start] + rest[:i] + quote
		return p
	}
	other := `"`
	if quote == other {
		other = "'"
	}
	if trimmed := strings.TrimRight(rest, " )]}"); strings.Count(rest, other)%2 == 1 && strings.HasSuffix(trimmed, other) {
		p.From, p.To = start+len(trimmed)-1, start+len(trimmed)
		p.Message = "the text begins with " + quote + " and ends with " + other
		p.Help = "write " + text[at:start] + trimmed[:len(trimmed)-1] + quote
		return p
	}
	if word := strings.TrimRight(rest, " )]}"); word != "" && len(word) <= 40 && !strings.ContainsAny(word, "&|=()[]{}?\n") {
		p.Help = "write " + text[at:start] + word + quote
	}
	return p
}

// strange explains a character that no expression can hold, nil for a sign.
func strange(text string, at int, c rune, size int) *Problem {
	p := &Problem{From: at, To: at + size, Code: "bad-character"}
	switch {
	case strings.ContainsRune(otherQuotes, c):
		p.Code, p.Message, p.Help = "wrong-quote", string(c)+" is no quote that an expression knows", `put texts between " and "`
		rest := text[at+size:]
		if i := strings.IndexAny(rest, otherQuotes+`"'`); i >= 0 {
			if inner := rest[:i]; strings.Contains(inner, "${") {
				p.Help = `put texts together with +, such as "user " + text(userId)`
			} else if !strings.Contains(inner, "\n") {
				p.Help = "write " + `"` + inner + `"`
			}
		}
	case c == 0xFFFD && size <= 1:
		p.Message, p.Help = "a byte here is no character", "save the file as UTF-8"
	case c >= 0xFF01 && c <= 0xFF5E:
		p.Message, p.Help = string(c)+" is a wide sign of East Asian writing, not the plain one", "write "+string(c-0xFEE0)
	case fullWidth[c] != "":
		p.Message, p.Help = string(c)+" is a wide sign of East Asian writing, not the plain one", "write "+fullWidth[c]
	case lookalikes[c] != "":
		p.Message, p.Help = string(c)+" is no sign of expressions", "write "+lookalikes[c]
	case unicode.IsSpace(c) || unicode.Is(unicode.Cf, c) || unicode.IsControl(c):
		p.Message, p.Help = "an invisible character stands here ("+fmt.Sprintf("U+%04X", c)+")", "delete it and type a plain blank"
	case c >= utf8.RuneSelf:
		p.Message, p.Help = string(c)+" cannot stand in an expression outside of quotes", `put texts between " and ", and such keys in brackets: traits["`+string(c)+`"]`
	default:
		return nil
	}
	return p
}

var (
	fullWidth  = map[rune]string{'　': "a plain blank", '。': ".", '、': ",", '「': `"`, '」': `"`, '【': "[", '】': "]"}
	lookalikes = map[rune]string{'≠': "!=", '≤': "<=", '≥': ">=", '–': "-", '—': "-", '−': "-", '×': "*", '÷': "/", '→': "what is meant in words of the language", '…': "the whole expression", '¬': "!", '∧': "&&", '∨': "||"}
)
