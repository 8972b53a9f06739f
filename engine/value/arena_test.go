package value_test

import (
	"fmt"
	"math"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/value"
)

var _ = Describe("Arena", func() {
	var a *value.Arena
	BeforeEach(func() { a = value.NewArena() })

	It("is ready as a zero value", func() {
		var zero value.Arena
		Expect(encoded(parse(&zero, `{"a":["\n",1]}`))).To(Equal(`{"a":["\n",1]}`))
	})

	It("reuses its memory after a Reset, without traces of earlier values", func() {
		for _, text := range []string{
			`{"a":{"b":[1,2,3]},"c":"\n"}`,
			`[true,null,"x",1,{},[]]`,
			`[{},[],"",0,false,null]`,
		} {
			a.Reset()
			n := parse(a, text)
			Expect(encoded(n)).To(Equal(text))
			for m := n.First(); m != nil; m = m.Next() {
				if m.IsScalar() || m.IsNull() {
					Expect(m.First()).To(BeNil())
					Expect(m.Len()).To(BeZero())
				}
			}
		}
		text := func(i int) string { return fmt.Sprintf(`{"k%d":["\u0041%d",{"x":%d}]}`, i, i, i) }
		for range 3 {
			a.Reset()
			var nodes []*value.Node
			for i := range 2000 {
				nodes = append(nodes, parse(a, text(i)))
			}
			for i, n := range nodes {
				Expect(encoded(n)).To(Equal(fmt.Sprintf(`{"k%d":["A%d",{"x":%d}]}`, i, i, i)))
			}
		}
	})

	It("makes scalars", func() {
		Expect(encoded(a.Int(math.MinInt64))).To(Equal("-9223372036854775808"))
		Expect(encoded(a.Float(0.1))).To(Equal("0.1"))
		Expect(encoded(a.Float(1e21))).To(Equal("1000000000000000000000"))
		Expect(encoded(a.Number("1.50"))).To(Equal("1.50"))
		Expect(encoded(a.String(""))).To(Equal(`""`))
		Expect(encoded(value.BoolNode(true))).To(Equal("true"))
		Expect(encoded(value.BoolNode(false))).To(Equal("false"))
		Expect(encoded(value.NullNode())).To(Equal("null"))
		Expect(encoded(a.Object())).To(Equal("{}"))
		Expect(encoded(a.List())).To(Equal("[]"))
	})

	Describe("Append and Set", func() {
		It("build lists, nil as null, and take a value that stands elsewhere", func() {
			list, s := a.List(), a.String("s")
			first := a.Append(list, s)
			second := a.Append(list, s)
			a.Append(list, nil)
			a.Append(list, value.BoolNode(true))
			a.Append(list, list.At(0))
			Expect(encoded(list)).To(Equal(`["s","s",null,true,"s"]`))
			Expect(first).To(BeIdenticalTo(list.At(0)))
			Expect(second).To(BeIdenticalTo(list.At(1)))
			Expect(list.At(-1)).To(BeNil())
			Expect(list.At(5)).To(BeNil())
		})

		It("share the members of a value in two places", func() {
			event := parse(a, `{"a":{"b":[1]}}`)
			o := a.Object()
			a.Set(o, "x", event.Get("a"))
			a.Set(o, "y", event.Get("a"))
			Expect(encoded(o)).To(Equal(`{"x":{"b":[1]},"y":{"b":[1]}}`))
			Expect(encoded(event)).To(Equal(`{"a":{"b":[1]}}`))
		})

		It("replace a member in its place", func() {
			o := a.Object()
			for _, k := range []string{"a", "b", "c"} {
				a.Set(o, k, a.String(k))
			}
			Expect(a.Set(o, "b", a.Int(2))).To(BeIdenticalTo(o.Get("b")))
			a.Set(o, "c", nil)
			a.Set(o, "a", o.Get("b"))
			a.Set(o, "d", a.List())
			Expect(encoded(o)).To(Equal(`{"a":2,"b":2,"c":null,"d":[]}`))
		})

		It("replace members of objects of any size", func() {
			o := a.Object()
			for round := range 2 {
				for i := range 300 {
					a.Set(o, fmt.Sprint("k", i), a.Int(int64(i+round)))
				}
			}
			Expect(o.Len()).To(Equal(300))
			i := 0
			for m := o.First(); m != nil; m = m.Next() {
				Expect(m.Key()).To(Equal(fmt.Sprint("k", i)))
				Expect(o.Get(m.Key()).Text()).To(Equal(fmt.Sprint(i + 1)))
				i++
			}
		})
	})

	Describe("Fork", func() {
		It("leaves the original alone", func() {
			for _, size := range []int{0, 1, 3, 23, 24, 25, 200} {
				o := a.Object()
				for i := range size {
					a.Set(o, fmt.Sprint("k", i), a.Append(a.List(), a.Int(int64(i))))
				}
				before := encoded(o)
				fork := a.Fork(o)
				Expect(encoded(fork)).To(Equal(before))
				a.Set(fork, "k0", a.String("new"))
				a.Set(fork, "more", a.String("more"))
				Expect(encoded(o)).To(Equal(before))
				Expect(fork.Get("k0").Text()).To(Equal("new"))
				Expect(fork.Get("more").Text()).To(Equal("more"))
				Expect(o.Get("more")).To(BeNil())
			}
			list := parse(a, `[1,{"a":2}]`)
			fork := a.Fork(list)
			a.Append(fork, a.Int(3))
			Expect(encoded(fork)).To(Equal(`[1,{"a":2},3]`))
			Expect(encoded(list)).To(Equal(`[1,{"a":2}]`))
		})

		It("copies scalars and keeps absent absent", func() {
			Expect(encoded(a.Fork(a.Int(1)))).To(Equal("1"))
			Expect(a.Fork(nil)).To(BeNil())
			Expect(a.Copy(nil)).To(BeNil())
		})
	})

	Describe("MarkSecret", func() {
		It("marks what is inside too, so that nothing taken out of it shows", func() {
			a := value.NewArena()
			inner := a.Object()
			a.Append(a.Set(inner, "k", a.List()), a.String("s"))
			marked := a.MarkSecret(inner)
			Expect(marked.Get("k").At(0).Secret()).To(BeTrue())
			Expect(marked.Get("k").At(0).Text()).To(Equal("s"))
			Expect(inner.Get("k").Secret()).To(BeFalse())
		})

		It("marks a copy, not the value, and survives copies, forks and places", func() {
			plain := a.String("s")
			secret := a.MarkSecret(plain)
			Expect(plain.Secret()).To(BeFalse())
			Expect(secret.Secret()).To(BeTrue())
			Expect(a.MarkSecret(secret)).To(BeIdenticalTo(secret))
			Expect(a.MarkSecret(nil)).To(BeNil())
			Expect(a.Copy(secret).Secret()).To(BeTrue())
			o := a.Object()
			Expect(a.Set(o, "k", secret).Secret()).To(BeTrue())
			Expect(a.Fork(o).Get("k").Secret()).To(BeTrue())
			Expect(a.Set(o, "k", plain).Secret()).To(BeFalse())
			Expect(a.MarkSecret(value.BoolNode(true)).Secret()).To(BeTrue())
			Expect(value.BoolNode(true).Secret()).To(BeFalse())
		})
	})

	It("tells a value that holds a secret somewhere below", func() {
		inner := a.Object()
		a.Set(inner, "k", a.MarkSecret(a.String("s")))
		outer := a.List()
		a.Append(outer, inner)
		Expect(outer.HoldsSecret()).To(BeTrue())
		Expect(outer.Secret()).To(BeFalse())
		Expect(a.Fork(outer).HoldsSecret()).To(BeTrue())
		Expect(parse(a, `{"k":"s"}`).HoldsSecret()).To(BeFalse())

		o := a.Object()
		a.Set(o, "k", a.Int(1))
		Expect(o.HoldsSecret()).To(BeFalse())
		a.Set(o, "k", a.MarkSecret(a.Int(1)))
		Expect(o.HoldsSecret()).To(BeTrue())
	})

	It("copies the head of a frozen value to make it a member", func() {
		constant := a.List().Freeze()
		o := a.Object()
		Expect(a.Set(o, "x", constant)).NotTo(BeIdenticalTo(constant))
		Expect(a.Set(o, "y", constant)).NotTo(BeIdenticalTo(constant))
		Expect(constant.Key()).To(BeEmpty())

		var absent *value.Node
		Expect(absent.Freeze()).To(BeNil())
	})

	Describe("Text and Intern", func() {
		It("make strings that later texts do not change", func() {
			var got []string
			var want []string
			for i := range 3000 {
				w := strings.Repeat(fmt.Sprint(i, ","), i%50)
				if i%500 == 0 {
					w = strings.Repeat("big", 10_000)
				}
				got = append(got, a.Intern(append(a.Text(len(w)), w...)))
				want = append(want, w)
			}
			Expect(got).To(Equal(want))
		})

		It("copy a buffer that outgrew its place or lies elsewhere", func() {
			b := append(a.Text(1), strings.Repeat("x", 100_000)...)
			s := a.Intern(b)
			own := []byte("own")
			o := a.Intern(own)
			own[0] = 'X'
			Expect(s).To(HaveLen(100_000))
			Expect(o).To(Equal("own"))
			Expect(a.Intern(a.Text(10))).To(Equal(""))
		})

		It("allocate nothing once the arena has grown", func() {
			run := func() {
				a.Reset()
				for i := range 2000 {
					a.Intern(append(a.Text(40), "some text of a few words"...))
					a.Int(int64(i))
					a.Float(float64(i) / 8)
				}
			}
			run()
			Expect(allocs(run)).To(BeZero())
		})
	})
})

