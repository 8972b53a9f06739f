package function

import (
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

var numberFunctions = []*Function{
	sumFunction,
	{
		Name:   "decimal",
		Params: []Param{{Name: "x", Type: "any", Doc: "number, or text that is a plain decimal number"}},
		Result: "number",
		Doc: "The number x, or the number written in the text x: an optional sign, digits, at most one point, white space around it. " +
			"All digits are kept and no exponent is written. Other text is an error, also text with an exponent or with a thousands separator.",
		Examples: []Example{
			{`decimal(" 12.50 ")`, `12.50`},
			{`decimal("+007")`, `7`},
			{`decimal(1e3)`, `1000`},
			{`decimal("1,000")`, `error: is no plain decimal number`},
		},
		run: decimal,
	},
	{
		Name:   "boolean",
		Params: []Param{{Name: "x", Type: "any", Doc: "boolean, or the text true or false in any case"}},
		Result: "boolean",
		Doc:    "True or false, also from that text in any case and with white space around it. Everything else is an error, also 0 and 1.",
		Examples: []Example{
			{`boolean(" TRUE ")`, `true`},
			{`boolean(false)`, `false`},
			{`boolean("yes")`, `error: is neither true nor false`},
		},
		run: boolean,
	},
	{
		Name: "round",
		Params: []Param{
			{Name: "x", Type: "any", Doc: "number, or text that decimal takes"},
			{Name: "digits", Type: "number", Doc: "digits to keep after the point, 0 to 20; 0 if left out", Optional: true},
		},
		Result: "number",
		Doc: "x rounded to so many digits after the point. It is computed on the decimal digits, so 1.005 is rounded as it is written. " +
			"A half goes away from zero. Zeros at the end of the fraction are not written.",
		Examples: []Example{
			{`round(2.5)`, `3`},
			{`round(-1.005, 2)`, `-1.01`},
			{`round("19.990", 2)`, `19.99`},
			{`round(7, 2)`, `7`},
		},
		run: round,
	},
}

func decimal(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	n := arg(args, 0)
	if n.IsNull() {
		return nil, nil
	}
	s, err := decimalText(a, n)
	if err != nil {
		return nil, err
	}
	if n.Kind() == value.Number && s == n.Text() {
		return n, nil
	}
	return a.Number(s), nil
}

// decimalText returns the plain decimal that a number or a text holds, as a
// JSON literal without an exponent.
func decimalText(a *value.Arena, n *value.Node) (string, *Error) {
	switch n.Kind() {
	case value.Number:
		return textOf(a, n, 0)
	case value.String:
		if s, ok := literal(a, strings.TrimSpace(n.Text())); ok {
			return s, nil
		}
	}
	return "", refuse(0, n, "is no plain decimal number: send a number, or text such as 12, -12 or 12.50, without exponent and thousands separator")
}

// literal turns a plain decimal into a JSON literal: no plus sign, no leading
// zeros, a digit on both sides of the point, no negative zero.
func literal(a *value.Arena, s string) (string, bool) {
	sign := ""
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = "-"
		}
		s = s[1:]
	}
	whole, fraction, point := strings.Cut(s, ".")
	if !digitsOnly(whole) || !digitsOnly(fraction) || whole == "" && fraction == "" {
		return "", false
	}
	short := strings.TrimLeft(whole, "0")
	if len(short) > 300 { // beyond the range of a double, or near to it
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return "", false
		}
	}
	if short == "" && strings.Trim(fraction, "0") == "" {
		sign = ""
	}
	if short == "" {
		short = "0"
	}
	if sign == "" && !point && len(short) == len(s) {
		return s, true
	}
	b := a.Text(len(s) + 2)
	b = append(b, sign...)
	b = append(b, short...)
	if fraction != "" {
		b = append(b, '.')
		b = append(b, fraction...)
	}
	return a.Intern(b), true
}

