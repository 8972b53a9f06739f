package simulator

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// watch has what tests look at answered. These paths need no token, are not
// limited, meet no trouble and are in no list.
func (s *Simulator) watch() {
	lists := map[string]*ledger{"requests": s.journal.requests, "writes": s.journal.writes, "events": s.journal.events}
	for name, list := range lists {
		s.mux.HandleFunc("GET /_sim/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ndjson)
			if _, dropped := list.counts(); dropped > 0 {
				w.Header().Set("X-Dropped", strconv.FormatUint(dropped, 10))
			}
			_, _ = list.WriteTo(w) // who asked may have gone
		})
	}
	s.mux.HandleFunc("GET /_sim/objects/{type}", s.showObjects)
	s.mux.HandleFunc("GET /_sim/stats", s.showStats)
	s.mux.HandleFunc("POST /_sim/clock", s.setClock)
	s.mux.HandleFunc("/_sim/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "there are GET /_sim/objects/{type}, /_sim/events, /_sim/requests, /_sim/writes and /_sim/stats, and POST /_sim/clock?advance=DURATION", http.StatusNotFound)
	})
}

const ndjson = "application/x-ndjson"

// showObjects lists the records of a type as they are, in the order in which they
// were made, without those that were archived.
func (s *Simulator) showObjects(w http.ResponseWriter, r *http.Request) {
	t := s.types.find(r.PathValue("type"))
	if t == nil {
		http.Error(w, "Unable to infer object type from: "+r.PathValue("type"), http.StatusNotFound)
		return
	}
	type row struct {
		id     int64
		fields fields
	}
	t.mu.Lock()
	rows := make([]row, 0, len(t.order))
	for _, r := range t.order {
		if r.now.archived.IsZero() {
			rows = append(rows, row{r.id, r.now.fields}) // which never change
		}
	}
	t.mu.Unlock()
	w.Header().Set("Content-Type", ndjson)
	out := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	for _, r := range rows {
		line = append(line[:0], `{"id":"`...)
		line = strconv.AppendInt(line, r.id, 10)
		line = append(line, `","properties":`...)
		line = append(appendFields(line, r.fields), "}\n"...)
		_, _ = out.Write(line)
	}
	_ = out.Flush() // who asked may have gone
}

// statistics are what GET /_sim/stats answers.
type statistics struct {
	Time    time.Time         `json:"time"`
	Records map[string]int    `json:"records"` // that are there, by type
	Events  uint64            `json:"events"`
	Limits  []usage           `json:"limits"`
	Dropped map[string]uint64 `json:"dropped"` // lines of the lists that are kept no longer
	tally
}

func (s *Simulator) showStats(w http.ResponseWriter, _ *http.Request) {
	st := statistics{Time: s.now().UTC(), Records: map[string]int{}, Limits: s.gate.usages(), Dropped: map[string]uint64{}}
	s.types.each(func(t *table) {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, r := range t.order {
			if r.now.archived.IsZero() {
				st.Records[t.name]++
			}
		}
	})
	for name, list := range map[string]*ledger{"requests": s.journal.requests, "writes": s.journal.writes, "events": s.journal.events} {
		lines, dropped := list.counts()
		if st.Dropped[name] = dropped; name == "events" {
			st.Events = lines
		}
	}
	s.journal.mu.Lock()
	st.tally = s.journal.stats
	text, err := json.Marshal(st, json.Deterministic(true))
	s.journal.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n'))
}

// setClock sets the portal's clock forward: limits begin anew, searches find what
// they did not, tokens expire.
func (s *Simulator) setClock(w http.ResponseWriter, r *http.Request) {
	by, err := time.ParseDuration(r.FormValue("advance"))
	if err != nil || by < 0 {
		http.Error(w, fmt.Sprintf("advance=%q is no duration: write it as 5s, 10m or 24h", r.FormValue("advance")), http.StatusBadRequest)
		return
	}
	s.ahead.Add(int64(by))
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, "{\"time\":%q}\n", s.now().UTC().Format(time.RFC3339Nano))
}
