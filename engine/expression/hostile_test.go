package expression_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/growth"
)

// worst is an event near the limits in everything.
var worst = func() *value.Node {
	long := strings.Repeat("a", 1_000_000)
	var wide strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&wide, `"k%d":%d,`, i, i)
	}
	digits := strings.Repeat("9", 300)
	nest := strings.Repeat(`{"k":`, 50) + "1" + strings.Repeat("}", 50)
	var objs strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&objs, `{"type":"k%d","v":%d},`, i, i)
	}
	var texts strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&texts, `"%d ann@example.com Ann Smith",`, i)
	}
	n, err := value.Parse(value.NewArena(), []byte(`{"tags": [`+strings.Repeat("1,", 20_000)+`2], "traits": {"text": "`+long+`", "half": "`+long[:500_000]+`b", "short":"abcabcabc", "url": "https://x/?`+strings.Repeat("a&", 200_000)+`", "tpl": "`+strings.Repeat("{{a}}", 100_000)+`", "num": 1e-300, "digits": "`+digits+`", "obj": {`+strings.TrimSuffix(wide.String(), ",")+`}, "nest": `+nest+`, "semi":"`+strings.Repeat(";", 90_000)+`", "esc": "`+strings.Repeat(`\u0001`, 100_000)+`", "date":"Tue, 05 Mar 2024 10:00:00 GMT"},
		"items": [`+strings.TrimSuffix(objs.String(), ",")+`], "context": {"texts":[`+strings.TrimSuffix(texts.String(), ",")+`], "digits": [`+strings.TrimSuffix(strings.Repeat(digits+",", 500), ",")+`], "halves": [`+strings.TrimSuffix(strings.Repeat("0."+digits+",", 500), ",")+`]}, "n": [`+strings.TrimSuffix(strings.Repeat("[[[[[[[[1]]]]]]]],", 2000), ",")+`]}`), value.Limits{Keys: 20_000})
	if err != nil {
		panic(err)
	}
	return n
}()

