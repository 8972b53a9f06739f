package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

var _ = Describe("Portal files", func() {
	It("are read with the sample", func() {
		p, _, err := readPortal("../../fixtures/hubspot/sample-portal.yaml")
		Expect(err).NotTo(HaveOccurred())
		Expect(p.PortalID).To(BeEquivalentTo(4571203))
		_, err = simulator.New(p, simulator.Options{})
		Expect(err).NotTo(HaveOccurred())
	})

	It("have a schema that knows what the simulator knows", func() {
		data, err := os.ReadFile("../../schemas/" + portalFile)
		Expect(err).NotTo(HaveOccurred())
		var schema map[string]any
		Expect(json.Unmarshal(data, &schema)).To(Succeed())
		var same func(at string, t reflect.Type, s map[string]any)
		same = func(at string, t reflect.Type, s map[string]any) {
			if ref, ok := s["$ref"].(string); ok {
				s = schema["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
			}
			switch t.Kind() {
			case reflect.Pointer:
				same(at, t.Elem(), s)
			case reflect.Slice:
				same(at+"[]", t.Elem(), s["items"].(map[string]any))
			case reflect.Map:
				if below, ok := s["additionalProperties"].(map[string]any); ok {
					same(at+".*", t.Elem(), below)
				} else { // by names that are listed
					Expect(slices.Sorted(maps.Keys(s["properties"].(map[string]any)))).To(Equal(kindsOfTrouble()), at)
				}
			case reflect.Struct:
				below, ok := s["properties"].(map[string]any)
				if !ok { // a duration or a time, which are texts
					Expect(s["type"]).To(Equal("string"), at)
					return
				}
				var names []string
				for i := range t.NumField() {
					name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
					if name == "-" {
						continue
					}
					names = append(names, name)
					Expect(below).To(HaveKey(name), at)
					same(at+"."+name, t.Field(i).Type, below[name].(map[string]any))
				}
				Expect(slices.Sorted(maps.Keys(below))).To(ConsistOf(names), at)
			default:
				Expect(s).To(Or(HaveKeyWithValue("type", map[reflect.Kind]string{
					reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer", reflect.Float64: "number",
				}[t.Kind()]), HaveKey("enum")), at)
			}
		}
		same("portal", reflect.TypeFor[simulator.Portal](), schema)
	})

	It("have a schema whose choices the simulator takes", func() {
		data, err := os.ReadFile("../../schemas/" + portalFile)
		Expect(err).NotTo(HaveOccurred())
		var schema struct {
			Properties map[string]struct {
				Properties map[string]struct{ Enum []string }
			}
		}
		Expect(json.Unmarshal(data, &schema)).To(Succeed())
		choices := 0
		for part, s := range schema.Properties {
			for name, p := range s.Properties {
				for _, choice := range p.Enum {
					_, err := simulator.ReadPortal(fmt.Appendf(nil, `{%q: {%q: %q}}`, part, name, choice))
					Expect(err).NotTo(HaveOccurred())
					choices++
				}
			}
		}
		Expect(choices).To(BeNumerically(">", 30))
	})
})

func kindsOfTrouble() []string {
	var names []string
	for _, k := range simulator.FaultKinds {
		names = append(names, string(k))
	}
	slices.Sort(names)
	return names
}
