package schema_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/fitting"
)

// refused are the groups of the test suite whose schema Compile refuses on
// purpose, by the words of the error. Each must still be refused.
var refused = map[string]string{
	// Nothing is fetched, not even what a library brings along.
	"definitions: valid definition":                           "nothing is fetched",
	"definitions: invalid definition":                         "nothing is fetched",
	"ref: remote ref, containing refs itself":                 "nothing is fetched",
	"refRemote: remote ref":                                   "nothing is fetched",
	"refRemote: fragment within remote ref":                   "nothing is fetched",
	"refRemote: ref within remote ref":                        "nothing is fetched",
	"refRemote: base URI change":                              "$id below the top",
	"refRemote: base URI change - change folder":              "$id below the top",
	"refRemote: base URI change - change folder in subschema": "$id below the top",
	"refRemote: root ref in remote ref":                       "cannot refer to other files",
	"ref: Recursive references between schemas":               "$id below the top",

	// What draft-07 ignores is a mistake of the author here.
	"ref: ref overrides any sibling keywords": `ignores "maxItems" beside $ref`,
	"ref: escaped pointer ref":                `unknown keyword "tilda~field"`,

	// Keywords and formats that are not checked are not accepted either.
	"optional/content: validation of string-encoded content based on media type":             "unknown keyword",
	"optional/content: validation of binary string-encoding":                                 "unknown keyword",
	"optional/content: validation of binary-encoded media type documents":                    "unknown keyword",
	"optional/format/idn-email: validation of an internationalized e-mail addresses":         "unknown format",
	"optional/format/idn-hostname: validation of internationalized host names":               "unknown format",
	"optional/format/iri-reference: validation of IRI References":                            "unknown format",
	"optional/format/iri: validation of IRIs":                                                "unknown format",
	"optional/format/json-pointer: validation of JSON-pointers (JSON String Representation)": "unknown format",
	"optional/format/relative-json-pointer: validation of Relative JSON Pointers (RJP)":      "unknown format",
	"optional/format/time: validation of time strings":                                       "unknown format",
	"optional/format/uri-reference: validation of URI References":                            "unknown format",
	"optional/format/uri-template: format: uri-template":                                     "unknown format",
}

type suiteGroup struct {
	id            string
	schema, tests *value.Node
}

// suiteGroups are read before the tree of specs is built.
var suiteGroups = func() (all []suiteGroup) {
	const folder = "testdata/json-schema-test-suite/draft7"
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path.Join(folder, name))
		if err != nil {
			return err
		}
		groups, err := value.Parse(value.NewArena(), data, value.Limits{})
		if err != nil {
			return err
		}
		for g := groups.First(); g != nil; g = g.Next() {
			all = append(all, suiteGroup{
				strings.TrimSuffix(name, ".json") + ": " + g.Get("description").Text(), g.Get("schema"), g.Get("tests"),
			})
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	return all
}()

var _ = Describe("the draft-07 test suite", func() {
	for _, g := range suiteGroups {
		It(g.id, func() {
			s, err := schema.Compile("schema.json", value.AppendJSON(nil, g.schema))
			if reason, ok := refused[g.id]; ok {
				Expect(err).To(MatchError(ContainSubstring(reason)))
				return
			}
			Expect(err).NotTo(HaveOccurred())
			for test := g.tests.First(); test != nil; test = test.Next() {
				what := g.id + ": " + test.Get("description").Text()
				data, valid := test.Get("data"), test.Get("valid").Bool()
				Expect(len(s.Validate(data)) == 0).To(Equal(valid), what)
				if valid {
					Expect(s.Native(data)).NotTo(Equal("no"), what)
					Expect(fitting.Misfit(data, s.Shape("the schema"))).To(BeEmpty(), what)
				} else {
					Expect(s.Native(data)).NotTo(Equal("yes"), what)
				}
			}
		})
	}

	It("has every group that is refused", func() {
		var ids []string
		for _, g := range suiteGroups {
			ids = append(ids, g.id)
		}
		Expect(ids).To(ContainElements(slices.Collect(maps.Keys(refused))))
	})

	It("has nearly all its valid values accepted natively", func() {
		valid, accepted := 0, 0
		for _, g := range suiteGroups {
			if _, ok := refused[g.id]; ok {
				continue
			}
			s, err := schema.Compile("schema.json", value.AppendJSON(nil, g.schema))
			Expect(err).NotTo(HaveOccurred(), g.id)
			for test := g.tests.First(); test != nil; test = test.Next() {
				if !test.Get("valid").Bool() {
					continue
				}
				if valid++; s.Accepts(test.Get("data")) {
					accepted++
				}
			}
		}
		GinkgoWriter.Println("accepted natively", accepted, "of", valid, "valid values")
		Expect(accepted).To(BeNumerically(">=", valid*95/100))
	})
})
