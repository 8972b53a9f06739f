package simulator

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

// problem is the body of a refusal, and the entry of a record that failed in a
// batch.
type problem struct {
	Status        string              `json:"status"`
	Message       string              `json:"message"`
	CorrelationID string              `json:"correlationId,omitempty"`
	Context       map[string][]string `json:"context,omitempty"`
	Links         map[string]string   `json:"links,omitzero"`
	Errors        []detail            `json:"errors,omitempty"`
	Category      string              `json:"category,omitempty"`
	SubCategory   string              `json:"subCategory,omitempty"`
}

// detail is one of a problem's parts.
type detail struct {
	Message     string              `json:"message"`
	Code        string              `json:"code,omitempty"`
	SubCategory string              `json:"subCategory,omitempty"`
	Context     map[string][]string `json:"context,omitempty"`
}

// problem refuses the call.
func (c *call) problem(status int, p problem) *answer {
	p.Status, p.CorrelationID = "error", c.id
	return jsonAnswer(status, p)
}

// invalid refuses what the caller sent, in words.
func (c *call) invalid(message string) *answer {
	return c.problem(http.StatusBadRequest, problem{Message: message, Category: "VALIDATION_ERROR"})
}

// jsonAnswer answers with a value as JSON. For answers that are not many; those
// of batches are written by hand.
func jsonAnswer(status int, body any) *answer {
	text, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		panic("simulator: an answer is no JSON: " + err.Error()) // every answer is made here
	}
	return &answer{status: status, body: text}
}

// quoted joins texts the way HubSpot shows lists.
func quoted(texts []string) string { return "[" + strings.Join(texts, ", ") + "]" }