func digitsOnly(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// maxShift bounds the zeros that writing out an exponent may add. Every double
// lies within it; a literal such as 1e-99999999 does not.
const maxShift = 1000

// appendPlain writes a JSON number without an exponent and without the sign of
// a negative zero, keeping its digits. It reports false, having appended
// nothing, when there are too many zeros to write.
func appendPlain(dst []byte, number string) ([]byte, bool) {
	s, negative := strings.CutPrefix(number, "-")
	exponent := 0
	mantissa := s
	if e := strings.IndexAny(s, "eE"); e >= 0 {
		mantissa = s[:e]
		var err error
		if exponent, err = strconv.Atoi(s[e+1:]); err != nil {
			exponent = 2 * maxShift // out of range of an int, so of maxShift
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if strings.Trim(whole, "0") == "" && strings.Trim(fraction, "0") == "" {
		if exponent != 0 {
			return append(dst, '0'), true
		}
		return append(dst, mantissa...), true
	}
	if exponent > maxShift || exponent < -maxShift {
		return dst, false
	}
	if negative {
		dst = append(dst, '-')
	}
	if exponent == 0 {
		return append(dst, mantissa...), true
	}
	// The digits are those of whole and fraction; point is where it goes now.
	point := len(whole) + exponent
	digit := func(i int) byte {
		switch {
		case i < 0 || i >= len(whole)+len(fraction):
			return '0'
		case i < len(whole):
			return whole[i]
		}
		return fraction[i-len(whole)]
	}
	start := 0
	for start < point-1 && digit(start) == '0' {
		start++
	}
	if point <= 0 {
		dst = append(dst, '0')
	}
	for i := start; i < point; i++ {
		dst = append(dst, digit(i))
	}
	if end := len(whole) + len(fraction); end > point {
		dst = append(dst, '.')
		for i := point; i < end; i++ {
			dst = append(dst, digit(i))
		}
	}
	return dst, true
}

func boolean(_ *value.Arena, args []*value.Node) (*value.Node, *Error) {
	n := arg(args, 0)
	switch n.Kind() {
	case value.Null:
		return nil, nil
	case value.Bool:
		return n, nil
	case value.String:
		switch s := strings.TrimSpace(n.Text()); {
		case sameWord(s, "true"):
			return value.BoolNode(true), nil
		case sameWord(s, "false"):
			return value.BoolNode(false), nil
		}
	}
	return nil, refuse(0, n, "is neither true nor false: send true or false, or one of these two words as text")
}

// sameWord compares without regard to case, in ASCII only: EqualFold alone
// takes a long s for an s.
func sameWord(s, word string) bool { return len(s) == len(word) && strings.EqualFold(s, word) }

func round(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	n := arg(args, 0)
	if n.IsNull() {
		return nil, nil
	}
	places, err := optionalInt(args, 1, 0, 0, 20)
	if err != nil {
		return nil, err
	}
	s, err := decimalText(a, n)
	if err != nil {
		return nil, err
	}
	s, negative := strings.CutPrefix(s, "-")
	whole, fraction, _ := strings.Cut(s, ".")
	up := len(fraction) > int(places) && fraction[places] >= '5'
	if len(fraction) > int(places) {
		fraction = fraction[:places]
	}
	b := make([]byte, 0, len(s)+2)
	b = append(b, '-', '0') // room for the sign and for a carry
	b = append(b, whole...)
	b = append(b, fraction...)
	for i := len(b) - 1; up; i-- {
		if b[i] < '9' {
			b[i]++
			up = false
		} else {
			b[i] = '0'
		}
	}
	point := len(b) - len(fraction)
	start := 1
	for start < point-1 && b[start] == '0' {
		start++
	}
	end := len(b)
	for end > point && b[end-1] == '0' {
		end--
	}
	out := make([]byte, 0, len(b)+1)
	if negative && (b[start] != '0' || end > point) {
		out = append(out, '-')
	}
	out = append(out, b[start:point]...)
	if end > point {
		out = append(out, '.')
		out = append(out, b[point:end]...)
	}
	return a.Number(string(out)), nil
}
