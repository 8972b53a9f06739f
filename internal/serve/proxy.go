package serve

import (
	"context"
	"net/http"
)

// proxy answers POST /v0/destinations/TYPE/proxy and /v1/destinations/TYPE/proxy.
func (s *Server) proxy(version, destType string) handler {
	if s.passes(destType) {
		return s.other
	}
	return s.withBody(func(ctx context.Context, w *answer, r *http.Request, v *visit) {
		s.refuse(w, r, refusal{http.StatusInternalServerError, "not_built", "not built yet"})
	})
}
