package serve

import (
	"context"
	"net/http"

	"github.com/celmap/celmap/internal/rudder"
)

// proxy answers POST /v0/destinations/TYPE/proxy and /v1/destinations/TYPE/proxy.
func (s *Server) proxy(version, destType string) handler {
	if s.passes(destType) {
		return s.other
	}
	number := 0
	if version == "v1" {
		number = 1
	}
	return s.withBody(func(ctx context.Context, w *answer, r *http.Request, v *visit) {
		var p *rudder.Proxy
		if d := v.rules.find(destType); d != nil {
			p = d.proxy
		} else {
			p = rudder.UnservedProxy(destType, v.rules.unserved)
			p.Count = s.metrics.delivered("other")
		}
		status, text := p.Deliver(ctx, number, r.Header, v.body)
		s.reply(w, status, text)
	})
}
