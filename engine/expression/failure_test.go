package expression_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/value"
)

// faulty is an event in which much is not what rules expect.
var faulty = parse(`{
	"traits": {"email": "ada@example.com", "zip": "01234", "age": 36, "score": 1.50, "zero": 0, "ok": true, "no": false, "nothing": null, "name": "Äda", "Sign up": "2024"},
	"tags": ["a", "b", "a"],
	"items": [{"price": 5, "qty": 2, "sku": "x-1"}, {"price": 5.5, "sku": "x-2"}]
}`)

// failing are expressions that fail on the document of these tests, by what
// makes them fail. testdata/failures.txt shows what is said of each.
var failing = []string{
	// operators
	`traits.email + 1`, `1 + traits.email`, `traits.zip + 1`, `traits.none + 1`, `1 - traits.nothing`, `tags + 1`, `traits + traits`, `traits.ok + "x"`, `"x" + true`,
	`traits.zip * 2`, `traits.age / 0`, `traits.age % traits.zero`, `traits.age / 0.0`, `traits.score % 2`, `9223372036854775807 + 1`, `9223372036854775807 * traits.age`,
	`1e308 * 1e308`, `-traits.email`, `-traits.none`, `-tags`, `"a" - "b"`, `timestamp("2024-01-02T03:04:05Z") + 1`,
	`traits.age < "40"`, `traits.zip < 5`, `traits.none > 1`, `1 <= traits.nothing`, `tags >= 1`, `traits.ok < 2`, `timestamp("2024-01-02T03:04:05Z") > "2024"`,
	`!traits.email`, `!traits.none`, `traits.email && traits.ok`, `traits.ok && traits.age`, `traits.no || traits.none`, `traits.age ? 1 : 2`, `traits.none ? 1 : 2`,
	`"a" in "abc"`, `"a" in traits.email`, `"a" in traits.age`, `size(traits.age)`, `size(true)`,
	`{traits.age: 1}`, `{traits.none: 1}`,
	// variables of lists
	`items.map(i, i.qty + 1)`, `items.map(i, i.price * i.sku)`, `items.exists(i, i.qty > 1 && i.none > 2)`, `items.filter(i, i.price)`, `items.all(i, i.sku)`,
	`items.exists(i, i.qty)`, `items.exists_one(i, i.sku)`, `items.map(i, i.sku, i)`, `traits.age.exists(x, x > 1)`, `traits.email.map(c, c)`, `traits.age.all(k, v, true)`,
	`items.map(i, decimal(i.sku))`, `items.map(i, items.map(j, j.price + i.none))`, `items.transformMap(k, v, v.price + v.sku)`, `traits.transformMap(k, v, k + v)`,
	`tags.transformMapEntry(i, t, t)`, `items.transformMapEntry(i, t, {t.qty: t.sku})`, `items.sortBy(i, i.none)`, `items.sortBy(i, [i.price, "a"][size(text(i.price)) - 1])`,
	`[1, "a"].sort()`, `traits.sort()`, `traits.sortBy(e, e)`, `traits.age.sortBy(e, e)`, `tags.map(t, [t].sortBy(x, {}).size() + [t, t].sortBy(x, x == "a").size())`,
	`first(items, i, i.sku)`, `first(items, i, i.sku > 3)`, `tags.map(t, first(items, i, i.sku))`, `tags.map(t, first(items, i, i.sku + t > 3))`,
	`items.map(i, i.sku.startsWith(i.price))`, `items.map(i, int(i.sku))`,
	`traits.ok && items.map(i, i.qty > 0).exists(b, b)`,
	// methods
	`traits.age.startsWith("3")`, `traits.email.endsWith(3)`, `tags.contains("a")`, `traits.email.contains(traits.none)`, `traits.email.matches(tags)`, `traits.email.matches("(" + "x")`,
	`traits.age.indexOf("a")`, `traits.none.indexOf("a")`, `traits.email.indexOf("a", "b")`, `traits.email.indexOf("a", -1)`, `traits.email.lastIndexOf("a", -1)`, `traits.email.replace("a", 1)`, `tags.replace("a", "b")`,
	`traits.email.replace("a", "b", "c")`, `items.join(",")`, `tags.join(1)`, `traits.join()`, `traits.email.distinct()`, `traits.email.flatten()`, `tags.flatten(99)`, `lists.range(-1)`, `lists.range(traits.email)`,
	`sets.contains(tags, 1)`, `sets.intersects(traits.email, tags)`, `sets.equivalent(traits, tags)`,
	// functions of CEL
	`int(traits.email)`, `int(traits.none)`, `int(tags)`, `int(1e30)`, `uint(-1)`, `double(traits.email)`, `double(traits.ok)`, `bool(traits.email)`, `string(tags)`, `string(traits.none)`, `bytes(traits.age)`,
	`timestamp(traits.email)`, `timestamp(traits.none)`, `timestamp(tags)`, `duration(traits.email)`, `duration(traits.age)`, `timestamp("2024-01-02T03:04:05Z").getHours("Nowhere")`, `traits.age.getFullYear()`,
	`duration("1h") + traits.age`, `math.greatest(traits.email, 1)`, `math.greatest(traits.none, 1)`, `math.greatest(tags)`, `math.abs(traits.email)`, `math.ceil(traits.none)`, `math.floor("x" + "y")`, `math.sqrt(tags)`, `math.bitAnd(traits.score, 1)`,
	`traits.email.charAt(99)`, `traits.age.charAt(0)`, `traits.email.substring(5, 1)`, `traits.email.substring(99)`, `traits.none.substring(1)`, `traits.email.substring(traits.email)`,
	`traits.age.lowerAscii()`, `traits.none.upperAscii()`, `traits.age.trim()`, `traits.age.split(",")`, `traits.email.split(1)`, `traits.age.reverse()`, `tags.slice(2, 1)`, `tags.slice(0, 99)`, `traits.email.slice(0, 1)`,
	`strings.quote(traits.age)`, `base64.encode(traits.email)`, `base64.decode("%%%")`, `base64.decode(traits.age)`, `traits.age.first()`, `traits.none.last()`, `traits.?none.value()`, `traits.email.orValue(1)`, `traits.email.value()`, `traits.email.hasValue()`,
	`tags[?0].optMap(x, x + 1)`, `traits.email.optMap(x, x)`, `b"hi"`, `type(1)`,
	// functions of the table and of rules
	`decimal(traits.email)`, `decimal(trim(traits.email)) + 1`, `decimal(tags)`, `round(traits.email)`, `regexReplace(traits.email, traits.age, "")`, `regexReplace(traits.email, "(" + "x", "")`, `formatTime(traits.email, "2006")`,
	`strict(traits.email)`, `tags.map(t, strict(t))`, `plus(traits.email, 1)`, `plus(plus(1, 2), tags)`, `strict(tags[0]) + 1`, `render("{{", traits)`, `split(traits, ",")`, `lower(tags)`, `merge(tags, traits)`,
	// within others
	`[1, {"a": traits.email + 1}]`, `traits.ok ? traits.email + 1 : 2`, `traits.no || traits.age > "1"`, `lower(text(traits.email + 1))`,
	"traits.ok\n  && traits.age\n  > traits.email", `"é" + text("ü".size() + traits.name)`, `(traits.age) + (traits.email)`, `traits . age < traits . email`, `traits["Sign up"] * 2`, `traits[config.token] + 1`,
	`{"pssst,hush": 1}[config.token] + "a"`, `config.token + 1`, `config.n + config.token`, `tags.map(t, config.n + t)`, `config.map(k, config[k] + 1)`, `traits.map(k, k + config.n)`,
}

