package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

// object is a JSON object.
type object = map[string]any

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// portal is a simulator behind a server.
type portal struct {
	server *httptest.Server
	clock  *clock
}

// start serves the portal of a file, written as JSON.
func start(file string) *portal {
	GinkgoHelper()
	p, err := simulator.ReadPortal([]byte(file))
	Expect(err).NotTo(HaveOccurred())
	c := &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	s, err := simulator.New(p, simulator.Options{Seed: 1, Now: c.Now})
	Expect(err).NotTo(HaveOccurred())
	server := httptest.NewServer(s)
	DeferCleanup(server.Close)
	return &portal{server, c}
}

// answer is what the server answered.
type answer struct {
	status int
	header http.Header
	text   string
	body   object
}

// do sends a request; a body that is no text is sent as JSON.
func (p *portal) do(method, path string, body any) answer {
	GinkgoHelper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	default:
		var err error
		text, err = json.Marshal(b)
		Expect(err).NotTo(HaveOccurred())
	}
	request, err := http.NewRequest(method, p.server.URL+path, bytes.NewReader(text))
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Authorization", "Bearer pat-na1-test")
	response, err := p.server.Client().Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	a := answer{status: response.StatusCode, header: response.Header, text: string(read)}
	if len(read) > 0 {
		Expect(response.Header.Get("Content-Type")).To(Equal("application/json;charset=utf-8"))
		if read[0] == '{' {
			Expect(json.Unmarshal(read, &a.body)).To(Succeed(), a.text)
		}
	}
	return a
}

func (p *portal) post(path string, body any) answer {
	GinkgoHelper()
	return p.do("POST", path, body)
}

func (p *portal) get(path string) answer {
	GinkgoHelper()
	return p.do("GET", path, nil)
}

// made creates a record, and returns its id.
func (p *portal) made(kind string, properties object) string {
	GinkgoHelper()
	a := p.post("/crm/v3/objects/"+kind, object{"properties": properties})
	Expect(a.status).To(Equal(201), a.text)
	return a.body["id"].(string)
}

// properties returns those of a record.
func (p *portal) properties(kind, id string, names ...string) object {
	GinkgoHelper()
	a := p.get("/crm/v3/objects/" + kind + "/" + id + "?properties=" + strings.Join(names, ","))
	Expect(a.status).To(Equal(200), a.text)
	return a.body["properties"].(object)
}

// batch sends inputs.
func (p *portal) batch(path string, inputs ...object) answer {
	GinkgoHelper()
	return p.post(path, object{"inputs": inputs})
}

// results returns the results of a batch by one of their fields, or of their
// properties.
func (a answer) results(by string) map[string]object {
	GinkgoHelper()
	all := map[string]object{}
	for _, r := range a.body["results"].([]any) {
		r := r.(object)
		key := r[by]
		if key == nil {
			key = r["properties"].(object)[by]
		}
		all[fmt.Sprint(key)] = r
	}
	return all
}

// errors returns the errors of a batch.
func (a answer) errors() []object {
	GinkgoHelper()
	var all []object
	list, _ := a.body["errors"].([]any)
	for _, e := range list {
		all = append(all, e.(object))
	}
	return all
}

// codes returns the codes of a refusal's violations, by property, and holds that
// both places agree.
func (a answer) codes() map[string]string {
	GinkgoHelper()
	message, found := strings.CutPrefix(a.body["message"].(string), "Property values were not valid: ")
	Expect(found).To(BeTrue(), a.text)
	var list []object
	Expect(json.Unmarshal([]byte(message), &list)).To(Succeed())
	codes := map[string]string{}
	Expect(list).To(HaveLen(len(a.errors())))
	for i, v := range list {
		codes[v["name"].(string)] = v["error"].(string)
		Expect(a.errors()[i]).To(HaveKeyWithValue("code", v["error"]))
		Expect(a.errors()[i]).To(HaveKeyWithValue("message", v["message"]))
		Expect(v).To(HaveKeyWithValue("isValid", false))
		Expect(v).To(HaveKeyWithValue("localizedErrorMessage", v["message"]))
		Expect(v).To(HaveKeyWithValue("portalId", 12345678.0))
	}
	return codes
}
