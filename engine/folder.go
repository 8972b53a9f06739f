package engine

import (
	"errors"
	"io/fs"
)

// folder is a mapping folder in which no link is followed, so that rules can
// name what lies in their folder and nothing else.
type folder struct{ fs.FS }

var errLink = errors.New("it is a link, and rules read only what lies in their folder: put a copy there")

// Open implements fs.FS.
func (f folder) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	for i := 1; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		if info, err := fs.Lstat(f.FS, name[:i]); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil, &fs.PathError{Op: "open", Path: name, Err: errLink}
		}
	}
	return f.FS.Open(name)
}