// hostileRules are rules that try to run for as long as they can: by loops, by
// texts and lists that grow, by patterns, and by what one step does of a function.
var hostileRules = [][2]string{
	{"plain loops", `first(tags, a, first(tags, b, b == 3) == 3)`},
	{"nested map", `tags.map(a, tags.map(b, tags.map(c, a)))`},
	{"nested map of objects", `tags.map(a, tags.map(b, {"a": a, "b": b}))`},
	{"nested all", `tags.all(i, a, tags.all(j, b, i < 0 || j < 0 || i >= 0))`},
	{"nested exists strings", `tags.exists(a, tags.exists(b, string(a) + string(b) == "x"))`},
	{"transformMap", `tags.transformMap(i, a, tags.transformMap(j, b, b).size() + a)`},
	{"transformMapEntry", `tags.transformMapEntry(i, a, {string(i): a})`},
	{"filter of filter", `tags.filter(a, tags.filter(b, b == a).size() == 3)`},
	{"sortBy", `tags.all(t, tags.sortBy(x, -x) == null || true) ? 1 : 2`},
	{"sort", `tags.all(t, tags.sort() == null || true) ? 1 : 2`},
	{"sort of texts", `context.texts.all(t, context.texts.sort() == null || true) ? 1 : 2`},
	{"flatten", `n.all(x, n.flatten(64).size() == 0 || true) ? 1 : 2`},
	{"distinct", `context.texts.distinct() == items.distinct()`},
	{"sets", `sets.equivalent(tags.transformList(i, t, i), tags.transformList(i, t, -i))`},
	{"list doubling", `[[1]]` + strings.Repeat(`.map(x, x + x)`, 60)},
	{"text doubling", `["aaaaaaaaaaaaaaaaa"]` + strings.Repeat(`.map(x, x + x)`, 60)},
	{"text doubling by plus", `plus(plus(traits.text, traits.text), plus(traits.text, traits.text))`},
	{"text plus in loop", `tags.map(t, traits.half + traits.half)`},
	{"replace grow", `first(tags, t, traits.half.replace("a", "aa") == "")`},
	{"replace empty", `first(tags, t, traits.half.replace("", "b") == "")`},
	{"replace none", `first(tags, t, traits.text.replace("b", "aa") == "")`},
	{"join", `first(tags, t, context.texts.join("") == "")`},
	{"joinText", `first(tags, t, joinText(tags, ";") == "")`},
	{"joinText digits", `first(tags, t, joinText(context.digits, ";") == "")`},
	{"joinText big parts", `first(tags, t, joinText([traits.half, traits.half], ";") == "")`},
	{"json of wide", `first(tags, t, json(traits.obj) == "")`},
	{"json of nest", `first(tags, t, json(traits.nest) == "")`},
	{"json of traits", `first(tags, t, json(traits) == "")`},
	{"json of list of texts", `first(tags, t, json([traits.text, traits.text]) == "")`},
	{"json of esc", `first(tags, t, json(traits.esc) == "")`},
	{"json inside json", `json(json(json(json(json(json(json(traits.esc)))))))`},
	{"json of n", `first(tags, t, json(n) == "")`},
	{"text of list", `first(tags, t, text([[[traits.text]]]) == "")`},
	{"merge", `first(tags, t, size(merge(traits.obj, traits.obj, traits.obj)) == 0)`},
	{"merge alias", `first(tags, t, size(merge(traits.obj, {"a": 1})) == 0)`},
	{"flatten object", `first(tags, t, size(flatten(traits.obj)) == 0)`},
	{"flatten nested", `first(tags, t, size(flatten({"a": {"b": {"c": {"d": traits.obj}}}})) == 0)`},
	{"flatten in list", `first(tags, t, size(flatten({"a": traits})) == 0)`},
	{"flatten long sep", `first(tags, t, size(flatten({"a": traits.nest}, traits.short)) == 0)`},
	{"omit", `first(tags, t, size(omit(traits.obj, keys(traits.obj))) == 1)`},
	{"pick", `first(tags, t, size(pick(traits.obj, keys(traits.obj))) == 0)`},
	{"keys", `first(tags, t, size(keys(traits.obj)) == 0)`},
	{"entries", `first(tags, t, size(entries(traits.obj)) == 0)`},
	{"indexBy", `first(tags, t, size(indexBy(items, "type")) == 0)`},
	{"indexBy deep path", `first(tags, t, size(indexBy(items, traits.tpl)) == 1)`},
	{"groupBy", `first(tags, t, size(groupBy(items, "type")) == 0)`},
	{"groupBy one", `first(tags, t, size(groupBy(items.map(i, {"t": 1}), "t")) == 0)`},
	{"get long path", `first(tags, t, get(traits, traits.text) == 1)`},
	{"get deep path", `first(tags, t, get(tags, "[19999]") == 1)`},
	{"get many far", `first(tags, t, get(tags, "[19999]") == get(tags, "[19998]"))`},
	{"slice list", `first(tags, t, size(slice(tags, 1)) == 1)`},
	{"slice text", `first(tags, t, size(slice(traits.text, -1)) == 5)`},
	{"split", `first(tags, t, size(split(traits.semi, ";")) == 5)`},
	{"split none", `first(tags, t, size(split(traits.text, ";")) == 5)`},
	{"cel split chars", `tags.all(t, traits.semi.split("").size() > 0) ? 1 : 2`},
	{"cel split", `tags.all(t, traits.semi.split(";").size() > 0) ? 1 : 2`},
	{"cel charAt", `tags.all(t, traits.text.charAt(999998) == "a") ? 1 : 2`},
	{"cel substring", `tags.all(t, traits.text.substring(1).size() > 0) ? 1 : 2`},
	{"cel reverse text", `tags.all(t, traits.text.reverse() != "x") ? 1 : 2`},
	{"cel upperAscii", `tags.all(t, traits.text.upperAscii() != "x") ? 1 : 2`},
	{"cel trim", `tags.all(t, traits.text.trim() != "x") ? 1 : 2`},
	{"cel quote", `tags.all(t, strings.quote(traits.esc) != "x") ? 1 : 2`},
	{"cel base64 encode", `tags.all(t, base64.encode(bytes(traits.text)) != "x") ? 1 : 2`},
	{"cel base64 decode", `tags.all(t, base64.decode(traits.text) != b"x") ? 1 : 2`},
	{"cel bytes", `tags.all(t, bytes(traits.text).size() > 5) ? 1 : 2`},
	{"cel slice", `tags.all(t, tags.slice(1, 20000).size() > 0) ? 1 : 2`},
	{"cel reverse", `tags.all(t, tags.reverse().size() > 0) ? 1 : 2`},
	{"cel first last", `tags.all(t, tags.last() != null) ? 1 : 2`},
	{"cel list add", `tags.all(t, (tags + tags).size() > 0) ? 1 : 2`},
	{"cel string of number", `tags.all(t, string(1e300 * 1.0) != "x") ? 1 : 2`},
	{"cel int of text", `tags.all(t, int(traits.digits) != 1) ? 1 : 2`},
	{"cel double of text", `tags.all(t, tags.all(u, double(traits.digits) != 1.0)) ? 1 : 2`},
	{"cel timestamp", `tags.all(t, tags.all(u, timestamp("2024-01-01T00:00:00Z").getFullYear("America/New_York") == 2024)) ? 1 : 2`},
	{"cel timestamp tz", `tags.all(t, tags.all(u, timestamp("2024-01-01T00:00:00Z").getHours(string(u)) == 2024 || true)) ? 1 : 2`},
	{"cel duration", `tags.all(t, tags.all(u, duration("1h2m3s") != duration("1s"))) ? 1 : 2`},
	{"cel math", `tags.all(t, math.greatest(tags) > 0) ? 1 : 2`},
	{"cel math ints", `tags.all(t, tags.all(u, math.abs(u) > 0)) ? 1 : 2`},
	{"cel lists.range", `tags.all(t, lists.range(10000).size() > 0) ? 1 : 2`},
	{"cel list literal", `tags.all(t, tags.all(u, [u,u,u,u,u,u,u,u,u,u,u,u,u,u,u,u,u,u,u,u,u,u,u,u].size() > 0)) ? 1 : 2`},
	{"cel map literal", `tags.all(t, tags.all(u, {"a":u,"b":u,"c":u,"d":u,"e":u,"f":u,"g":u}.size() > 0)) ? 1 : 2`},
	{"cel arithmetic", `tags.all(t, tags.all(u, u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u*u > 0)) ? 1 : 2`},
	{"cel floats", `tags.all(t, tags.all(u, 1.5*double(u)/3.0+2.0-1.0*1.5*double(u)/3.0+2.0-1.0*1.5*double(u) > 0.0)) ? 1 : 2`},
	{"cel optionals", `tags.all(t, tags.all(u, optional.of(u).optMap(x, x + 1).orValue(1) > 0)) ? 1 : 2`},
	{"native list literal", `first(tags, t, first(tags, u, [` + strings.Repeat("u,", 500) + `u] == n) != null)`},
	{"native object literal", `first(tags, t, first(tags, u, {` + func() string {
		s := ""
		for i := range 300 {
			s += fmt.Sprintf(`"k%d":u,`, i)
		}
		return s + `"z":u`
	}() + `} == n) != null)`},
	{"native conditions", `first(tags, t, first(tags, u, ` + strings.Repeat("u == 5 || ", 200) + `u == 6) != null)`},
	{"native paths", `first(tags, t, first(tags, u, ` + strings.Repeat("traits.obj.k19999 == 5 || ", 140) + `u == 6) != null)`},
	{"native far index", `first(tags, t, first(tags, u, tags[19999] == 5) != null)`},
	{"native far 63", `first(tags, t, first(tags, u, ` + strings.Repeat("tags[63] == 5 || ", 120) + `u == 6) != null)`},
	{"matches const long", `first(tags, t, traits.text.matches("(a|aa|aaa)*c"))`},
	{"matches classes", `first(tags, t, traits.text.matches("(?i)[a-z]*[A-Z]*[^x]*x"))`},
	{"matches nested rep", `first(tags, t, traits.text.matches("(a*)*(a*)*(a*)*b"))`},
	{"matches big pattern", `first(tags, t, traits.text.matches("(a?){500}b"))`},
	{"matches unicode", `first(tags, t, traits.text.matches("(\\p{L}|\\p{N}|\\p{Lu})*(\\p{Ll}){100}z"))`},
	{"matches from data", `first(tags, t, "a".matches("(a{50}){20}" + text(t)))`},
	{"matches from data unicode", `first(tags, t, "a".matches("(?i)(\\pL{10}){50}" + text(t)))`},
	{"matches from data unicode2", `first(tags, t, "a".matches("(?i)` + strings.Repeat(`\\pL\\pN\\PL`, 100) + `" + text(t)))`},
	{"matches from data rep", `first(tags, t, "a".matches("(a|b|cd*){1000}" + text(t)))`},
	{"matches from data nested", `first(tags, t, "a".matches("((((a{10}){10}){10}))" + text(t)))`},
	{"matches from data classes", `first(tags, t, "a".matches("(?i)[a-zA-Z\\x{80}-\\x{10ffff}]{1000}" + text(t)))`},
	{"matches from data on long", `first(tags, t, traits.text.matches("(a?){30}(a*)*" + text(t) + "b"))`},
	{"regexReplace const", `first(tags, t, regexReplace(traits.semi, ";", "ab") == "")`},
	{"regexReplace groups", `first(tags, t, regexReplace(traits.semi, "(;)(;)?(;)?(;)?(;)?(;)?(;)?", "$1$2$3$4$5$6$7") == "")`},
	{"regexReplace none", `first(tags, t, regexReplace(traits.text, "(a|aa|aaa)*c", "ab") == "")`},
	{"regexReplace quadratic", `first(tags, t, regexReplace(traits.half, "a*c", "ab") == "")`},
	{"regexReplace quadratic2", `regexReplace(traits.half, "a.*c|aa*d", "ab")`},
	{"regexReplace quadratic3", `regexReplace(traits.text, "(?:a{0,500}){2}c", "ab")`},
	{"regexReplace data", `first(tags, t, regexReplace("a", "(a|b|cd*){1000}" + text(t), "ab") == "")`},
	{"regexReplace huge", `first(tags, t, regexReplace(traits.semi, ";", "aaaaaaaaaaa") == "")`},
	{"glob", `first(tags, t, glob(traits.text, "*a*a*a*a*b*"))`},
	{"glob long", `first(tags, t, glob(traits.text, "*` + strings.Repeat("a", 900) + `b"))`},
	{"render", `first(tags, t, render(traits.tpl, {"a": "x"}) == "")`},
	{"render deep", `first(tags, t, render(traits.tpl, {"a": traits.half}) == "")`},
	{"render obj", `first(tags, t, render("{{a}}{{a}}{{a}}{{a}}", {"a": traits.obj}) == "")`},
	{"md5", `first(tags, t, md5(traits.text) == "")`},
	{"sha1", `first(tags, t, sha1(traits.text) == "")`},
	{"sha256", `first(tags, t, sha256(traits.text) == "")`},
	{"sha256 obj", `first(tags, t, sha256(traits.obj) == "")`},
	{"sha256 traits", `first(tags, t, sha256(traits) == "")`},
	{"sha256 short", `first(tags, t, first(tags, u, sha256("a") == "") != null)`},
	{"base64", `first(tags, t, base64(traits.text) == "")`},
	{"uuidFrom", `first(tags, t, uuidFrom(traits.text, traits.text, traits.text) == "")`},
	{"uuidFrom obj", `first(tags, t, uuidFrom(traits, traits, traits, traits, traits, traits) == "")`},
	{"parseJSON", `first(tags, t, parseJSON("[" + traits.digits + "]") == null)`},
	{"parseJSON obj", `first(tags, t, parseJSON(json(traits.obj)) == null)`},
	{"parseJSON list", `first(tags, t, parseJSON("[0" + regexReplace(slice(traits.semi, 0, 40000), ";", ",0") + "]") == null)`},
	{"upper", `first(tags, t, upper(traits.text) == "")`},
	{"lower", `first(tags, t, lower(traits.text) == "")`},
	{"trim", `first(tags, t, trim(traits.text) == "")`},
	{"urlParam", `first(tags, t, urlParam(traits.url, "b") == "")`},
	{"isEmail", `first(tags, t, isEmail(traits.text))`},
	{"decimal", `first(tags, t, decimal(traits.digits) == 1)`},
	{"round", `first(tags, t, first(tags, u, round(traits.num, 20) == 1) != null)`},
	{"sum", `first(tags, t, sum(context.digits) == 1)`},
	{"sum halves", `first(tags, t, sum(context.halves) == 1)`},
	{"sum tags", `first(tags, t, sum(tags) == 1)`},
	{"epoch", `first(tags, t, first(tags, u, epoch(traits.date) == 1) != null)`},
	{"epoch long", `first(tags, t, epoch("Tue Mar 05 2024 10:00:00 GMT+0100 (CET)") == 1)`},
	{"formatTime", `first(tags, t, first(tags, u, formatTime(traits.date, "` + strings.Repeat("%Y", 50) + `") == "") != null)`},
	{"round digits", `first(tags, t, first(tags, u, round(traits.digits, 20) == 1) != null)`},
	{"text of num", `first(tags, t, first(tags, u, text(traits.num) == "") != null)`},
	{"contains", `first(tags, t, traits.text.contains(traits.half))`},
	{"indexOf", `first(tags, t, traits.text.indexOf("b") == 5)`},
	{"indexOf far", `first(tags, t, traits.text.indexOf("a", 999990) == 5)`},
	{"indexOf half", `first(tags, t, traits.text.indexOf(traits.half) == 5)`},
	{"lastIndexOf", `first(tags, t, traits.text.lastIndexOf("b") == 5)`},
	{"lastIndexOf half", `first(tags, t, traits.text.lastIndexOf(traits.half) == 5)`},
	{"equality", `first(tags, t, traits.text != traits.text)`},
	{"equality objects", `first(tags, t, traits.obj != traits.obj)`},
	{"equality digits", `first(tags, t, context.digits != context.digits)`},
	{"order numbers", `first(tags, t, first(context.digits, d, d < 1) != null)`},
	{"order big exps", `first(tags, t, first(tags, u, 1e300 < traits.num) != null)`},
	{"order texts", `first(tags, t, traits.text < traits.text)`},
	{"in list of texts", `first(tags, t, "x" in context.texts)`},
	{"in list of digits", `first(tags, t, context.digits[0] in context.halves)`},
	{"empty kind", `first(tags, t, first(tags, u, empty(u)) != null)`},
	{"size text", `first(tags, t, size(traits.text) == 1)`},
	{"instants", `first(tags, t, instant(traits.date) == "")`},
	{"functions in loops", `first(tags, t, plus(plus(t, 1), plus(t, 1)) == 0)`},
	{"secret taint", `first(tags, t, merge(traits, {"t": config.token}) == null)`},
	{"secret plus", `first(tags, t, plus(config.token, traits.text) == null)`},
	{"leaf per iteration", `first(tags, t, t + 1 == 0)`},
	{"leaf in leaf", `tags.map(t, plus(t, 1))`},
	{"leaf natives", `tags.map(t, tags.map(u, traits.obj.k1999))`},
	{"map of natives objects", `tags.map(t, tags.map(u, {"a": traits.obj}))`},
	{"transformList", `tags.transformList(i, t, tags.transformList(j, u, i * j))`},
	{"string concat in loop", `tags.map(t, tags.map(u, "abc" + "def"))`},
	{"bytes doubling", `[b"aaaaaaaaaaaaaaaaa"]` + strings.Repeat(`.map(x, x + x)`, 60) + `.size()`},
	{"quote nested", strings.Repeat("strings.quote(", 40) + "traits.esc" + strings.Repeat(")", 40)},
	{"base64 nested", strings.Repeat("base64.encode(bytes(", 20) + "traits.half" + strings.Repeat("))", 20)},
	{"groupBy nested", `first(tags, t, groupBy(items, "` + strings.Repeat("a.", 400) + `b") == null)`},
	{"in zones", `tags.map(t, timestamp("2024-01-01T00:00:00Z").getHours("Europe/Berlin"))`},
	{"regexReplace far", `first(tags, t, regexReplace(traits.semi, ";.*c|;", "ab") == "")`},
	{"regexReplace optional tail", `first(tags, t, regexReplace(traits.semi, ";(.*c)?", "ab") == "")`},
	{"regexReplace tags", `first(tags, t, regexReplace(traits.semi, "<[^>]*>", "ab") == "")`},
	{"regexReplace near", `first(tags, t, regexReplace(traits.semi, ";(;{0,200}c)?", "ab") == "")`},
	{"regexReplace two stars", `first(tags, t, regexReplace(traits.semi, ";*;*;*;*x?", "ab") == "")`},
	{"regexReplace plus class", `first(tags, t, regexReplace(traits.text, "[^b]+", "ab") == "")`},
	{"matches folded ranges", `first(tags, t, "a".matches("(?i)[\\x80-\\x{10ffff}]" + text(t)))`},
	{"equality of numbers in lists", `first(tags, t, [context.digits[0]] == [context.halves[0]] || context.digits == context.halves)`},
	{"text of object in leaf", `tags.map(t, text(traits.obj))`},
}

// A step is worth about the same time everywhere: no rule may take far longer
// to spend its budget than plain loops do. A fifth of the budget shows it too.
var _ = Describe("a hostile rule", Label("time"), Ordered, ContinueOnFailure, func() {
	const budget = expression.DefaultSteps / 5
	f := newFrame(worst, expression.Options{})
	run := func(p *expression.Program) func() {
		return func() {
			f.Arena.Reset()
			f.Steps = budget
			_, _ = p.Eval(f)
		}
	}
	var loops func()
	BeforeAll(func() {
		loops = run(compile(`tags.map(a, tags.map(b, tags.map(c, a)))`, expression.Options{}))
	})
	for _, rule := range hostileRules {
		It("stops soon: "+rule[0], func() {
			again := run(compile(rule[1], expression.Options{}))
			again()
			steps := budget - f.Steps
			ratio := growth.Ratio(again, loops)
			GinkgoWriter.Printf("| %s | %.1f | %d |\n", rule[0], ratio, steps)
			Expect(ratio).To(BeNumerically("<", 15))
		})
	}
})
