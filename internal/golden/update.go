package golden

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// update writes into the fixture what came out.
func (c *Case) update(want *value.Node) error {
	data, err := rewrite(c.root, c.rewritten(want))
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	return os.WriteFile(c.File, data, info.Mode().Perm())
}

// rewritten returns the whole fixture with the expectations of want. What takes
// the place of another state stands where that stood; what is new stands behind
// the last expectation, or at the end.
func (c *Case) rewritten(want *value.Node) *value.Node {
	arena := value.NewArena()
	type member struct {
		key string
		n   *value.Node
	}
	var members []member
	last := 0
	placed := map[string]bool{}
	place := func(key string) {
		if n := want.Get(key); n != nil && !placed[key] {
			placed[key] = true
			members = slices.Insert(members, last, member{key, n})
			last++
		}
	}
	for _, e := range c.root.Entries {
		key := e.Key.Text
		if !slices.Contains(expectationKeys, key) {
			members = append(members, member{key, e.Value.Value(arena)})
			if len(placed) == 0 {
				last = len(members)
			}
			continue
		}
		last = len(members)
		if s := state(want); s != nil && slices.Contains(stateKeys, key) && c.root.Get(s.Key()) == nil {
			key = s.Key()
		}
		place(key)
	}
	for _, key := range expectationKeys {
		place(key)
	}
	root := arena.Object()
	for _, m := range members {
		arena.Add(root, m.key, m.n)
	}
	return root
}

var aboutWarnings = regexp.MustCompile(`^((results|batches)\[\d+\]\.)?warnings\b`)

// shrinkage says what a fixture would pin no longer: what a careless update
// loses without anyone noticing. That a warning goes away is no loss.
func shrinkage(differences []Difference) []string {
	var losses []string
	for _, d := range differences {
		switch {
		case d.State:
			if d.Expected.Key() == keyRequests {
				losses = append(losses, fmt.Sprintf("%s: what was mapped becomes %s", d.Path, d.Got.First().Key()))
			}
		case d.Expected == nil || aboutWarnings.MatchString(d.Path):
		case d.Got == nil:
			losses = append(losses, d.Path+" is lost")
		case d.Got.IsEmpty() && !d.Expected.IsEmpty():
			losses = append(losses, d.Path+" becomes empty")
		case d.Expected.Len() > 0 && d.Got.Kind() != d.Expected.Kind():
			losses = append(losses, fmt.Sprintf("%s was %s and becomes %s", d.Path, kindOf(d.Expected), kindOf(d.Got)))
		}
	}
	return losses
}

func kindOf(n *value.Node) string {
	if n.Kind() == value.Object {
		return "an object"
	}
	return "a " + n.Kind().String()
}

var bareArg = regexp.MustCompile(`^[\w./+-]+$`)

// quoteArg quotes a file name for a command line.
func quoteArg(file string) string {
	if bareArg.MatchString(file) {
		return file
	}
	return "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
}
