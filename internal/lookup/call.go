package lookup

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/outbound"
)

const (
	mostTries   = 6                // of one call
	mostPause   = time.Minute      // while the API has trouble
	mostBrake   = 10 * time.Minute // while the API is called too often
	mostRefusal = 10 * time.Second // while the API refuses the credentials: events are lost meanwhile
	mostWait    = 24 * time.Hour   // that an API may ask for
)

// perform makes a call that was admitted, and makes it again while that may help
// and the deadline allows. Where the API says so, or has trouble, further calls
// have to wait.
func (a *account) perform(c *engine.Call, deadline time.Time) (engine.Answer, *engine.LookupFailure) {
	h, p := a.host, a.pace
	for try := 1; ; try++ {
		answered := func(engine.Answer) {}
		if h.admit != nil {
			answered = h.admit(c)
		}
		started := time.Now()
		answer, err := h.client.Do(context.Background(), outbound.Request{Method: c.Method, URL: c.URL, Headers: c.Headers, Body: c.Body, Timeout: h.timeout})
		answered(answer)
		h.meter.Call(a.kind, c.Name, answer.Status, time.Since(started))
		if answer.Status/100 == 2 {
			p.succeeded(c.Name, started)
			return answer, nil
		}
		failure := failureOf(c, answer, err)
		again := try < mostTries
		after, err := c.Wait(answer)
		var unknown *engine.EventError
		if errors.As(err, &unknown) && unknown.Rule != nil { // its message may quote the API
			h.log.Warn("a rule on failures cannot be used: how long to wait is not known", "destination", a.kind, "destinationId", a.id, "lookup", c.Name, "rule", unknown.Rule.Place)
		}
		switch after = max(retryAfter(answer), after); {
		case after > 0:
			p.whole.close("", failure, after)
		case failure.Status == http.StatusTooManyRequests:
			p.whole.brake("", failure, started, p.pause, mostBrake)
		case failure.Status == http.StatusUnauthorized || failure.Status == http.StatusForbidden:
			p.names.brake(c.Name, failure, started, p.pause, mostRefusal)
			again = false
		case !mayPass(failure.Status):
			again = false
		default:
			wait := h.pause / 4 << (try - 1)
			wait = wait/2 + spread(wait/2)
			if again = again && time.Now().Add(wait).Before(deadline); again {
				time.Sleep(wait)
			} else {
				p.names.brake(c.Name, failure, started, p.pause, mostPause)
			}
		}
		if again {
			again = p.admit(c.Name, c.PerSecond, deadline) == nil
		}
		if !again {
			a.warn(c, answer.Status, try, failure)
			return answer, failure
		}
	}
}

// mayPass reports whether what got this status may get through later.
func mayPass(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// retryAfter is how long an answer asks to wait, 0 where it does not.
func retryAfter(a engine.Answer) time.Duration {
	v := a.Headers["retry-after"]
	if seconds, err := strconv.ParseFloat(v, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, mostWait.Seconds()) * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(time.Until(t), 0), mostWait)
	}
	return 0
}

// failureOf says why a call has no answer that can be used. It tells nothing that
// proves who calls, even where the API repeats it.
func failureOf(c *engine.Call, a engine.Answer, err error) *engine.LookupFailure {
	if err != nil {
		return &engine.LookupFailure{Status: http.StatusGatewayTimeout, Message: err.Error()}
	}
	f := &engine.LookupFailure{Status: a.Status, Headers: a.Headers, Message: strings.TrimSpace(fmt.Sprintf("HTTP %d %s", a.Status, http.StatusText(a.Status)))}
	n, err := value.Parse(value.NewArena(), a.Body, value.Limits{Bytes: 64 << 10, Nodes: 10_000})
	if err != nil || n.Kind() != value.Object {
		return f
	}
	secrets := secretsOf(c)
	f.Body = []byte(secrets.Replace(string(a.Body)))
	for _, m := range []*value.Node{n.Get("message"), n.Get("error").Get("message"), n.Get("error"), n.Get("detail"), n.Get("title")} {
		if m.Kind() == value.String && m.Text() != "" {
			f.Message = shortened(secrets.Replace(m.Text()))
			break
		}
	}
	return f
}

// secretsOf hides what a call says about who calls: the words of its headers and
// its parameters, as some of them do.
func secretsOf(c *engine.Call) *strings.Replacer {
	var pairs []string
	hide := func(word string) {
		if len(word) >= 8 {
			pairs = append(pairs, word, "***")
		}
	}
	for name, v := range c.Headers {
		if !strings.EqualFold(name, "Content-Type") && !strings.EqualFold(name, "Accept") {
			for _, word := range strings.Fields(v) {
				hide(word)
			}
		}
	}
	if _, query, ok := strings.Cut(c.URL, "?"); ok {
		for _, parameter := range strings.Split(query, "&") {
			_, v, _ := strings.Cut(parameter, "=")
			hide(v)
		}
	}
	return strings.NewReplacer(pairs...)
}

// address is what looks like one of e-mail.
var address = regexp.MustCompile(`[^\s"'<>()\[\]{},;:=|]+@[^\s"'<>()\[\]{},;:=|]+`)

// impersonal hides what may belong to a person: what a call looks for, what was
// found, and addresses of others.
func impersonal(c *engine.Call, status int, message string) string {
	if len(c.Questions) > 0 && status/100 == 2 { // the message quotes what was found
		return "the answer cannot be read"
	}
	message = address.ReplaceAllString(message, "***")
	var keys []string
	for _, q := range c.Questions {
		if len(q.Key) > 2 {
			keys = append(keys, regexp.QuoteMeta(q.Key))
		}
	}
	if len(keys) == 0 {
		return message
	}
	hide, err := regexp.Compile("(?i)" + strings.Join(keys, "|"))
	if err != nil { // too many keys for one expression
		return "(not shown)"
	}
	return hide.ReplaceAllString(message, "***")
}

// shortened is a message of an API, to be repeated in ours.
func shortened(s string) string { return value.Shorten(s, 300) }

// sum is a hash over texts, which it keeps apart.
type sum struct{ text []byte }

func newSum(texts ...string) *sum {
	s := &sum{}
	for _, t := range texts {
		s.add(t)
	}
	return s
}

func (s *sum) add(text string) {
	s.text = append(binary.AppendUvarint(s.text, uint64(len(text))), text...)
}

func (s *sum) addHeaders(c *engine.Call) {
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		s.add(name)
		s.add(c.Headers[name])
	}
}

func (s *sum) sum() [sha256.Size]byte { return sha256.Sum256(s.text) }

// sumOf is a hash of all of a call: another token is another sum.
func sumOf(kind, id string, c *engine.Call) [sha256.Size]byte {
	s := newSum(kind, id, c.Method, c.URL, string(c.Body))
	s.addHeaders(c)
	return s.sum()
}
