package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
)

// crm returns the small destination without mistakes, with pieces of person.yaml
// replaced: "old -> new".
func crm(changes ...string) fstest.MapFS {
	GinkgoHelper()
	files := fstest.MapFS{}
	base := "../internal/mistakes/testdata/base"
	Expect(filepath.WalkDir(base, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(base, name)
		files[filepath.ToSlash(rel)] = &fstest.MapFile{Data: data}
		return err
	})).To(Succeed())
	for _, c := range changes {
		old, new, _ := strings.Cut(c, " -> ")
		text := string(files["person.yaml"].Data)
		Expect(strings.Count(text, old)).To(Equal(1), "%q has to be there, once", old)
		files["person.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(text, old, strings.ReplaceAll(new, `\n`, "\n"), 1))}
	}
	return files
}

var _ = Describe("a target that portal data describes", func() {
	check := func(files fstest.MapFS, with ...engine.Option) source.Diagnostics {
		p, found := load(files, with...)
		if p == nil {
			return found
		}
		return p.Warnings()
	}
	account := func(data string) engine.Option { return engine.WithPortal("fields", "account.json", []byte(data)) }

	DescribeTable("is checked with what is built in", func(severity source.Severity, code, at, words string, changes ...string) {
		found := check(crm(changes...))
		Expect(found).To(HaveLen(1), "%v", found)
		Expect(found[0].Code).To(Equal(code))
		Expect(found[0].Severity).To(Equal(severity))
		Expect(found[0].Span.Text()).To(Equal(at))
		Expect(found[0].Summary + " | " + found[0].Help).To(ContainSubstring(words))
	},
		Entry("a name that is nearly that of another", source.Warning, "unknown-target", "frst_name", "did you mean first_name?", "first_name: [firstName -> frst_name: [firstName"),
		Entry("a name that an expression reads", source.Warning, "unknown-target", "plann", "did you mean plan?", "    nulls: \"\" ->     nulls: '=fields.plann.type == null ? null : \"\"'"),
		Entry("one that cannot be written", source.Warning, "unwritable-target", "created", "keep", "      age: age ->       age: age\\n      created: createdAt"),
		Entry("a default that is misspelt", source.Error, "unfit-constant", "fre", "did you mean free?", "default: free -> default: fre"),
		Entry("a default in other letters", source.Error, "unfit-constant", "Free", "did you mean free?", "default: free -> default: Free"),
		Entry("a default that the account may have", source.Warning, "unfit-constant", "enterprise", "it takes free, pro, team", "default: free -> default: enterprise"),
		Entry("a default that cannot be converted", source.Error, "unfit-constant", "old", "is no plain decimal number", "      age: age ->       age: {from: age, default: old}"),
		Entry("a default that is too long", source.Error, "unfit-constant", "Acme Inc", "it has 8 characters, at most 5 are allowed", "  text: text(value) ->   text: {value: text(value), maxLength: 5}", "company: [company.name, company] -> company: {from: company.name, default: Acme Inc}"),
		Entry("a constant", source.Error, "unfit-constant", `"fre"`, "did you mean free?", "plan: {from: plan, default: free} -> plan: '=\"fre\"'"),
		Entry("an alternative", source.Error, "unfit-constant", `"prro"`, "did you mean pro?", "plan: {from: plan, default: free} -> plan: {from: plan, value: 'value == \"free\" ? \"team\" : value == \"pro\" ? \"prro\" : value'}"),
		Entry("a source that is never of that type", source.Error, "unfit-source", "newsletter", "newsletter is true or false, which does not fit age", "      age: age ->       age: newsletter"),
	)
	It("may be one of the account's own, or what a schema leaves open", func() {
		Expect(check(crm("      age: age ->       shoe_size: shoeSize\\n      age: anything"))).To(BeEmpty())
		Expect(check(crm("      age: age ->       age: {from: plan, value: 'value == \"free\" ? \"1\" : value'}"))).To(BeEmpty())
	})
	It("is checked with the data of an account", func() {
		fields := `{"fields": [{"name": "email", "type": "text", "writable": true}, {"name": "first_name", "type": "text", "writable": true},
			{"name": "company", "type": "text", "writable": true}, {"name": "plan", "type": "choice", "writable": true, "options": ["basic", "free"]}]}`
		found := check(crm(), account(fields))
		Expect(found).To(HaveLen(1))
		Expect(found[0].Severity).To(Equal(source.Error))
		Expect(found[0].Summary).To(Equal("account.json has no age"))
		Expect(found[0].Span.Text()).To(Equal("age"))
		whole := strings.Replace(fields, `{"name": "email"`, `{"name": "age", "type": "number", "writable": true}, {"name": "email"`, 1)
		Expect(check(crm(), account(whole))).To(BeEmpty())
		found = check(crm("default: free -> default: enterprise"), account(whole))
		Expect(found[0].Code).To(Equal("unfit-constant"))
		Expect(found[0].Severity).To(Equal(source.Error))
		Expect(found[0].Help).To(Equal("it takes basic, free"))
		Expect(found[0].Related[0].Span.String()).To(Equal("account.json:2:68"))
	})
	It("cannot be checked with what is no data of an account", func() {
		found := check(crm(), account("[1"))
		Expect(found).To(HaveLen(1))
		Expect(found[0].Code).To(Equal("bad-portal-data"))
		Expect(found[0].Summary).To(HavePrefix("account.json cannot be read as fields: "))
		Expect(check(crm(), account(`{"fields": "none"}`))[0].Code).To(Equal("bad-portal-data"))
	})
	It("names where it is known from", func() {
		found := check(crm("default: free -> default: fre"))
		var places []string
		for _, r := range found[0].Related {
			places = append(places, r.Span.String()+" "+r.Message)
		}
		Expect(places).To(Equal([]string{"shop/fields.json:5:10 what is known of plan", "shop/person.yaml:27:5 the row choice of types"}))
	})
})
