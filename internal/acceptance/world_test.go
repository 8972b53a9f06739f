//go:build linux

package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/celmap/celmap/internal/hubspotstub"
	"github.com/celmap/celmap/internal/rudderserver"
)

// hubspot is the server that stands where HubSpot would. It has an account for
// each token, and takes deliveries.
type hubspot struct {
	*httptest.Server
	accounts sync.Map // token → *account
	numbers  atomic.Int64
}

// account is one account of HubSpot, and what was delivered to it.
type account struct {
	*hubspotstub.Stub
	token string
	write atomic.Value // http.HandlerFunc: what becomes of a delivery
}

// instead of the true hosts, for the flag --connect-to.
func (h *hubspot) connectTo() []string {
	return []string{"--connect-to", "api.hubapi.com=" + h.URL, "--connect-to", "track.hubspot.com=" + h.URL}
}

func newHubSpot() *hubspot {
	h := &hubspot{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		found, ok := h.accounts.Load(token)
		if !ok {
			http.Error(w, `{"status":"error","message":"there is no such token","category":"INVALID_AUTHENTICATION"}`, http.StatusUnauthorized)
			return
		}
		a := found.(*account)
		read := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/properties/") || strings.HasSuffix(r.URL.Path, "/search")
		if write, ok := a.write.Load().(http.HandlerFunc); ok && !read {
			write(w, r)
			return
		}
		a.ServeHTTP(w, r)
	}))
	return h
}

// open makes an account with a token that nobody has used before, so that
// nothing is remembered of it.
func (h *hubspot) open() *account {
	a := &account{Stub: hubspotstub.New(portal), token: fmt.Sprintf("made-up-token-%d", h.numbers.Add(1))}
	h.accounts.Store(a.token, a)
	return a
}

// portal has what events of the tests need. A customer code is no unique
// property, so contacts are searched for by it: k1 to k4 are found, k5 twice.
var portal = hubspotstub.Portal{
	Properties: properties("email:string", "firstname:string", "lastname:string", "phone:string", "company:string", "jobtitle:string", "address:string",
		"city:string", "state:string", "country:string", "zip:string", "plan:string", "seats:number", "signup_date:date", "customer_code:string", "vip:bool"),
	Unique: map[string]map[string]bool{"contacts": {"email": true}, "deals": {"deal_code": true}},
	Objects: map[string][]hubspotstub.Object{"contacts": {
		{ID: "101", Properties: map[string]any{"customer_code": "k1", "email": "k1@example.test"}},
		{ID: "102", Properties: map[string]any{"customer_code": "k2"}},
		{ID: "103", Properties: map[string]any{"customer_code": "k3"}},
		{ID: "104", Properties: map[string]any{"customer_code": "k4"}},
		{ID: "105", Properties: map[string]any{"customer_code": "k5"}},
		{ID: "106", Properties: map[string]any{"customer_code": "k5"}},
	}},
}

func properties(namesAndTypes ...string) []map[string]any {
	var all []map[string]any
	for _, p := range namesAndTypes {
		name, kind, _ := strings.Cut(p, ":")
		all = append(all, map[string]any{"name": name, "type": kind, "fieldType": "text"})
	}
	return all
}

// destination is a configured destination. Its bytes have what rudder-server
// sends, in its order.
func destination(id string, config map[string]any) json.RawMessage {
	return object("ID", id, "Name", "made-up "+id,
		"DestinationDefinition", object("ID", "def", "Name", "HS", "DisplayName", "HubSpot", "Config", object("transformAtV1", "router")),
		"Config", config, "Enabled", true, "WorkspaceID", "ws", "Transformations", []any{}, "IsProcessorEnabled", true, "RevisionID", "r1", "hasDynamicConfig", false)
}

func newAPI(token, lookupField string) map[string]any {
	return map[string]any{
		"authorizationType": "newPrivateAppApi", "accessToken": token, "hubID": "1", "apiVersion": "newApi", "lookupField": lookupField,
		"hubspotEvents": []any{map[string]any{"rsEventName": "Order Completed", "hubspotEventName": "pe1_order_completed",
			"eventProperties": []any{map[string]any{"from": "total", "to": "total"}}}},
	}
}

func legacyAPI(token string) map[string]any {
	return map[string]any{"authorizationType": "newPrivateAppApi", "accessToken": token, "hubID": "1", "apiVersion": "legacyApi"}
}

// job makes a job of a message.
func job(id int64, user string, message any, to json.RawMessage) rudderserver.Job {
	var d struct{ ID string }
	if err := json.Unmarshal(to, &d); err != nil {
		panic(err)
	}
	m := rudderserver.Metadata{
		UserID: "<<>>anon-" + user + "<<>>" + user, JobID: id, SourceID: "src", DestinationID: d.ID, WorkspaceID: "ws", TransformAt: "router",
		ReceivedAt: "2026-11-23T08:38:36.315Z", CreatedAt: "2026-11-23T08:38:37.092Z", WorkerAssignedTime: "2026-11-23T08:38:38.102025067Z",
	}
	return rudderserver.Job{Message: encoded(message), Metadata: m.JSON(), Destination: to}
}

// object is a JSON object with its keys in the given order.
func object(keysAndValues ...any) json.RawMessage {
	var b strings.Builder
	for i := 0; i < len(keysAndValues); i += 2 {
		b.WriteString([]string{",", "{"}[max(0, 1-i)])
		fmt.Fprintf(&b, "%s:%s", encoded(keysAndValues[i]), encoded(keysAndValues[i+1]))
	}
	return json.RawMessage(b.String() + "}")
}

func encoded(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
