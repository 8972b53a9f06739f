package engine

import (
	"slices"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// optionSteps bounds the work to find out what a target takes instead of a value
// that was refused. It is not the event's: that is rejected whatever is found.
const optionSteps = 20_000

// options says what a row takes instead of v, as far as the portal data of the
// target names texts that it takes; it runs within convert.
func (r *runner) options(row *plan.TypeRow, target, v *value.Node) string {
	property := r.property(row, target)
	if property == nil || v.HoldsSecret() {
		return ""
	}
	steps := r.frame.Steps
	defer func() { r.frame.Steps = steps }()
	r.frame.Steps = optionSteps
	candidates := plan.Texts(property)
	var options []string
	for _, text := range candidates {
		if len(options) > plan.MostOptions || r.frame.Steps <= 0 {
			break
		}
		if r.takes(row, text) {
			options = append(options, text)
		}
	}
	if len(options) == 0 {
		return ""
	}
	said := "it takes " + plan.ListOptions(options)
	if row.Reject != "" {
		said = "; " + said
	}
	if v.Kind() != value.String {
		return said
	}
	for range 5 { // what is nearest may be a label
		near := source.Suggest(v.Text(), candidates)
		if near == "" || r.takes(row, near) {
			if near != "" {
				said += "; did you mean " + near + "?"
			}
			break
		}
		candidates = slices.DeleteFunc(candidates, func(text string) bool { return text == near })
	}
	return said
}

// takes reports whether a row takes a text.
func (r *runner) takes(row *plan.TypeRow, text string) bool {
	r.set(r.lines.value, r.arena.String(text))
	r.set(r.lines.key, value.NullNode())
	out, err := row.Value.Eval(&r.frame)
	if err != nil || row.Overlong(out) != "" {
		return false
	}
	ok, err := row.When.Eval(&r.frame)
	return err == nil && ok.Kind() == value.Bool && ok.Bool()
}

// property is what the portal data that a row reads has of a target; nil where
// there is none, or where the row computes more than it is safe to try.
func (r *runner) property(row *plan.TypeRow, target *value.Node) *value.Node {
	var property *value.Node
	for _, slot := range slices.Concat(row.When.Slots(), row.Value.Slots()) {
		switch s := &r.program.Slots[slot]; s.Kind {
		case plan.PortalSlot:
			if property == nil {
				property = r.connection.portals[s.Portal].Get(target.Text())
			}
		case plan.InputSlot, plan.ConfigSlot, plan.NowSlot, plan.TableSlot, plan.VariableSlot:
		default:
			return nil
		}
	}
	return property
}
