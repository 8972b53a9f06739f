package expression_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/expression"
)

// both runs an expression natively and as CEL; "error: …" matches a part of the message.
func both(text, want string) {
	GinkgoHelper()
	for _, options := range []expression.Options{{}, {CEL: true}} {
		got, _ := evaluate(text, parsed, options)
		if part, failed := strings.CutPrefix(want, "error: "); failed {
			Expect(got).To(HavePrefix("error: "), "%s (CEL: %v)", text, options.CEL)
			Expect(got).To(ContainSubstring(part), "%s (CEL: %v)", text, options.CEL)
			continue
		}
		Expect(got).To(Equal(want), "%s (CEL: %v)", text, options.CEL)
	}
}

var _ = Describe("results, in the native form and in CEL", func() {
	DescribeTable("paths", both,
		Entry(nil, `traits.email`, `"Ada@example.com"`),
		Entry(nil, `traits["Sign up"]`, `"2024"`),
		Entry(nil, `context.deep.er.est`, `"here"`),
		Entry(nil, `context.deep.er.est.further.still`, `null`),
		Entry(nil, `none`, `null`),
		Entry(nil, `none.a.b["c"][0]`, `null`),
		Entry(nil, `n.a`, `null`),
		Entry(nil, `traits.nothing.x`, `null`),
		Entry(nil, `traits.age.x`, `null`),
		Entry(nil, `tags[1]`, `"b"`),
		Entry(nil, `tags[3]`, `null`),
		Entry(nil, `tags[-1]`, `null`),
		Entry(nil, `tags["0"]`, `null`),
		Entry(nil, `tags[0.5]`, `null`),
		Entry(nil, `tags.a`, `null`),
		Entry(nil, `traits[0]`, `null`),
		Entry(nil, `traits[tags[1]]`, `2`),
		Entry(nil, `tags[traits.a]`, `"b"`),
		Entry(nil, `tags[size(tags) - 1]`, `"a"`),
		Entry(nil, `traits[none]`, `null`),
		Entry(nil, `traits["e" + "mail"]`, `"Ada@example.com"`),
		Entry(nil, `{"a": {"b": 1}}.a.b`, `1`),
		Entry(nil, `[1, 2][1]`, `2`),
		Entry(nil, `context.ids.filter(i, i.type == "hs")[1].id`, `3`),
		Entry(nil, `context.ids.map(i, i.id.none.more)`, `[null,null,null]`),
		Entry(nil, `tags.map(t, t.x)`, `[null,null,null]`),
		Entry(nil, `items.map(i, i.sub[0])`, `[1,3,null]`),
		Entry(nil, `items.map(i, i["price"])`, `[5,5.5,1]`),
		Entry(nil, `items.map(i, tags[i.qty])`, `["a","b",null]`),
	)

	DescribeTable("has", both,
		Entry(nil, `has(traits.email)`, `true`),
		Entry(nil, `has(traits.nothing)`, `true`),
		Entry(nil, `has(traits.none)`, `false`),
		Entry(nil, `has(traits["Sign up"])`, `true`),
		Entry(nil, `has(traits["none"].deeper)`, `false`),
		Entry(nil, `has(tags[2])`, `true`),
		Entry(nil, `has(tags[3])`, `false`),
		Entry(nil, `has(n)`, `true`),
		Entry(nil, `has(none)`, `false`),
		Entry(nil, `has(none.x)`, `false`),
		Entry(nil, `items.map(i, has(i.qty))`, `[true,true,false]`),
		Entry(nil, `items.map(i, has(i.sub))`, `[true,true,true]`),
		Entry(nil, `items.map(i, has(i["sub"][0]))`, `[true,true,false]`),
		Entry(nil, `items.map(i, has(traits.email) && has(none))`, `[false,false,false]`),
		Entry(nil, `[given(traits.nothing), given(n)]`, `[true,true]`),
	)

	DescribeTable("equality and order", both,
		Entry(nil, `traits.name == "Äda"`, `true`),
		Entry(nil, `traits.name == null`, `false`),
		Entry(nil, `traits.nothing == null`, `true`),
		Entry(nil, `none == null`, `true`),
		Entry(nil, `"a" == null`, `false`),
		Entry(nil, `null == null`, `true`),
		Entry(nil, `null != 1`, `true`),
		Entry(nil, `traits.age == "36"`, `false`),
		Entry(nil, `traits.age == 36.0`, `true`),
		Entry(nil, `[1, "a", null] == [1.0, "a", none]`, `true`),
		Entry(nil, `{"a": 1, "b": [2]} == {"b": [2], "a": 1}`, `true`),
		Entry(nil, `big[0] == big[1]`, `false`),
		Entry(nil, `big[0] > big[1]`, `true`),
		Entry(nil, `big[4] < -9223372036854775808`, `true`),
		Entry(nil, `big.map(x, x > 9007199254740992)`, `[true,true,false,false,false,false]`),
		Entry(nil, `tags == ["a", "b", "a"]`, `true`),
		Entry(nil, `tags.map(t, t) == tags`, `true`),
		Entry(nil, `items.map(i, i == items[1])`, `[false,true,false]`),
		Entry(nil, `1 < 1.5`, `true`),
		Entry(nil, `2 >= 2`, `true`),
		Entry(nil, `"a" < "b" && "b" > "a" && "a" <= "a"`, `true`),
		Entry(nil, `1 < "a"`, `error: < compares two numbers or two texts, here are number 1 and text "a"`),
		Entry(nil, `none < 1`, `error: < compares`),
		Entry(nil, `true < false`, `error: < compares`),
		Entry(nil, `items.map(i, i.qty > 0)`, `error: > compares two numbers or two texts`),
	)

	DescribeTable("logic", both,
		Entry(nil, `!traits.ok`, `false`),
		Entry(nil, `traits.ok && traits.no`, `false`),
		Entry(nil, `traits.no || traits.ok`, `true`),
		Entry(nil, `none || true`, `true`),
		Entry(nil, `true || 1 < "a"`, `true`),
		Entry(nil, `1 < "a" || true`, `true`),
		Entry(nil, `false && decimal(traits.name) == 1`, `false`),
		Entry(nil, `decimal(traits.name) == 1 && false`, `false`),
		Entry(nil, `none && true`, `error: `),
		Entry(nil, `!none`, `error: `),
		Entry(nil, `traits.ok ? 1 : "x"`, `1`),
		Entry(nil, `tags.map(t, t == "a" ? 1 : t == "b" ? "two" : null)`, `[1,"two",1]`),
		Entry(nil, `tags.map(t, t == "a" ? null : {"t": t})`, `[null,{"t":"b"},null]`),
		Entry(nil, `none ? 1 : 2`, `error: `),
		Entry(nil, `traits.no ? decimal("x" + "y") : 2`, `2`),
		Entry(nil, `null`, `null`),
		Entry(nil, `(traits.ok ? null : traits).b`, `null`),
	)

	DescribeTable("in and size", both,
		Entry(nil, `"b" in tags`, `true`),
		Entry(nil, `"c" in tags`, `false`),
		Entry(nil, `"email" in traits`, `true`),
		Entry(nil, `"x" in none`, `false`),
		Entry(nil, `1 in traits`, `false`),
		Entry(nil, `"b" in "abc"`, `error: in needs a list or an object on its right, this is text "abc"`),
		Entry(nil, `1 in 5`, `error: in needs a list or an object`),
		Entry(nil, `items.map(i, i.price in [5, 1.0])`, `[true,false,true]`),
		Entry(nil, `tags.all(t, t in ["a", "b"])`, `true`),
		Entry(nil, `size(tags) + size(traits.name)`, `6`),
		Entry(nil, `size(none)`, `0`),
		Entry(nil, `size({"a": 1})`, `1`),
		Entry(nil, `size(5)`, `error: size counts`),
		Entry(nil, `tags.map(t, size(t))`, `[1,1,1]`),
		Entry(nil, `size(tags.filter(t, t == "a"))`, `2`),
		Entry(nil, `size([[1].map(x, x), [2]].map(x, size(x)))`, `2`),
		Entry(nil, `tags.size()`, `3`),
	)

	DescribeTable("first", both,
		Entry(nil, `first(context.ids, i, i.type == "hs")`, `{"type":"hs","id":2}`),
		Entry(nil, `first(context.ids, i, i.type == "hs").id`, `2`),
		Entry(nil, `first(context.ids, i, i.type == "none")`, `null`),
		Entry(nil, `first(context.ids, i, i.type == "none").id`, `null`),
		Entry(nil, `first(none, i, true)`, `null`),
		Entry(nil, `first(traits, i, true)`, `null`),
		Entry(nil, `first("text", i, true)`, `null`),
		Entry(nil, `first([null, 1], i, i == null)`, `null`),
		Entry(nil, `first(tags, i, i)`, `error: `),
		Entry(nil, `first(context.ids, i, first(tags, t, t == "b") == "b" && i.id > 1).id`, `2`),
		Entry(nil, `tags.map(t, first(context.ids, i, i.id == size(tags) && t == "b").id)`, `[null,3,null]`),
		Entry(nil, `tags.map(t, first(traits, i, t == "a"))`, `[null,null,null]`),
		Entry(nil, `first(context.ids, i, tags.exists(t, t == "b" && i.type == "hs")).id`, `2`),
		Entry(nil, `first(context.ids, i, tags.exists(t, first(tags, u, u == t && i.id == 3) != null)).id`, `3`),
		Entry(nil, `first(tags, t, computed == "b" && t == "b")`, `"b"`),
		Entry(nil, `first(tags, t, t == computed) + first(tags, t, t == "a")`, `"ba"`),
		Entry(nil, `first([[1], [2]], t, first(t, u, u == 2) != null)`, `[2]`),
	)

	DescribeTable("comprehensions", both,
		Entry(nil, `tags.map(t, t + "!")`, `["a!","b!","a!"]`),
		Entry(nil, `tags.map(t, t != "a", t + t)`, `["bb"]`),
		Entry(nil, `tags.filter(t, t == "a")`, `["a","a"]`),
		Entry(nil, `tags.exists(t, t == "b")`, `true`),
		Entry(nil, `tags.exists_one(t, t == "a")`, `false`),
		Entry(nil, `none.all(t, t == "a")`, `true`),
		Entry(nil, `none.map(t, t)`, `[]`),
		Entry(nil, `n.exists(t, true)`, `false`),
		Entry(nil, `{"y": 1, "x": 2}.map(k, k)`, `["y","x"]`),
		Entry(nil, `traits.filter(k, traits[k] == null)`, `["nothing"]`),
		Entry(nil, `"text".map(c, c)`, `error: only the elements of a list or the keys of an object can be walked`),
		Entry(nil, `traits.age.all(c, true)`, `error: can be walked, this is number 36`),
		Entry(nil, `traits.age.all(k, v, true)`, `error: can be walked, this is number 36`),
		Entry(nil, `tags.transformList(i, t, t + string(i))`, `["a0","b1","a2"]`),
		Entry(nil, `tags.transformList(i, t, i > 0, t)`, `["b","a"]`),
		Entry(nil, `{"y": 1, "x": 2, "a": 3}.transformMap(k, v, v + 1)`, `{"y":2,"x":3,"a":4}`),
		Entry(nil, `{"y": 1, "x": 2, "a": 3}.transformMap(k, v, v != 2, v)`, `{"y":1,"a":3}`),
		Entry(nil, `{"y": 1, "x": 2, "a": 3}.transformMapEntry(k, v, {k + k: v})`, `{"yy":1,"xx":2,"aa":3}`),
		Entry(nil, `tags.transformMapEntry(i, t, {t: i})`, `{"a":2,"b":1}`),
		Entry(nil, `{"b": 1, "a": 2}.transformMapEntry(k, v, v == 2, {"z": 1, "y": 2})`, `{"z":1,"y":2}`),
		Entry(nil, `tags.transformMapEntry(i, t, t)`, `error: transformMapEntry needs an object for each element`),
		Entry(nil, `traits.transformMap(k, v, k == "x", v)`, `{}`),
		Entry(nil, `none.transformMap(k, v, v)`, `{}`),
		Entry(nil, `n.transformList(k, v, v)`, `[]`),
		Entry(nil, `traits.exists(k, v, k == "b" && v == 2)`, `true`),
		Entry(nil, `none.all(k, v, false)`, `true`),
		Entry(nil, `items.map(i, i.sub.map(s, s + traits.a))`, `[[2,3],[4],[]]`),
		Entry(nil, `items.map(i, items.filter(j, j.price == i.price).map(j, j.sub))`, `[[[1,2]],[[3]],[null]]`),
		Entry(nil, `items.transformList(i, x, x.sub.transformMap(j, s, s)[0])`, `error: keys of an object`),
	)

	DescribeTable("lists and objects", both,
		Entry(nil, `[1, "a", null, none, [2], {}]`, `[1,"a",null,null,[2],{}]`),
		Entry(nil, `{"z": 1, "a": {"y": tags[0], "x": null}, "m": none}`, `{"z":1,"a":{"y":"a","x":null},"m":null}`),
		Entry(nil, `{"a": 1, "b": 2, "a": 3}`, `{"a":3,"b":2}`),
		Entry(nil, `tags.map(t, {"z": t, "a": [t, 1]})[0]`, `{"z":"a","a":["a",1]}`),
		Entry(nil, `{traits.email: 1, "x" + "y": 2}`, `{"Ada@example.com":1,"xy":2}`),
		Entry(nil, `{none: 1}`, `error: keys of an object have to be texts`),
		Entry(nil, `{"z": {"k" + "1": {"k" + "2": {"q": 1}}}}`, `{"z":{"k1":{"k2":{"q":1}}}}`),
		Entry(nil, `tags + ["c"]`, `["a","b","a","c"]`),
		Entry(nil, `["c"] + tags + [none]`, `["c","a","b","a",null]`),
		Entry(nil, `[] + []`, `[]`),
		Entry(nil, `{}`, `{}`),
	)

	DescribeTable("optional values", both,
		Entry(nil, `traits.?email.orValue("x")`, `"Ada@example.com"`),
		Entry(nil, `traits.?none.orValue("x")`, `"x"`),
		Entry(nil, `none.?a.?b.orValue("x")`, `"x"`),
		Entry(nil, `traits.?nothing.orValue("x")`, `null`),
		Entry(nil, `tags[?1].orValue("x")`, `"b"`),
		Entry(nil, `tags[?9].orValue("x")`, `"x"`),
		Entry(nil, `traits.?none`, `null`),
		Entry(nil, `traits.?none.hasValue()`, `false`),
		Entry(nil, `{?"a": traits.?none, ?"b": traits.?email}`, `{"b":"Ada@example.com"}`),
		Entry(nil, `[?traits.?none, ?traits.?a]`, `[1]`),
		Entry(nil, `traits.?a.optMap(x, x + 1).orValue(0)`, `2`),
		Entry(nil, `items.map(i, i.?qty.orValue(0))`, `[2,1,0]`),
		Entry(nil, `optional.of(tags).orValue([])[1]`, `"b"`),
		Entry(nil, `tags.first().orValue("x")`, `"a"`),
		Entry(nil, `optional.none().orValue(1)`, `1`),
	)

	DescribeTable("numbers", both,
		Entry(nil, `big`, `[18446744073709551617,9007199254740993,1.50,1e2,-9223372036854775809,0.30000000000000000001]`),
		Entry(nil, `big.map(x, x)`, `[18446744073709551617,9007199254740993,1.50,1e2,-9223372036854775809,0.30000000000000000001]`),
		Entry(nil, `big.filter(x, x > 100).map(x, {"x": x})`, `[{"x":18446744073709551617},{"x":9007199254740993}]`),
		Entry(nil, `big.transformList(i, x, [x])[0]`, `[18446744073709551617]`),
		Entry(nil, `[big[0]] + [1]`, `[18446744073709551617,1]`),
		Entry(nil, `big.map(x, text(x))[0]`, `"18446744073709551617"`),
		Entry(nil, `big.sort()`, `[-9223372036854775809,0.30000000000000000001,1.50,1e2,9007199254740993,18446744073709551617]`),
		Entry(nil, `traits.score`, `1.50`),
		Entry(nil, `traits.score * 2`, `3`),
		Entry(nil, `big.map(x, x * 0 + 1)`, `[1,1,1,1,1,1]`),
		Entry(nil, `items.map(i, i.price * 100)`, `[500,550,100]`),
		Entry(nil, `items.map(i, 1.5 + i.price)`, `[6.5,7,2.5]`),
		Entry(nil, `7 / 2`, `3`),
		Entry(nil, `7 / 2.0`, `3.5`),
		Entry(nil, `7 % 2`, `1`),
		Entry(nil, `-traits.a`, `-1`),
		Entry(nil, `-traits.score`, `-1.5`),
		Entry(nil, `1 / 0`, `error: zero`),
		Entry(nil, `1.0 / 0.0`, `error: is no JSON number`),
		Entry(nil, `9223372036854775807 + 1`, `error: overflow`),
		Entry(nil, `none + 1`, `error: + does not take`),
		Entry(nil, `traits.age + traits.name`, `error: + does not take number 36 and text "Äda"`),
		Entry(nil, `tags - 1`, `error: - does not take`),
		Entry(nil, `string(1729342231109.0)`, `"1729342231109"`),
		Entry(nil, `string(1e21)`, `"1000000000000000000000"`),
		Entry(nil, `string(big[0])`, `"18446744073709551617"`),
		Entry(nil, `string(traits.age) + string(true)`, `"36true"`),
		Entry(nil, `string(none)`, `error: text(x) does`),
		Entry(nil, `int("12") + int(3.9)`, `15`),
		Entry(nil, `double("1.5")`, `1.5`),
		Entry(nil, `int(big[3])`, `100`),
		Entry(nil, `int(traits.name)`, `error: `),
		Entry(nil, `math.greatest(1, traits.age, 2)`, `36`),
		Entry(nil, `math.greatest(items.map(i, i.price))`, `5.5`),
		Entry(nil, `math.least([3, traits.score])`, `1.5`),
		Entry(nil, `math.ceil(traits.score)`, `2`),
		Entry(nil, `math.round(2.5)`, `3`),
		Entry(nil, `1u + 2u`, `3`),
		Entry(nil, `1e21`, `1000000000000000000000`),
	)

	DescribeTable("text", both,
		Entry(nil, `traits.email.startsWith("Ada")`, `true`),
		Entry(nil, `traits.email.endsWith(".org")`, `false`),
		Entry(nil, `traits.email.contains("@")`, `true`),
		Entry(nil, `[none.contains("@"), none.startsWith("a"), none.endsWith("a"), none.matches("a")]`, `[false,false,false,false]`),
		Entry(nil, `none.replace("a", "b")`, `null`),
		Entry(nil, `tags.contains("a")`, `error: contains works on text, this is list`),
		Entry(nil, `traits.email.matches("^[A-Z].*@")`, `true`),
		Entry(nil, `matches(traits.email, "^b")`, `false`),
		Entry(nil, `"a.b".matches(traits.email)`, `false`),
		Entry(nil, `"x".matches("(" + "[")`, `error: this is no regular expression`),
		Entry(nil, `tags.map(t, t.matches("a|c"))`, `[true,false,true]`),
		Entry(nil, `tags.map(t, "a".matches(t))`, `[true,false,true]`),
		Entry(nil, `"hellö wörld".indexOf("w")`, `6`),
		Entry(nil, `"hello".indexOf("l", 3)`, `3`),
		Entry(nil, `"hello".indexOf("x")`, `-1`),
		Entry(nil, `"hello".indexOf("")`, `0`),
		Entry(nil, `"hello".indexOf("l", 9)`, `-1`),
		Entry(nil, `"hellö hello".lastIndexOf("hel")`, `6`),
		Entry(nil, `"hello hello".lastIndexOf("hel", 5)`, `0`),
		Entry(nil, `"hello".indexOf("l", -1)`, `error: out of range`),
		Entry(nil, `"banana".replace("an", "o")`, `"booa"`),
		Entry(nil, `"banana".replace("an", "o", 1)`, `"boana"`),
		Entry(nil, `"ab".replace("", "-")`, `"-a-b-"`),
		Entry(nil, `tags.join("+")`, `"a+b+a"`),
		Entry(nil, `tags.join()`, `"aba"`),
		Entry(nil, `[].join(",")`, `""`),
		Entry(nil, `[1].join(",")`, `error: joinText`),
		Entry(nil, `"a,b".split(",")`, `["a","b"]`),
		Entry(nil, `" x ".trim()`, `"x"`),
		Entry(nil, `"aBÄ".lowerAscii()`, `"abÄ"`),
		Entry(nil, `"abc".substring(1, 2)`, `"b"`),
		Entry(nil, `"abc".charAt(0)`, `"a"`),
		Entry(nil, `"abc".reverse()`, `"cba"`),
		Entry(nil, `strings.quote("a\"")`, `"\"a\\\"\""`),
		Entry(nil, `none.trim()`, `error: ask for x != null`),
		Entry(nil, `base64.encode(bytes("hi"))`, `"aGk="`),
		Entry(nil, `b"hi"`, `error: a result of type bytes is no JSON value`),
		Entry(nil, `"a\nb" + 'c"d'`, `"a\nbc\"d"`),
	)

	DescribeTable("lists and sets", both,
		Entry(nil, `tags.distinct()`, `["a","b"]`),
		Entry(nil, `[1, 1.0, "1", [1], [1]].distinct()`, `[1,"1",[1]]`),
		Entry(nil, `[[1, [2]], 3].flatten()`, `[1,[2],3]`),
		Entry(nil, `[[1, [2]], 3].flatten(2)`, `[1,2,3]`),
		Entry(nil, `flatten({"a": {"b": 1}}, "_")`, `{"a_b":1}`),
		Entry(nil, `tags.map(t, flatten({"a": {"b": t}}))[0]`, `{"a.b":"a"}`),
		Entry(nil, `tags.slice(1, 3)`, `["b","a"]`),
		Entry(nil, `tags.sort()`, `["a","a","b"]`),
		Entry(nil, `tags.reverse()`, `["a","b","a"]`),
		Entry(nil, `items.sortBy(i, i.price).map(i, i.price)`, `[1,5,5.5]`),
		Entry(nil, `items.sortBy(i, -i.price)[0].price`, `5.5`),
		Entry(nil, `[1, "a"].sort()`, `error: sort compares`),
		Entry(nil, `lists.range(3)`, `[0,1,2]`),
		Entry(nil, `sets.contains(tags, ["b"])`, `true`),
		Entry(nil, `sets.equivalent(tags, ["b", "a"])`, `true`),
		Entry(nil, `sets.equivalent(tags, ["b", "c"])`, `false`),
		Entry(nil, `sets.intersects(tags, ["z", "a"])`, `true`),
		Entry(nil, `sets.intersects(tags, none)`, `false`),
		Entry(nil, `items.map(i, sets.contains([1, 2, 3], i.sub))`, `[true,true,true]`),
	)

	DescribeTable("time", both,
		Entry(nil, `timestamp("2024-01-02T03:04:05Z")`, `"2024-01-02T03:04:05Z"`),
		Entry(nil, `timestamp("2024-01-02T03:04:05Z") + duration("1h")`, `"2024-01-02T04:04:05Z"`),
		Entry(nil, `timestamp("2024-01-02T03:04:05Z").getFullYear()`, `2024`),
		Entry(nil, `timestamp("2024-01-02T03:04:05.5Z") > timestamp("2024-01-02T03:04:05Z")`, `true`),
		Entry(nil, `duration("10s") > duration("9s")`, `true`),
		Entry(nil, `(traits.ok ? duration("10s") : duration("1s")) > duration("9s")`, `true`),
		Entry(nil, `timestamp("2024-01-02T03:04:05+01:00") == timestamp("2024-01-02T02:04:05Z")`, `true`),
		Entry(nil, `["2024-01-02T00:00:00.5Z", "2024-01-02T00:00:00Z"].sortBy(t, timestamp(t))[0]`, `"2024-01-02T00:00:00Z"`),
		Entry(nil, `timestamp(traits["Sign up"])`, `error: `),
		Entry(nil, `timestamp(traits.none)`, `error: `),
	)

	DescribeTable("functions of the table and of rules", both,
		Entry(nil, `lower(traits.email)`, `"ada@example.com"`),
		Entry(nil, `lower(traits.none)`, `null`),
		Entry(nil, `tags.map(t, upper(t))`, `["A","B","A"]`),
		Entry(nil, `tags.map(t, regexReplace(t, "^a$", "x"))`, `["x","b","x"]`),
		Entry(nil, `twice(tags[0])`, `["a","a"]`),
		Entry(nil, `twice(twice(1))`, `[[1,1],[1,1]]`),
		Entry(nil, `plus(plus(1, 2), plus(3, 4))`, `10`),
		Entry(nil, `tags.map(t, plus(t, "!"))`, `["a!","b!","a!"]`),
		Entry(nil, `pick1(context.ids, "hs").id`, `2`),
		Entry(nil, `ids(context.ids, "hs")`, `[12,13]`),
		Entry(nil, `tags.map(t, ids(context.ids, t == "a" ? "hs" : "x"))`, `[[12,13],[11],[12,13]]`),
		Entry(nil, `first(context.ids, i, pick1(context.ids, i.type).id != i.id).id`, `3`),
		Entry(nil, `first(context.ids, i, plus(i.id, size(ids(context.ids, "hs"))) == 5).id`, `3`),
		Entry(nil, `orElse(none, "x")`, `"x"`),
		Entry(nil, `decimal(traits.name)`, `error: decimal: text "Äda"`),
		Entry(nil, `strict(traits.name)`, `error: strict: decimal: text "Äda"`),
		Entry(nil, `tags.map(t, strict(t))`, `error: strict: decimal: text "a"`),
		Entry(nil, `broken.x`, `error: this name cannot be loaded`),
		Entry(nil, `tags.map(t, broken)`, `error: this name cannot be loaded`),
		Entry(nil, `first(tags, t, broken == t)`, `error: this name cannot be loaded`),
	)

	It("keeps what the loader returned as the cause", func() {
		for _, options := range []expression.Options{{}, {CEL: true}} {
			for _, text := range []string{`broken`, `tags.map(t, broken)`, `plus(1, broken)`, `lower(broken)`} {
				_, err := compile(text, options).Eval(newFrame(parsed, options))
				Expect(err).To(MatchError(errBroken), text)
			}
		}
	})

	It("tells where an expression failed", func() {
		for text, part := range map[string]string{
			`traits.ok && decimal(traits.name) == 1`:           `decimal(traits.name)`,
			`"ä" + text(decimal("ö" + traits.name))`:           `decimal("ö" + traits.name)`,
			`tags.map(t, [strict(t), 1])`:                      `strict(t)`,
			`[1, none < 1]`:                                    `none < 1`,
			`[traits.name, traits.name.trim(1 + none.size())]`: ``,
			`["é", 1 + none]`:                                  `1 + none`,
			`traits.email.contains(none) || traits.no`:         `traits.email.contains(none)`,
		} {
			p, found := expression.Compile(text, newScope(expression.Options{}), expression.Anything, expression.Options{})
			if part == "" {
				Expect(found).NotTo(BeEmpty(), text)
				continue
			}
			Expect(found).To(BeEmpty(), text)
			_, err := p.Eval(newFrame(parsed, expression.Options{}))
			var failed *expression.Error
			Expect(err).To(BeAssignableToTypeOf(failed), text)
			failed = err.(*expression.Error)
			Expect(text[failed.From:failed.To]).To(Equal(part), text)
		}
	})
})
