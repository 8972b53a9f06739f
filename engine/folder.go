package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// folder is a mapping folder whose rules can name what lies in it and nothing
// else: a link is followed where it leads to something in the folder, as
// Kubernetes mounts files, and refused where it leads out of it.
type folder struct{ fs.FS }

// maxLinks bounds the links on the way to a file: some lead to themselves.
const maxLinks = 40

var errLink = errors.New("it is a link that leads out of the folder, and rules read only what lies in their folder: put a copy there")

// Open implements fs.FS.
func (f folder) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	real, err := f.resolve(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	file, err := f.FS.Open(real)
	var failed *fs.PathError
	if errors.As(err, &failed) { // systems have other names for opening, and for where it leads
		return nil, &fs.PathError{Op: "open", Path: name, Err: failed.Err}
	}
	return file, err
}

// resolve returns where a name leads within the folder.
func (f folder) resolve(name string) (string, error) {
	rest, done := strings.Split(name, "/"), "."
	for links := 0; len(rest) > 0; {
		at := path.Join(done, rest[0])
		info, err := fs.Lstat(f.FS, at)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			done, rest = at, rest[1:]
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("more than %d links follow each other", maxLinks)
		}
		target, err := fs.ReadLink(f.FS, at)
		if err != nil || !relative(target) {
			return "", errLink
		}
		full := path.Join(done, target)
		if !fs.ValidPath(full) {
			return "", errLink
		}
		done, rest = ".", append(strings.Split(full, "/"), rest[1:]...)
	}
	return done, nil
}

// relative reports whether the target of a link starts where the link lies, on
// every system.
func relative(target string) bool {
	return target != "" && !path.IsAbs(target) && !strings.ContainsAny(target, `\:`)
}
