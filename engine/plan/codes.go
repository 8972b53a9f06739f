package plan

// Codes returns the codes with which the rules themselves reject events, sorted.
func (p *Program) Codes() []string {
	known := map[string]bool{}
	add := func(list []*Reject) {
		for _, r := range list {
			known[r.Code] = true
		}
	}
	for _, r := range p.Routes {
		if r.Reject != nil {
			known[r.Reject.Code] = true
		}
	}
	for _, m := range p.Mappings {
		add(m.Reject)
	}
	for i := range p.Slots {
		if o := p.Slots[i].Object; o != nil {
			o.eachObject(func(o *Object) { add(o.Reject) })
		}
	}
	return sortedNames(known)
}
