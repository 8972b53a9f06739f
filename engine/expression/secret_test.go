package expression_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/value"
)

var _ = Describe("what is computed from a secret", func() {
	DescribeTable("is a secret", func(text string) {
		for _, options := range []expression.Options{{}, {CEL: true}} {
			_, v := evaluate(text, parsed, options)
			Expect(v).NotTo(BeNil(), text)
			shown := string(value.AppendRedacted(nil, v))
			Expect(shown).To(ContainSubstring("[secret]"), "%s (CEL: %v)", text, options.CEL)
			for _, part := range []string{"pssst", "hush", "PSSST", "cHN"} {
				Expect(shown).NotTo(ContainSubstring(part), "%s (CEL: %v)", text, options.CEL)
			}
		}
	},
		Entry(nil, `config.token`), Entry(nil, `config["token"]`), Entry(nil, `config`), Entry(nil, `[config.token, 1]`),
		Entry(nil, `{"a": {"b": config.token}}`), Entry(nil, `traits.ok ? config.token : ""`), Entry(nil, `upper(config.token)`),
		Entry(nil, `"Bearer " + config.token`), Entry(nil, `config.n + 1`), Entry(nil, `string(config.n)`), Entry(nil, `-config.n`),
		Entry(nil, `size(config.token)`), Entry(nil, `config.token.size()`), Entry(nil, `split(config.token, ",")[0]`),
		Entry(nil, `first(split(config.token, ","), p, p == "hush")`), Entry(nil, `split(config.token, ",").map(p, p)[1]`),
		Entry(nil, `config.token.split(",")[1]`), Entry(nil, `config.token.split(",").map(p, {"p": p})`),
		Entry(nil, `config.token.replace("hush", "")`), Entry(nil, `config.token.indexOf("h")`), Entry(nil, `[config.token].join("")`),
		Entry(nil, `tags.map(t, t + config.token)`), Entry(nil, `tags.map(t, upper(t + config.token))`), Entry(nil, `tags.map(t, plus(t, config.token))`),
		Entry(nil, `plus("", config.token)`), Entry(nil, `twice(config.token)`), Entry(nil, `config.transformList(k, v, v)`), Entry(nil, `config.transformMap(k, v, v).token`),
		Entry(nil, `base64.encode(bytes(config.token))`), Entry(nil, `config.?token.orValue("")`), Entry(nil, `[config.token].sort()[0]`),
		Entry(nil, `[1, 2, 3, 4, 5, 6, 7, 8][config.n]`), Entry(nil, `{"pssst,hush": "a"}[config.token]`), Entry(nil, `json(config)`), Entry(nil, `config.map(k, config[k])`),
		Entry(nil, `{"a": 1}.transformMapEntry(k, v, {config.token: v})`), Entry(nil, `[config.token].filter(x, x != "")`), Entry(nil, `flatten({"a": {"b": config.token}})`), Entry(nil, `[[config.token]].flatten()[0]`),
	)

	DescribeTable("is not shown by an error", func(text string) {
		for _, options := range []expression.Options{{}, {CEL: true}} {
			got, _ := evaluate(text, parsed, options)
			Expect(got).To(HavePrefix("error: "), text)
			Expect(got).NotTo(ContainSubstring("pssst"), text)
			_, err := compile(text, options).Eval(newFrame(parsed, options))
			Expect(fmt.Sprintf("%+v", err)).NotTo(ContainSubstring("pssst"), text)
		}
	},
		Entry(nil, `decimal(config.token)`), Entry(nil, `int(config.token)`), Entry(nil, `tags.map(t, decimal(t + config.token))`), Entry(nil, `timestamp(config.token)`),
		Entry(nil, `config.token < 1`), Entry(nil, `split(config.token, ",")[0] < 1`), Entry(nil, `config.token + 1`), Entry(nil, `"x".matches(config.token + "[")`),
		Entry(nil, `strict(config.token)`), Entry(nil, `tags.map(t, strict(t + config.token))`), Entry(nil, `tags.map(t, first([config.token], p, p))`), Entry(nil, `config.token && true`),
		Entry(nil, `tags.map(t, (config.token + t).startsWith(1))`), Entry(nil, `duration(config.token)`), Entry(nil, `{config.token: 1, 2 + 1: 2}`),
		Entry(nil, `"x".matches("(" + config.token)`), Entry(nil, `regexReplace("x", plus("(", config.token), "")`), Entry(nil, `tags.map(t, regexReplace(t, "(" + config.token, ""))`),
		Entry(nil, `formatTime(86400000, plus("%Q", config.token))`), Entry(nil, `render(plus("{{", config.token), {})`),
	)

	It("leaves other values and conditions alone", func() {
		for _, text := range []string{`config.hub`, `config.token != null`, `config.token.startsWith("p")`, `config.token == "" ? 1 : 2`, `tags`, `config.hub + 1`, `"x" in config`} {
			_, v := evaluate(text, parsed, expression.Options{})
			Expect(v.HoldsSecret()).To(BeFalse(), text)
		}
		Expect(strings.Contains(document, "pssst")).To(BeFalse())
	})
})
