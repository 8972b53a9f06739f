package engine_test

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
)

// baseFolder is the small destination without mistakes, whose schemas of events are closed.
func baseFolder() fstest.MapFS {
	files := fstest.MapFS{}
	base := os.DirFS("../internal/mistakes/testdata/base")
	Expect(fs.WalkDir(base, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(base, path)
		files[path] = &fstest.MapFile{Data: data}
		return err
	})).To(Succeed())
	return files
}

// diagnose loads a folder and returns all that was found.
func diagnose(files fs.FS) source.Diagnostics {
	program, err := engine.Load(files)
	var found source.Diagnostics
	if errors.As(err, &found) {
		return found
	}
	Expect(err).NotTo(HaveOccurred())
	return slices.DeleteFunc(program.Warnings(), func(d source.Diagnostic) bool { return d.Code == "unused" }) // as the probes are
}

// typed loads the base with one more let in a file, and returns what was found in it.
func typed(file, value string) source.Diagnostics {
	files := baseFolder()
	data := string(files[file].Data)
	if !strings.Contains(data, "\nlet:\n") {
		data = strings.Replace(data, "\nobjects:\n", "\nlet:\n\nobjects:\n", 1)
		data = strings.Replace(data, "\ntables:\n", "\nlet:\n\ntables:\n", 1)
	}
	files[file].Data = []byte(strings.Replace(data, "\nlet:\n", "\nlet:\n  probe: "+value+"\n", 1))
	Expect(string(files[file].Data)).To(ContainSubstring("probe"))
	return diagnose(files)
}

func quoted(expression string) string { return "'" + strings.ReplaceAll(expression, "'", "''") + "'" }

func check(file, marked, code, words string) {
	GinkgoHelper()
	text := strings.NewReplacer("«", "", "»", "").Replace(marked)
	value := text
	if !strings.HasPrefix(text, "[") || strings.HasPrefix(text, "[0") {
		value = quoted(text)
	}
	found := typed(file, value)
	if code == "" {
		Expect(found).To(BeEmpty(), text)
		return
	}
	Expect(found).To(HaveLen(1), text)
	d := found[0]
	severity := source.Error
	if c, warning := strings.CutPrefix(code, "warning "); warning {
		code, severity = c, source.Warning
	}
	_, underlined, _ := strings.Cut(marked, "«")
	underlined, _, _ = strings.Cut(underlined, "»")
	data := d.Span.File.Data
	got := string(data[d.Span.Start.Offset:d.Span.End.Offset])
	all := d.Summary + "\n" + d.Detail + "\n" + d.Help
	Expect([]string{d.Code, got}).To(Equal([]string{code, strings.ReplaceAll(underlined, "'", "''")}), all)
	Expect(d.Severity).To(Equal(severity), all)
	Expect(all).To(ContainSubstring(words))
}

