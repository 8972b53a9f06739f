package expression

// Profile counts what parts of expressions take, for who asks why there are too
// many steps. A Frame without one does not count.
type Profile struct{ parts map[part]int }

// part is a loop or a call, by the text of its expression and its place in it.
type part struct {
	text string
	span
}

// Most returns the part of an expression that took most, if there is one that
// took more than half of so many steps.
func (p *Profile) Most(text string, of int) (from, to int, ok bool) {
	most := of / 2
	for at, steps := range p.parts {
		if at.text == text && (steps > most || steps == most && ok && at.from < from) {
			from, to, most, ok = at.from, at.to, steps, true
		}
	}
	return from, to, ok
}

func (p *Profile) add(text string, at span, steps int) {
	if p.parts == nil {
		p.parts = map[part]int{}
	}
	p.parts[part{text, at}] += steps
}
