package conformance

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// Mapper maps cases with the engine alone. Lookups are answered from the case;
// earlier identifies are not remembered.
type Mapper struct {
	Program *engine.Program
}

// recordedAt is about when the answers were recorded. Rules see it as the present.
var recordedAt = time.Date(2026, time.August, 15, 12, 0, 0, 0, time.UTC)

// Outcomes maps the inputs of a case: those of one config together.
func (m Mapper) Outcomes(c *Case) (Outcomes, error) {
	byConfig, order := map[string][]int{}, []string{}
	for i := range c.Input {
		config := string(c.Input[i].Destination.Config)
		if byConfig[config] == nil {
			order = append(order, config)
		}
		byConfig[config] = append(byConfig[config], i)
	}
	properties, err := c.Portal.ContactProperties()
	if err != nil {
		return nil, err
	}
	all := Outcomes{}
	for _, config := range order {
		settings := engine.Settings{
			Config: []byte(config),
			Portal: map[string][]byte{"contactProperties": properties},
			Now:    recordedAt,
		}
		if err := m.outcomes(c, byConfig[config], settings, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (m Mapper) outcomes(c *Case, inputs []int, settings engine.Settings, all Outcomes) error {
	connection, err := m.Program.Bind(settings)
	if err != nil {
		return err
	}
	events := make([]engine.Input, len(inputs))
	for i, k := range inputs {
		in := &c.Input[k]
		event, err := json.Marshal(map[string]json.RawMessage{"message": in.Message, "metadata": in.Metadata})
		if err != nil {
			return err
		}
		events[i] = engine.Input{JSON: event, Index: k}
	}
	batch := connection.Plan(events)
	answer(batch, &c.Portal)
	out := batch.Map()
	defer out.Release()
	for _, e := range out.Elements() {
		outcome, err := outcomeOf(&e)
		if err != nil {
			return err
		}
		for _, k := range e.Indexes {
			if err := all.add(c.Input[k].Metadata, outcome); err != nil {
				return err
			}
		}
	}
	return nil
}

// answer gives the account's answers. A second round is about what follows from the first.
func answer(batch *engine.Batch, portal *Portal) {
	for range 3 {
		for _, q := range batch.Questions() {
			switch q.Lookup.Name {
			case "records":
				batch.Answer(q, portal.Search(q.With.Get("objectType").Text(), q.With.Get("property").Text(), q.Key))
			case "objectProperties":
				batch.Answer(q, portal.ObjectProperties(q.Key))
			default:
				batch.Answer(q, engine.Reply{})
			}
		}
	}
	batch.Questions()
}

func outcomeOf(e *engine.Element) (Outcome, error) {
	switch e.Status {
	case engine.Rejected:
		return Outcome{Status: e.Error.Status, Why: e.Error.Error()}, nil
	case engine.Filtered:
		return Outcome{Status: 298, Why: e.Reason}, nil // RudderStack's code for events that are left out
	}
	requests := make([]any, len(e.Requests))
	for i, r := range e.Requests {
		v, err := decode(value.AppendJSON(nil, r.Descriptor))
		if err != nil {
			return Outcome{}, fmt.Errorf("our own request: %w", err)
		}
		requests[i] = v
	}
	text, err := normal(requests)
	return Outcome{Status: 200, Requests: text}, err
}
