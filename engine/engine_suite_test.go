package engine_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

func TestEngine(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Engine")
}

// now is the time of every test.
var now = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func sub(dir string) fs.FS { return os.DirFS("testdata/" + dir) }

// shop loads the destination of testdata/shop.
func shop(with ...engine.Option) *engine.Program {
	p, err := engine.Load(sub("shop"), append([]engine.Option{engine.WithName("shop"), engine.WithEvents("spec", sub("spec"))}, with...)...)
	ExpectWithOffset(1, err).NotTo(HaveOccurred())
	return p
}

func bind(p *engine.Program, config string) *engine.Connection {
	c, err := p.Bind(engine.Settings{Config: []byte(config), Now: now})
	ExpectWithOffset(1, err).NotTo(HaveOccurred())
	return c
}

func inputs(events ...string) []engine.Input {
	in := make([]engine.Input, len(events))
	for i, e := range events {
		in[i] = engine.Input{JSON: []byte(e), Index: i}
	}
	return in
}

// lines maps events and returns the result lines.
func lines(c *engine.Connection, events ...string) []string {
	o := c.Plan(inputs(events...)).Map()
	defer o.Release()
	var out []string
	for _, r := range o.Results() {
		out = append(out, string(r.AppendJSON(nil)))
	}
	return out
}

func dig(line string, path ...any) any {
	var v any
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	ExpectWithOffset(1, d.Decode(&v)).To(Succeed(), line)
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}