var _ = Describe("Node", func() {
	It("is safe when absent", func() {
		var n *value.Node
		Expect(n.Kind()).To(Equal(value.Null))
		Expect(n.IsNull()).To(BeTrue())
		Expect(n.IsEmpty()).To(BeTrue())
		Expect(n.IsScalar()).To(BeFalse())
		Expect(n.Bool()).To(BeFalse())
		Expect(n.Text()).To(BeEmpty())
		Expect(n.Key()).To(BeEmpty())
		Expect(n.Len()).To(BeZero())
		Expect(n.First()).To(BeNil())
		Expect(n.Next()).To(BeNil())
		Expect(n.Get("a")).To(BeNil())
		Expect(n.At(0)).To(BeNil())
		Expect(n.Secret()).To(BeFalse())
		Expect(n.Float()).To(BeZero())
		_, ok := n.Int()
		Expect(ok).To(BeFalse())
		Expect(n.IntegerLiteral()).To(BeFalse())
	})

	It("is safe as a zero value and as an empty literal", func() {
		Expect(encoded(&value.Node{})).To(Equal("null"))
		empty := value.NewArena().Number("")
		_, ok := empty.Int()
		Expect(ok).To(BeFalse())
		Expect(empty.Float()).To(BeZero())
		Expect(encoded(empty)).To(Equal("0"))
	})

	It("tells kinds and emptiness", func() {
		n := parse(value.NewArena(), `[null,true,1,"a",[1],{"a":1},false,0,"",[],{}]`)
		var kinds, empty, scalar []string
		for m := n.First(); m != nil; m = m.Next() {
			kinds = append(kinds, m.Kind().String())
			if m.IsEmpty() {
				empty = append(empty, encoded(m))
			}
			if m.IsScalar() {
				scalar = append(scalar, encoded(m))
			}
		}
		Expect(kinds[:6]).To(Equal([]string{"null", "boolean", "number", "text", "list", "object"}))
		Expect(empty).To(Equal([]string{"null", `""`, "[]", "{}"}))
		Expect(scalar).To(Equal([]string{"true", "1", `"a"`, "false", "0", `""`}))
	})

	DescribeTable("Equal",
		func(x, y string, want bool) {
			a := value.NewArena()
			Expect(value.Equal(parse(a, x), parse(a, y))).To(Equal(want))
			Expect(value.Equal(parse(a, y), parse(a, x))).To(Equal(want))
		},
		Entry("numbers by value", `[1,100,-0,0.5]`, `[1.0,1e2,0,5e-1]`, true),
		Entry("other numbers", `1`, `2`, false),
		Entry("number and text", `1`, `"1"`, false),
		Entry("texts", `"a"`, `"\u0061"`, true),
		Entry("other texts", `"a"`, `"A"`, false),
		Entry("booleans", `true`, `false`, false),
		Entry("null and false", `null`, `false`, false),
		Entry("objects in another order", `{"a":1,"b":[{}]}`, `{"b":[{}],"a":1}`, true),
		Entry("objects with other keys", `{"a":null}`, `{"b":null}`, false),
		Entry("objects with more keys", `{"a":1}`, `{"a":1,"b":1}`, false),
		Entry("objects with other values", `{"a":1}`, `{"a":2}`, false),
		Entry("lists in another order", `[1,2]`, `[2,1]`, false),
		Entry("longer lists", `[1]`, `[1,1]`, false),
		Entry("list and object", `[]`, `{}`, false),
	)

	It("takes absent and null as equal", func() {
		Expect(value.Equal(nil, value.NullNode())).To(BeTrue())
		Expect(value.Equal(nil, nil)).To(BeTrue())
		Expect(value.Equal(nil, value.BoolNode(false))).To(BeFalse())
	})
})

