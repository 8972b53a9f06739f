package simulator

import (
	"net/http"
)

// Legacy says how the old APIs behave.
type Legacy struct {
	AppliedAfter Duration `json:"appliedAfter"` // how long until a batch of contacts v1 is applied; default 5s
	Track        string   `json:"track"`        // events to track.hubspot.com: "ignore" (default, as since August 2025) or "record"
}

// complete fills in defaults.
func (l *Legacy) complete() error {
	if !l.AppliedAfter.Given {
		l.AppliedAfter = Duration{defaultLag, true}
	}
	return settle("/legacy/", []setting{{"track", &l.Track, []string{"ignore", "record"}}})
}

// legacyRoutes are those of old APIs that still answer.
var legacyRoutes = []route{
	{tracking, http.MethodGet, "", "", free, (*Simulator).track},
}

// track answers as track.hubspot.com does: failures cannot be seen.
func (s *Simulator) track(c *call) *answer {
	return &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"image/gif"}}}
}
