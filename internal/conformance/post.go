package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/celmap/celmap/internal/hubspotstub"
)

// Post has a server transform the jobs of a case, as rudder-server would, and
// returns what became of them. The destination gets the case's ID in place of its
// own, so that nothing is remembered from one account to the next.
func (c *Case) Post(server string) (Outcomes, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	response, err := http.Post(server+"/routerTransform", "application/json; charset=utf-8", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return c.refused(fmt.Sprintf("%s: %s", response.Status, answer))
	}
	var elements struct {
		Output []Element `json:"output"`
	}
	if err := json.Unmarshal(answer, &elements); err != nil {
		return nil, fmt.Errorf("our own answer: %w", err)
	}
	return outcomes(elements.Output)
}

func (c *Case) body() ([]byte, error) {
	id, err := json.Marshal(c.ID)
	if err != nil {
		return nil, err
	}
	for i := range c.Input {
		c.Input[i].Destination["ID"] = id
	}
	return json.Marshal(map[string]any{"input": c.Input, "destType": "hs"})
}

// Where the transformer asks for the properties of contacts, and where we do.
const theirProperties, ourProperties = "/properties/v1/contacts/properties", "/crm/v3/properties/contacts"

// Account returns the account behind the lookups. A fixed answer that the
// transformer gets to its question for the properties is one to ours, too.
func (c *Case) Account() hubspotstub.Portal {
	portal := c.Portal
	for _, o := range slices.Clone(portal.Overrides) {
		if o.Path == theirProperties {
			o.Path = ourProperties
			portal.Overrides = append(slices.Clip(portal.Overrides), o)
		}
	}
	return portal
}
