package value

import (
	"cmp"
	"strconv"
	"strings"
)

// Int returns the number as a 64-bit integer. ok is false for numbers with a
// point or an exponent, for integers that do not fit, and for other kinds.
func (n *Node) Int() (i int64, ok bool) {
	if n == nil || n.kind != Number {
		return 0, false
	}
	if len(n.text) < 19 { // fits without a check for overflow
		s, neg := strings.CutPrefix(n.text, "-")
		for k := 0; k < len(s); k++ {
			c := s[k] - '0'
			if c > 9 {
				return 0, false
			}
			i = i*10 + int64(c)
		}
		if neg {
			i = -i
		}
		return i, s != ""
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	return i, err == nil
}

// Float returns the number as a double, 0 for other kinds. The parser refuses
// literals that overflow a double, so the result is finite.
func (n *Node) Float() float64 {
	if n == nil || n.kind != Number {
		return 0
	}
	f, _ := strconv.ParseFloat(n.text, 64)
	return f
}

// CompareNumbers orders two numbers by value: exactly where both are written as
// integers, of whatever size, else as doubles.
func CompareNumbers(a, b *Node) int {
	if a.Text() == b.Text() {
		return 0
	}
	x, okX := a.Int()
	y, okY := b.Int()
	if okX && okY {
		return cmp.Compare(x, y)
	}
	if a.IntegerLiteral() && b.IntegerLiteral() {
		return compareIntegers(a.text, b.text)
	}
	return cmp.Compare(a.Float(), b.Float())
}

// compareIntegers orders two integer literals of JSON, which have no zeros in
// front: the longer one is further from zero.
func compareIntegers(x, y string) int {
	x, negX := strings.CutPrefix(x, "-")
	y, negY := strings.CutPrefix(y, "-")
	if negX != negY {
		if negX {
			return -1
		}
		return 1
	}
	order := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
	if negX {
		return -order
	}
	return order
}

// IntegerLiteral reports whether a number is written without point and exponent.
func (n *Node) IntegerLiteral() bool {
	return n != nil && n.kind == Number && !strings.ContainsAny(n.text, ".eE")
}
