package input

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Source is a stream of events with a name for messages.
type Source struct {
	Name string
	open func() (io.ReadCloser, error)
}

// Stream returns a source that reads r, which stays open.
func Stream(name string, r io.Reader) Source {
	return Source{Name: name, open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }}
}

// File returns a source that reads a file once its turn comes. A path that is
// no file is an error at once, before anything has been read from another source.
func File(path string) (Source, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Source{}, fmt.Errorf("there is no file %s: check its name", path)
	case err != nil:
		return Source{}, err
	case info.IsDir():
		return Source{}, fmt.Errorf("the path %s is a folder: name the files in it", path)
	}
	return Source{Name: path, open: func() (io.ReadCloser, error) { return os.Open(path) }}, nil
}

// decompress returns r, or what is compressed in it: known by its first bytes,
// because streams have no name and names can be wrong.
func decompress(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	magic, err := buffered.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b { // RFC 1952, 2.3.1
		return buffered, nil
	}
	unzipped, err := gzip.NewReader(buffered)
	return compressed{unzipped}, err
}

// compressed says in plain words what is wrong with compressed data.
type compressed struct{ io.Reader }

func (c compressed) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, damage(err)
}

func damage(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the gzip data ends too early (%w): the file is cut off; fetch it again", err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("the gzip data is damaged (%w): fetch the file again", err)
	}
	return err
}