var _ = Describe("numbers", func() {
	DescribeTable("CompareNumbers",
		func(x, y string, want int) {
			a := value.NewArena()
			Expect(value.CompareNumbers(a.Number(x), a.Number(y))).To(Equal(want))
			Expect(value.CompareNumbers(a.Number(y), a.Number(x))).To(Equal(-want))
		},
		Entry("equal literals", `1.50`, `1.50`, 0),
		Entry("zeros", `-0`, `0`, 0),
		Entry("integers", `-3`, `2`, -1),
		Entry("integers that are one double", `9007199254740993`, `9007199254740992`, 1),
		Entry("64 bits and more", `9223372036854775807`, `9223372036854775808`, -1),
		Entry("long integers", `18446744073709551617`, `18446744073709551616`, 1),
		Entry("long negative integers", `-18446744073709551617`, `-18446744073709551616`, -1),
		Entry("long integers of two lengths", `99999999999999999999`, `100000000000000000000`, -1),
		Entry("long integers of two signs", `-99999999999999999999`, `99999999999999999999`, -1),
		Entry("integer and decimal", `2`, `1.9`, 1),
		Entry("integer and exponent", `1000`, `1e3`, 0),
		Entry("decimals", `0.1`, `0.10`, 0),
	)

	DescribeTable("Int",
		func(literal string, want int, ok bool) {
			i, got := value.NewArena().Number(literal).Int()
			Expect(got).To(Equal(ok))
			if ok {
				Expect(i).To(Equal(int64(want)))
			}
		},
		Entry("zero", `0`, 0, true),
		Entry("negative", `-42`, -42, true),
		Entry("18 digits", `999999999999999999`, 999999999999999999, true),
		Entry("the largest", `9223372036854775807`, math.MaxInt64, true),
		Entry("the smallest", `-9223372036854775808`, math.MinInt64, true),
		Entry("too large", `9223372036854775808`, 0, false),
		Entry("a point", `1.0`, 0, false),
		Entry("an exponent", `1e3`, 0, false),
		Entry("a sign alone", `-`, 0, false),
	)

	It("reads doubles and the form of a literal", func() {
		a := value.NewArena()
		Expect(a.Number("1.5e3").Float()).To(Equal(1500.0))
		Expect(a.String("1").Float()).To(BeZero())
		Expect(a.Number("15").IntegerLiteral()).To(BeTrue())
		Expect(a.Number("15.0").IntegerLiteral()).To(BeFalse())
		Expect(a.Number("1E3").IntegerLiteral()).To(BeFalse())
		Expect(a.String("15").IntegerLiteral()).To(BeFalse())
	})
})