// told is what people are told of an expression that failed: the place, the
// message, and the values.
func told(text string, options expression.Options) string {
	GinkgoHelper()
	p, problems := expression.Compile(text, newScope(options), expression.Anything, options)
	if len(problems) > 0 {
		return "  does not compile: " + problems[0].Message + "\n"
	}
	v, err := p.Eval(newFrame(faulty, options))
	failed, ok := err.(*expression.Error)
	if !ok {
		return fmt.Sprintf("  does not fail: %v %v\n", value.Preview(v), err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  at   %s\n  says %s\n", strings.ReplaceAll(text[failed.From:failed.To], "\n", "⏎"), failed.Message)
	for i, o := range failed.Operands {
		mark := " "
		if i == failed.Blamed {
			mark = "*"
		}
		where := ""
		if o.Slot >= 0 {
			where = "  (reads " + strings.TrimSuffix(names[o.Slot]+"."+o.Steps.String(), ".") + ")"
		}
		fmt.Fprintf(&b, "  %s    %s = %s%s\n", mark, o.Text, o.Shown, where)
	}
	return b.String()
}

var _ = Describe("failures", func() {
	It("say what happened, with which value, and what to write", func() {
		var b strings.Builder
		for _, text := range failing {
			b.WriteString(text + "\n" + told(text, expression.Options{}))
		}
		const file = "testdata/failures.txt"
		if os.Getenv("UPDATE_FAILURES") != "" {
			Expect(os.WriteFile(file, []byte(b.String()), 0o644)).To(Succeed())
		}
		want, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(b.String()).To(Equal(string(want)), "UPDATE_FAILURES=1 go test ./engine/expression writes %s", file)
	})

	It("have the same place and the same words in both ways to run", func() {
		for _, text := range failing {
			native, cel := told(text, expression.Options{}), told(text, expression.Options{CEL: true})
			same := func(told string) string { // an element of a list may be another one
				place, _, _ := strings.Cut(told, ";")
				return place
			}
			Expect(same(cel)).To(Equal(same(native)), text)
		}
	})

	It("are told in our own words", func() {
		for _, text := range failing {
			for _, words := range foreign {
				Expect(strings.ReplaceAll(told(text, expression.Options{}), "ada@example.com", "")).NotTo(ContainSubstring(words), text)
			}
		}
	})
})

// foreign are words that only programmers use.
var foreign = []string{"no such", "overload", "dyn", "parsing", "strconv", "out of range", "overflow", "modulus", "conversion", "evaluat", "internal", "%!", "@", "google", "fails with the values"}

// TestFailures makes expressions of all forms fail: none of what is said of them
// shows a secret, is in words of others, or is about a place outside of the text.
func TestFailures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := generator{t}
		part := func() string { return g.any(rapid.IntRange(0, 2).Draw(t, "depth"), nil) }
		secret := g.pick("secret", "config.token", "config", `{"pssst,hush": 1}[config.token]`, `config.token + "a"`, "config.n", `split(config.token, ",")`, `{"t": config.token}`,
			`tags.map(t, config.token)`, `config.map(k, config[k])`, `{"a": 1}.transformMapEntry(k, v, {config.token: v})`, `json(config)`, `first(split(config.token, ","), s, true)`, `strict(config.token)`)
		text := fmt.Sprintf(g.pick("form", "(%s) + (%s)", "(%s) < (%s)", "(%s) && (%s)", "[1, 2].map(v, (%s) * (%s) + v)", "merge(%s, %s)", "plus(%s, %s)", "{text(%s): %s}.x + 1",
			"first([1, %s], v, v == (%s) + v)", "(%s)[%s] > 1", "{%s: %s}", `[%s].sortBy(v, %s)`, "int(%s) + int(%s)", "(%s).startsWith(%s)", "(%s).exists(v, v == v + (%s))", "decimal(%s) + decimal(%s)",
			`"x".matches(text(%s) + "(" + text(%s))`, "regexReplace(%s, %s, 1)", "timestamp(%s) > timestamp(%s)", "(%s).join(text(%s))", "!(%s) || !(%s)"), secret, part())
		doc := parse(g.document())
		for _, options := range []expression.Options{{}, {CEL: true}} {
			p, found := expression.Compile(text, newScope(options), expression.Anything, options)
			if len(found) > 0 {
				return
			}
			_, err := p.Eval(newFrame(doc, options))
			failed, ok := err.(*expression.Error)
			if !ok {
				continue
			}
			if failed.From < 0 || failed.To > len(text) || failed.From >= failed.To {
				t.Fatalf("%s (CEL: %v): [%d,%d)", text, options.CEL, failed.From, failed.To)
			}
			said := failed.Message
			for _, o := range failed.Operands {
				said += "\n" + o.Shown
			}
			said = strings.ReplaceAll(fmt.Sprintf("%s\n%+v\n%+v", said, failed, failed.Cause), `"pssst,hush": 1`, "")
			for _, words := range append([]string{"pssst", "hush", "PSSST"}, foreign...) {
				if strings.Contains(said, words) {
					t.Fatalf("%s (CEL: %v): %s", text, options.CEL, said)
				}
			}
		}
	})
}
