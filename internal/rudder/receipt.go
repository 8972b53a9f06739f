package rudder

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/delivery"
)

// receipt is what became of a job that was to be delivered.
type receipt struct {
	status  int
	alone   bool   // the next try is to be by itself
	text    string // what the API answered, and what that means
	outcome string // by the rules, "" where none applied
}

// refused is the receipt for a descriptor that is not sent.
func refused(err error) receipt {
	r := receipt{status: http.StatusInternalServerError, text: "nothing was sent: " + err.Error()}
	if known, ok := err.(*delivery.Refusal); ok && known.Status < 599 { // 599 would be tried again without end
		r.status = known.Status
	}
	return r
}

// sum is the receipt for all of what was delivered: what is to be tried again
// counts most, then what failed.
func sum(all []receipt) receipt {
	worst := all[0]
	for _, r := range all[1:] {
		if r.weight() > worst.weight() {
			worst = r
		}
	}
	return worst
}

func (r receipt) weight() int {
	switch {
	case r.status < 300:
		return 0
	case !again(r.status):
		return 1
	}
	return 2
}

// again reports whether rudder-server tries a job with this status again.
func again(status int) bool { return status == 408 || status == 429 || status >= 500 }

// answered is the API's answer to what was delivered.
type answered struct {
	engine.Answer
	text string // of its body, or why there is none
}

// receipt turns an outcome by the rules into what rudder-server understands. sole
// says that a job was alone already.
func (a answered) receipt(o engine.Outcome, sole bool) receipt {
	r := receipt{outcome: o.Do, text: a.explain(o)}
	switch o.Do {
	case "done":
		if r.status = a.Status; r.status/100 != 2 || r.status == http.StatusMultiStatus {
			r.status = http.StatusOK
		}
	case "done-with-warning":
		r.status = http.StatusOK
	case "retry":
		r.status = a.later(o)
	case "retry-alone":
		if sole && a.Status/100 == 4 { // it would be refused again
			r.status = a.never()
			break
		}
		r.status, r.alone = http.StatusInternalServerError, true
	default: // refresh-credentials, pause-destination, give-up
		r.status = a.never()
	}
	return r
}

// later is a status upon which rudder-server tries again. With 429 it does so
// without end: that is for APIs that say how long to wait.
func (a answered) later(o engine.Outcome) int {
	switch {
	case a.Status == 0:
		return http.StatusGatewayTimeout
	case again(a.Status) && a.Status < 599:
		return a.Status
	case o.After > 0:
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}

// never is a status upon which rudder-server gives up.
func (a answered) never() int {
	if a.Status/100 == 4 && !again(a.Status) {
		return a.Status
	}
	return http.StatusBadRequest
}

// byStatus is the receipt for what no rules judge: jobs that are delivered share the
// status of the answer. One that is about some jobs of a batch, or refuses it for the
// sake of one, has each sent by itself.
func (a answered) byStatus(jobs int) receipt {
	r := receipt{status: a.Status, text: a.text}
	switch {
	case a.Status == 0:
		r.status, r.text = http.StatusGatewayTimeout, a.because("")
	case jobs > 1 && (a.Status == http.StatusMultiStatus || a.Status == http.StatusBadRequest):
		r.status, r.alone = http.StatusInternalServerError, true
	case a.Status/100 == 2:
		r.status = http.StatusOK
	case a.Status >= 599:
		r.status = http.StatusInternalServerError
	}
	return r
}

// meanings says what rudder-server will do, by outcome.
var meanings = map[string]string{
	"done-with-warning":   "it counts as delivered",
	"retry":               "it is tried again",
	"retry-alone":         "it is tried again by itself",
	"refresh-credentials": "it is given up: renew the credentials in the destination's settings",
	"pause-destination":   "it is given up: the API refuses this destination until its settings or permissions are changed",
	"give-up":             "it is given up",
}

// explain says why a job fared as it did, and what the API answered. On success it
// is the answer alone.
func (a answered) explain(o engine.Outcome) string {
	if o.Do == "done" {
		return clip(a.text, maxText)
	}
	why := meanings[o.Do]
	if o.Rule != nil {
		why += ", by the rule " + o.Rule.ID
	}
	if o.Because != "" {
		why = o.Because + " (" + why + ")"
	}
	return clip(a.because(why), maxText)
}

func (a answered) because(why string) string {
	said := "there was no answer"
	if a.Status > 0 {
		said = "the API answered " + strconv.Itoa(a.Status)
	}
	if a.text != "" {
		said += ": " + a.text
	}
	if why == "" {
		return said
	}
	return why + "; " + said
}

// maxText bounds the text of a receipt, in bytes, as rudder-server bounds what it
// stores with every try of a job.
const maxText = 10 << 10

// textOfAnswer returns the body of an answer as people read it. What is no text is
// not shown.
func textOfAnswer(a engine.Answer) string {
	kind, _, err := mime.ParseMediaType(a.Headers["content-type"])
	readable := strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "xml")
	if len(a.Body) > 0 && err == nil && !readable {
		return fmt.Sprintf("(%d bytes of %s, not shown)", len(a.Body), kind)
	}
	return clip(strings.ToValidUTF8(string(a.Body[:min(len(a.Body), maxText+utf8.UTFMax)]), "\uFFFD"), maxText)
}

