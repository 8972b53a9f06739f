package serve

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quietude is how long files have to be left alone before they are read: editors,
	// checkouts and Kubernetes write several.
	quietude = 100 * time.Millisecond
	// patience is after how long they are read in any case.
	patience = 2 * time.Second
	// unaided is how often files are looked at where the system does not notify.
	unaided = 10 * time.Second
)

// watcher tells when files become others. Folders and files may be replaced,
// removed and made again, by renaming or by links that lead elsewhere, as
// Kubernetes changes a ConfigMap.
type watcher struct {
	sources func() []string // folders and files
	changed func()          // what to do then; sources may be others afterwards
	log     *slog.Logger

	notifier *fsnotify.Watcher // nil: the system does not notify
	blind    bool              // that has been told
	places   places
	sums     map[string]sum // by source
}

// start calls changed for the first time, and watches from then on.
func (w *watcher) start(ctx context.Context) {
	w.look()
	w.changed()
	w.settle(ctx)
}

// run calls changed after each change since start, until the context ends.
func (w *watcher) run(ctx context.Context) {
	defer w.close()
	var quiet, late <-chan time.Time
	for {
		var events <-chan fsnotify.Event
		var lost <-chan error
		if w.notifier != nil {
			events, lost = w.notifier.Events, w.notifier.Errors
		} else {
			quiet = time.After(unaided)
		}
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if !w.places.concerned(e.Name) {
				continue
			}
			if quiet = time.After(quietude); late == nil {
				late = time.After(patience)
			}
			continue
		case err := <-lost:
			w.log.Warn("changes of files may have been missed", "error", err.Error(), "instead", "they are looked at now")
		case <-quiet:
		case <-late:
		}
		quiet, late = nil, nil
		w.settle(ctx)
	}
}

// settle calls changed until nothing changes meanwhile.
func (w *watcher) settle(ctx context.Context) {
	for ctx.Err() == nil && w.look() {
		w.changed()
	}
}

// look reports whether a source has become another since the last look, or is
// new. It
// watches what there is now with a new notifier, since an old one holds on to
// folders that others have replaced. What changes before that is in place shows
// in the files; what changes later is notified.
func (w *watcher) look() (changed bool) {
	sources := w.sources()
	next, places, err := notify(sources)
	if err != nil && !w.blind {
		w.log.Warn("files are not watched", "error", err.Error(), "instead", "they are looked at every "+unaided.String(), "help", toWatch(err))
	}
	w.blind = err != nil
	w.close()
	w.notifier, w.places = next, places
	sums := make(map[string]sum, len(sources))
	for _, source := range sources {
		sums[source] = sumOf(source)
		before, known := w.sums[source]
		changed = changed || !known || before != sums[source]
	}
	w.sums = sums
	return changed
}

// toWatch tells what to do for files to be watched, where that failed.
func toWatch(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "let the user that celmap runs as read the folder"
	}
	return "raise the limits of the system: fs.inotify.max_user_watches and fs.inotify.max_user_instances on Linux"
}

func (w *watcher) close() {
	if w.notifier != nil {
		_ = w.notifier.Close() // nobody listens to it any more
		w.notifier = nil
	}
}

// notify watches all places of sources, also those that come while it does.
func notify(sources []string) (*fsnotify.Watcher, places, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, nil, err
	}
	watched := map[string]bool{}
	for {
		p, before := placesOf(sources), len(watched)
		for folder := range p {
			if watched[folder] {
				continue
			}
			if err := w.Add(folder); err != nil && !errors.Is(err, fs.ErrNotExist) { // what is gone is noticed above it
				_ = w.Close() // it is of no use
				return nil, nil, fmt.Errorf("%s: %w", folder, err)
			}
			watched[folder] = true
		}
		if len(watched) == before {
			return w, p, nil
		}
	}
}

// places are folders that are watched, each with the names in it that matter; nil
// stands for all.
type places map[string]map[string]bool

// concerned reports whether a name matters: it lies in a place, or is one.
func (p places) concerned(name string) bool {
	if names, watched := p[name]; watched && names == nil {
		return true
	}
	names, watched := p[filepath.Dir(name)]
	return watched && (names == nil || names[filepath.Base(name)])
}

// placesOf returns where to watch for changes of files and of all that lies in
// folders.
func placesOf(sources []string) places {
	p := places{}
	for _, source := range sources {
		if absolute, err := filepath.Abs(source); err == nil {
			p.tree(absolute)
		}
	}
	return p
}

// tree adds a file or a folder with all that lies in it, and what links in it
// lead to. Hidden folders hold no rules.
func (p places) tree(source string) {
	root := p.way(source)
	_ = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil: // it is gone, or cannot be read, which is told when it is
		case entry.Type()&fs.ModeSymlink != 0:
			p.way(name)
		case entry.IsDir() && hidden(entry) && name != root:
			return fs.SkipDir
		case entry.IsDir():
			p[name] = nil
		}
		return nil
	})
}

// maxLinks bounds the links on the way to a file: some lead to themselves.
const maxLinks = 40

// way adds the folders in which a change makes a path lead elsewhere: those of the
// links on it, and the one that the last of it lies in. It returns where the path
// leads, as far as there is something.
func (p places) way(path string) string {
	separator := string(filepath.Separator)
	volume := filepath.VolumeName(path)
	at, rest := volume+separator, strings.Split(strings.Trim(path[len(volume):], separator), separator)
	for links := 0; len(rest) > 0; rest = rest[1:] {
		next := filepath.Join(at, rest[0])
		info, err := os.Lstat(next)
		if err != nil {
			p.add(next)
			return next
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if at = next; len(rest) == 1 {
				p.add(next)
			}
			continue
		}
		p.add(next)
		target, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return next
		}
		if filepath.IsAbs(target) {
			at = volume + separator
		}
		target = strings.Trim(filepath.Clean(target), separator)
		rest = append([]string{""}, append(strings.Split(target, separator), rest[1:]...)...)
	}
	return at
}

// add adds a name in its folder.
func (p places) add(path string) {
	folder := filepath.Dir(path)
	names, known := p[folder]
	if known && names == nil {
		return
	}
	if names == nil {
		names = map[string]bool{}
		p[folder] = names
	}
	names[filepath.Base(path)] = true
}

func hidden(entry fs.DirEntry) bool { return strings.HasPrefix(entry.Name(), ".") }

// sum tells the content of a source from another.
type sum [sha256.Size]byte

// sumOf returns the sum of a file, or of all files in a folder, with their names;
// links count as what they lead to.
func sumOf(source string) sum {
	h := sha256.New()
	if real, err := filepath.EvalSymlinks(source); err == nil {
		source = real
	}
	_ = filepath.WalkDir(source, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case entry.IsDir() && hidden(entry) && name != source:
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			data = []byte(err.Error())
		}
		below, _ := filepath.Rel(source, name) // which it is
		content := sha256.Sum256(data)
		h.Write(binary.AppendUvarint(nil, uint64(len(below))))
		h.Write([]byte(below))
		h.Write(content[:])
		return nil
	})
	return sum(h.Sum(nil))
}
