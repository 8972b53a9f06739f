package plan

import "github.com/celmap/celmap/engine/source"

// idleChanges gathers what is doubtful about the changes of an overlay that are
// made: those that change nothing, and those of one rule twice.
type idleChanges struct {
	found source.Diagnostics
	made  map[string]*source.Node // rules by what is done with them
}

func (i *idleChanges) add(at *source.Node, summary, help string) *source.Diagnostic {
	i.found.Add(source.Diagnostic{Code: "idle-change", Severity: source.Warning, Span: at.Span, Summary: summary, Help: help})
	return &i.found[len(i.found)-1]
}

// note warns of a rule with which the same is done twice: the second change
// undoes what the first one says.
func (i *idleChanges) note(op string, rule *source.Node) {
	key := op + " " + rule.Text
	if first := i.made[key]; first != nil {
		d := i.add(rule, "the overlay changes "+rule.Text+" in this way already", "keep one of the changes, with all that is meant")
		d.Relate(first.Span, "the first change, which has no effect")
		return
	}
	if i.made == nil {
		i.made = map[string]*source.Node{}
	}
	i.made[key] = rule
}

// replaced warns of a rule that is replaced by itself.
func (i *idleChanges) replaced(rule, old, by *source.Node) {
	if digest(old) != digest(by) {
		return
	}
	d := i.add(rule, "the overlay replaces "+rule.Text+" by what stands there already", "remove the change: the base does the same")
	d.Relate(old.Span, "the rule of the base")
}