// answer writes the answer to a parcel: what became of the whole, and with version
// 1 of each job.
func (p *Proxy) answer(x *parcel, whole receipt, each []receipt) []byte {
	status, delivered := whole.status, 0
	for _, r := range each {
		if r.status != whole.status {
			status = http.StatusMultiStatus
		}
		if r.status < 300 {
			delivered++
		}
		p.count(r)
	}
	message := clip(whole.text, maxMessage)
	if each != nil {
		message = fmt.Sprintf("%d of %d jobs were delivered", delivered, len(each))
	}
	dst := strconv.AppendInt([]byte(`{"output":{"status":`), int64(status), 10)
	dst = value.AppendString(append(dst, `,"message":`...), message)
	if x.version == 0 {
		p.count(whole)
		dst = strconv.AppendInt(append(dst, `,"destinationResponse":{"status":`...), int64(status), 10)
		dst = append(value.AppendString(append(dst, `,"response":`...), whole.text), '}')
		return append(p.appendTags(dst, x, whole), "}}"...)
	}
	dst = append(dst, `,"response":[`...)
	for i, r := range each {
		if i > 0 {
			dst = append(dst, ',')
		}
		metadata := []byte(x.jobs[i].metadata)
		if r.alone {
			metadata = sentAlone(metadata)
		}
		dst = strconv.AppendInt(append(dst, `{"statusCode":`...), int64(r.status), 10)
		dst = append(append(dst, `,"metadata":`...), metadata...)
		dst = append(value.AppendString(append(dst, `,"error":`...), r.text), '}')
	}
	return append(p.appendTags(append(dst, ']'), x, whole), "}}"...)
}

func (p *Proxy) count(r receipt) {
	if p.Count != nil {
		p.Count(r.status, r.outcome)
	}
}

// appendTags says how rudder-server's metrics shall count a failure. All of them
// are texts: rudder-server refuses others.
func (p *Proxy) appendTags(dst []byte, x *parcel, r receipt) []byte {
	kind := "aborted"
	switch {
	case r.weight() == 0:
		return dst
	case r.status == http.StatusTooManyRequests:
		kind = "throttled"
	case again(r.status):
		kind = "retryable"
	}
	dst = append(append(dst, `,"statTags":{"errorCategory":"network","errorType":"`...), kind...)
	dst = value.AppendString(append(dst, `","destType":`...), strings.ToUpper(p.Type))
	dst = append(dst, `,"module":"destination","implementation":"celmap","feature":"dataDelivery"`...)
	if len(x.jobs) > 0 {
		dst = value.AppendString(append(dst, `,"destinationId":`...), x.jobs[0].of.DestinationID)
		dst = value.AppendString(append(dst, `,"workspaceId":`...), x.jobs[0].of.WorkspaceID)
	}
	return append(dst, '}')
}
