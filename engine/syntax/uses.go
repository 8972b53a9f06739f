package syntax

import "slices"

// Use is a key of the language, and a construct that has it.
type Use struct {
	In  *Shape
	Key Key
}

// Uses returns the constructs of all kinds of files that have a key of some name,
// in the order in which the grammar names them.
func Uses(name string) []Use {
	var found []Use
	walkKeys(func(u Use) {
		if u.Key.Name == name {
			found = append(found, u)
		}
	})
	return found
}

// KeyNames returns the names of all keys of the language, sorted.
func KeyNames() []string {
	var names []string
	walkKeys(func(u Use) { names = append(names, u.Key.Name) })
	slices.Sort(names)
	return slices.Compact(names)
}

// walkKeys visits the keys of every construct, once each.
func walkKeys(visit func(Use)) {
	seen := map[*Shape]bool{}
	var walk func(t Type)
	walk = func(t Type) {
		switch t := t.(type) {
		case *Shape:
			if t == nil || seen[t] {
				return
			}
			seen[t] = true
			for _, k := range t.Keys {
				visit(Use{t, k})
			}
			for _, k := range t.Keys {
				walk(k.Type)
			}
		case mapOf:
			walk(t.of)
		case listOf:
			walk(t.of)
		case either:
			walk(t.scalar)
			walk(t.list)
			walk(t.mapping)
		}
	}
	for _, kind := range Kinds {
		if s := FileShape(kind); s != nil {
			walk(s)
		}
	}
}
