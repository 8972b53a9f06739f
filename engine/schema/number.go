package schema

import (
	"math"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// Numbers are compared exactly, as the authority does with fractions of big
// integers; where that does not fit 64 bits the native rules are unsure. But
// const, enum and uniqueItems the authority decides on doubles, so numbers that
// differ only beyond them are left to it.

func decimalText(i int) string { return strconv.Itoa(i) }

// decimal is digits × 10^exponent, without trailing zeros in digits.
type decimal struct {
	digits   int64
	exponent int
}

// parseDecimal reads a JSON number of at most 18 significant digits.
func parseDecimal(s string) (d decimal, ok bool) {
	negative := strings.HasPrefix(s, "-")
	if negative {
		s = s[1:]
	}
	seen, point := 0, false
	i := 0
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.' && !point:
			point = true
			continue
		case c >= '0' && c <= '9':
		case c == 'e' || c == 'E':
			e, err := strconv.ParseInt(strings.TrimPrefix(s[i+1:], "+"), 10, 32)
			if err != nil || e > maxExponent || e < -maxExponent || i == 0 {
				return d, false
			}
			d.exponent += int(e)
			s = s[:i]
			continue
		default:
			return d, false
		}
		if d.digits != 0 || c != '0' {
			if seen++; seen > 18 {
				return d, false
			}
		}
		d.digits = d.digits*10 + int64(c-'0')
		if point {
			d.exponent--
		}
	}
	if d.digits == 0 {
		return decimal{}, i > 0
	}
	for d.digits%10 == 0 {
		d.digits /= 10
		d.exponent++
	}
	if negative {
		d.digits = -d.digits
	}
	return d, true
}

// isWhole answers whether a number has no fraction: 1.0 and 1e2 have none.
func isWhole(n *value.Node) verdict {
	if _, ok := n.Int(); ok {
		return yes
	}
	d, ok := parseDecimal(n.Text())
	if !ok {
		return unsure
	}
	return of(d.exponent >= 0)
}

// compare orders two numbers. ok is false where it would need more than 64 bits.
func compare(a, b *value.Node) (order int, ok bool) {
	x, okX := a.Int()
	y, okY := b.Int()
	if okX && okY {
		switch {
		case x < y:
			return -1, true
		case x > y:
			return 1, true
		}
		return 0, true
	}
	f, errF := strconv.ParseFloat(a.Text(), 64)
	g, errG := strconv.ParseFloat(b.Text(), 64)
	switch {
	case errF != nil || errG != nil:
		return 0, false
	case f < g: // rounding never turns an order round
		return -1, true
	case f > g:
		return 1, true
	}
	d, okD := parseDecimal(a.Text())
	e, okE := parseDecimal(b.Text())
	return 0, okD && okE && d == e
}

func (r *numberRule) check(n *value.Node) verdict {
	result := yes
	bound := func(b *value.Node, pass func(order int) bool) {
		if b == nil || result == no {
			return
		}
		order, ok := compare(n, b)
		switch {
		case !ok:
			result = unsure
		case !pass(order):
			result = no
		}
	}
	bound(r.min, func(order int) bool { return order >= 0 })
	bound(r.max, func(order int) bool { return order <= 0 })
	bound(r.above, func(order int) bool { return order > 0 })
	bound(r.below, func(order int) bool { return order < 0 })
	if r.multiple != nil && result != no {
		result = result.and(isMultiple(n, r.multiple))
	}
	return result
}

func isMultiple(n, of_ *value.Node) verdict {
	a, okA := parseDecimal(n.Text())
	b, okB := parseDecimal(of_.Text())
	if !okA || !okB || b.digits == 0 {
		return unsure
	}
	if a.digits == 0 {
		return yes
	}
	for ; a.exponent > b.exponent; a.exponent-- {
		if a.digits > math.MaxInt64/10 || a.digits < math.MinInt64/10 {
			return unsure
		}
		a.digits *= 10
	}
	for ; b.exponent > a.exponent; b.exponent-- {
		if b.digits > math.MaxInt64/10 {
			return unsure
		}
		b.digits *= 10
	}
	return of(a.digits%b.digits == 0)
}

// same answers whether two values are equal as the authority sees them.
func same(a, b *value.Node) verdict {
	if a.Kind() != b.Kind() {
		return no
	}
	switch a.Kind() {
	case value.Bool:
		return of(a.Bool() == b.Bool())
	case value.String:
		return of(a.Text() == b.Text())
	case value.Number:
		return sameNumber(a.Text(), b.Text())
	case value.List:
		if a.Len() != b.Len() {
			return no
		}
		result := yes
		for x, y := a.First(), b.First(); x != nil; x, y = x.Next(), y.Next() {
			if result = result.and(same(x, y)); result == no {
				return no
			}
		}
		return result
	case value.Object:
		if a.Len() != b.Len() {
			return no
		}
		result := yes
		for x := a.First(); x != nil; x = x.Next() {
			y := b.Get(x.Key())
			if y == nil {
				return no
			}
			if result = result.and(same(x, y)); result == no {
				return no
			}
		}
		return result
	}
	return yes
}

func sameNumber(a, b string) verdict {
	if a == b {
		return yes
	}
	f, errF := strconv.ParseFloat(a, 64)
	g, errG := strconv.ParseFloat(b, 64)
	if errF != nil || errG != nil {
		return unsure
	}
	if f != g {
		return no
	}
	d, okD := parseDecimal(a)
	e, okE := parseDecimal(b)
	if okD && okE && d == e && math.Signbit(f) == math.Signbit(g) {
		return yes
	}
	return unsure
}

const (
	maxExponent = 400  // of a number's literal
	maxDigits   = 1000 // of a number's literal
)

// bounded reports whether a literal can be given to the authority, which
// computes with fractions of big integers and panics beyond some exponents.
func bounded(literal string) bool {
	if len(literal) > maxDigits {
		return false
	}
	if i := strings.IndexAny(literal, "eE"); i >= 0 {
		e, err := strconv.ParseInt(strings.TrimPrefix(literal[i+1:], "+"), 10, 32)
		if err != nil || e > maxExponent || e < -maxExponent {
			return false
		}
	}
	_, err := strconv.ParseFloat(literal, 64)
	return err == nil
}