var _ = Describe("types of expressions", func() {
	DescribeTable("in a mapping of identify events", func(marked, code, words string) { check("identify.yaml", marked, code, words) },
		Entry(nil, `traits.email`, "", ""),
		Entry(nil, `traits.«emial»`, "warning misspelt-field", "did you mean email?"),
		Entry(nil, `traits.first_name == traits.firstName`, "", ""),
		Entry(nil, `traits.anything`, "", ""),
		Entry(nil, `["traits.email", "traits.mail"]`, "", ""),
		Entry(nil, `traits.address.«ctiy»`, "unknown-field", "did you mean city?"),
		Entry(nil, `traits.address.«town»`, "unknown-field", "did you mean city?"),
		Entry(nil, `«event»`, "unknown-field", "track.schema.json"),
		Entry(nil, `input.«properties»`, "unknown-field", "identify.schema.json"),
		Entry(nil, `input.type`, "", ""),
		Entry(nil, `traits.age.«years»`, "no-fields", "traits.age is a number"),
		Entry(nil, `traits.email.«domain»`, "no-fields", "text"),
		Entry(nil, `traits.company.name`, "", ""),
		Entry(nil, `traits.email[«0»]`, "no-elements", "text"),
		Entry(nil, `traits.address[«0»]`, "no-elements", "an object"),
		Entry(nil, `«traits.age».startsWith("1")`, "wrong-type", "text(traits.age)"),
		Entry(nil, `text(traits.age).startsWith("1")`, "", ""),
		Entry(nil, `traits.email.startsWith(«traits.age»)`, "wrong-type", "text(traits.age)"),
		Entry(nil, `lower(«traits.address»)`, "wrong-type", "lower takes text or number or boolean"),
		Entry(nil, `lower(traits.age)`, "", ""),
		Entry(nil, `split(traits.email, «1»)`, "wrong-type", "text"),
		Entry(nil, `merge(«traits.email», {})`, "wrong-type", "object"),
		Entry(nil, `«"age: " + traits.age»`, "wrong-type", "text(traits.age)"),
		Entry(nil, `traits.age + 1`, "", ""),
		Entry(nil, `«traits.email + 1»`, "wrong-type", ""),
		Entry(nil, `«traits.email» * 2`, "wrong-type", "decimal(traits.email)"),
		Entry(nil, `-«traits.email»`, "wrong-type", "number"),
		Entry(nil, `traits.age + «null»`, "null-misuse", "null"),
		Entry(nil, `traits.plan == «"por"»`, "never-equal", `did you mean "pro"?`),
		Entry(nil, `«"por"» == traits.plan`, "never-equal", `did you mean "pro"?`),
		Entry(nil, `traits.plan != «"gold"»`, "never-equal", `"free", "pro", "team"`),
		Entry(nil, `traits.plan in ["free", «"por"»]`, "never-equal", `did you mean "pro"?`),
		Entry(nil, `«traits.age == "36"»`, "never-equal", "without quotes"),
		Entry(nil, `«traits.email == 36»`, "never-equal", "in quotes"),
		Entry(nil, `«traits.newsletter == "true"»`, "never-equal", "write true without quotes"),
		Entry(nil, `traits.age == traits.email`, "", ""),
		Entry(nil, `«traits.email < 5»`, "wrong-type", "two numbers or two texts"),
		Entry(nil, `traits.email < "m"`, "", ""),
		Entry(nil, `traits.age > 17 && traits.age < 66`, "", ""),
		Entry(nil, `traits.newsletter && «traits.email»`, "not-a-boolean", "!empty(traits.email)"),
		Entry(nil, `«traits.email» || traits.newsletter`, "not-a-boolean", "list of alternatives: [traits.email, traits.newsletter]"),
		Entry(nil, `!«traits.email»`, "wrong-type", "true into false"),
		Entry(nil, `«traits.email» ? 1 : 2`, "wrong-type", "true or false"),
		Entry(nil, `«messageId == null»`, "warning needless-test", "always there"),
		Entry(nil, `userId == null`, "", ""),
		Entry(nil, `«has(input.messageId)»`, "warning needless-test", "always true"),
		Entry(nil, `has(traits.email)`, "", ""),
		Entry(nil, `empty(«messageId»)`, "warning needless-test", "never empty"),
		Entry(nil, `empty(context.library.version)`, "", ""),
		Entry(nil, `size(«traits.age»)`, "wrong-type", "size counts"),
		Entry(nil, `"a" in «traits.email»`, "wrong-type", `traits.email.contains("a")`),
		Entry(nil, `first(«traits», t, true)`, "wrong-type", "first looks into a list"),
		Entry(nil, `kind(traits.company) == "object" ? traits.company.name : traits.company`, "", ""),
		Entry(nil, `kind(traits.company) == "text" && traits.company.startsWith("A")`, "", ""),
		Entry(nil, `kind(traits.company) == «"string"»`, "never-equal", "kind(traits.company)"),
		Entry(nil, `kind(traits.email) == "text" ? traits.email : null`, "", ""),
		Entry(nil, `type == «"identfy"»`, "never-equal", `did you mean "identify"?`),
		Entry(nil, `type == "track"`, "", ""),
		Entry(nil, `fields[traits.plan].«writeable»`, "unknown-field", "did you mean writable?"),
		Entry(nil, `urls.«poeple»`, "unknown-field", "did you mean people?"),
		Entry(nil, `person.«emial»`, "warning misspelt-field", "did you mean email?"),
		Entry(nil, `config.«tokn»`, "unknown-field", "did you mean token?"),
		Entry(nil, `config.release == «"v3"»`, "never-equal", `"v1", "v2"`),
		Entry(nil, `«config.limit == "5"»`, "never-equal", "without quotes"),
		Entry(nil, `known.exists(k, «k == 5»)`, "never-equal", ""),
		Entry(nil, `known.map(k, «k» * 2)`, "wrong-type", ""),
		Entry(nil, `«traits.email».exists(k, true)`, "wrong-type", "walks"),
		Entry(nil, `size(known) > 0 && known[0] == "x"`, "", ""),
		Entry(nil, `[size(known), «3»]`, "unreachable", "never reached"),
		Entry(nil, `["'x'", «traits.email»]`, "unreachable", "'x' always has a value"),
		Entry(nil, `[messageId, «userId»]`, "warning unreachable", "messageId always has a value"),
		Entry(nil, `[userId, messageId]`, "", ""),
		Entry(nil, `[traits.email, "'x'"]`, "", ""),
		Entry(nil, `round(traits.age / 3.0, 2)`, "", ""),
		Entry(nil, `round(«traits.age / 3», 2)`, "warning whole-division", "3.0"),
		Entry(nil, `«traits.age / 3» * 100`, "warning whole-division", "3.0"),
		Entry(nil, `traits.age / 10 == 3`, "", ""),
		Entry(nil, `«7 / 2»`, "warning whole-division", "3"),
		Entry(nil, `decimal("3") / 2`, "", ""),
		Entry(nil, `math.greatest(traits.age, 18)`, "", ""),
		Entry(nil, `math.greatest(«traits.email», 18)`, "wrong-type", ""),
		Entry(nil, `«traits.plan == "pro" && traits.plan == "free"»`, "never-equal", "cannot be both"),
		Entry(nil, `empty(traits.email) || traits.email.contains("@")`, "", ""),
		Entry(nil, `timestamp(now) > timestamp("2024-01-01T00:00:00Z")`, "", ""),
		Entry(nil, `"ann@x.com".substring(2) + string(traits.age)`, "", ""),
		Entry(nil, `{"a": 1}.«b»`, "unknown-field", "there are a"),
		Entry(nil, `{"free": 1, "pro": 2}[traits.plan]`, "", ""),
		Entry(nil, `traits[config.release]`, "", ""),
		Entry(nil, `context.?library.name.orValue("x")`, "", ""),
		Entry(nil, `([1, 2].map(x, x + 1))[0] == 2`, "", ""),
	)

	DescribeTable("in a mapping of track events", func(marked, code, words string) { check("track.yaml", marked, code, words) },
		Entry(nil, `event`, "", ""),
		Entry(nil, `«traits»`, "unknown-field", "identify.schema.json"),
		Entry(nil, `«properties.items» > 1`, "wrong-type", "write size(properties.items)"),
		Entry(nil, `properties.items.«sku»`, "no-fields", "first(properties.items, e, …)"),
		Entry(nil, `properties.items[0].«prise»`, "unknown-field", "did you mean price?"),
		Entry(nil, `properties.items.map(i, i.«qty»)`, "unknown-field", "did you mean quantity?"),
		Entry(nil, `first(properties.items, i, i.sku == "a").«pric»`, "unknown-field", "did you mean price?"),
		Entry(nil, `first(properties.items, i, «i.sku == 5»).price`, "never-equal", ""),
		Entry(nil, `properties.items.filter(i, i.price > 5).all(i, i.«prices» > 3)`, "unknown-field", "did you mean price?"),
		Entry(nil, `properties.items.transformList(k, i, k + i.quantity)`, "", ""),
		Entry(nil, `properties.items.transformMap(k, i, «k + ": "»)`, "wrong-type", "text(k)"),
		Entry(nil, `sum(properties.items.map(i, i.price * i.quantity))`, "", ""),
		Entry(nil, `«properties.revenue + properties.currency»`, "wrong-type", ""),
		Entry(nil, `properties.«revenu»`, "warning misspelt-field", "did you mean revenue?"),
		Entry(nil, `[event, «userId»]`, "warning unreachable", "event always has a value"),
	)

	DescribeTable("in a fragment and in the destination", func(file, marked, code, words string) { check(file, marked, code, words) },
		Entry(nil, "person.yaml", `traits.email`, "", ""),
		Entry(nil, "person.yaml", `«properties»`, "unknown-field", "track"),
		Entry(nil, "destination.yaml", `properties.revenue`, "", ""),
		Entry(nil, "destination.yaml", `traits.«emial»`, "warning misspelt-field", "email"),
		Entry(nil, "destination.yaml", `traits.address.«ctiy»`, "unknown-field", "city"),
		Entry(nil, "destination.yaml", `type == «"identfy"»`, "never-equal", "identify"),
		Entry(nil, "destination.yaml", `type == "alias"`, "", ""),
		Entry(nil, "destination.yaml", `type == "track" && properties.revenue > 1`, "", ""),
		Entry(nil, "destination.yaml", `type == "identify" && «properties».revenue > 1`, "unknown-field", "identify"),
		Entry(nil, "destination.yaml", `type in ["identify", "track"] ? userId : input.anything`, "", ""),
		Entry(nil, "destination.yaml", `type == "track" && «event == null»`, "warning needless-test", "always there"),
		Entry(nil, "destination.yaml", `type == "alias" ? traits.address.zip : null`, "", ""),
		Entry(nil, "destination.yaml", `type in ["identify", «"trck"»]`, "never-equal", "track"),
		Entry(nil, "destination.yaml", `empty(type) || messageId == null`, "", ""),
	)
})
