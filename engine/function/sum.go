package function

import (
	"math/big"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// maxSummand bounds the digits of a number that is added. Every double has
// fewer; text can have as many as it likes.
const maxSummand = 1100

var sumFunction = &Function{
	Name:   "sum",
	Params: []Param{{Name: "list", Type: "list", Doc: "numbers, or texts that decimal takes; nulls are skipped"}},
	Result: "number",
	Doc:    "The numbers added up, exactly, on their decimal digits. The sum of nothing is 0. Zeros at the end of the fraction are not written.",
	Examples: []Example{
		{`sum([0.1, 0.2])`, `0.3`},
		{`sum(["19.90", 5, null])`, `24.9`},
		{`sum([])`, `0`},
		{`sum(["1,000"])`, `error: is no plain decimal number`},
	},
	run: sum,
}

func sum(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	n, err := list(args, 0)
	if err != nil || n.IsNull() {
		return nil, err
	}
	byPlaces := map[int]*big.Int{} // digits after the point: the sum of the numbers with so many, without the point
	places := 0
	for m := n.First(); m != nil; m = m.Next() {
		if m.IsNull() {
			continue
		}
		s, err := decimalText(a, m)
		if err != nil {
			return nil, err
		}
		if !a.Pay(1 + len(s)>>5) {
			return nil, nil
		}
		if len(s) > maxSummand {
			return nil, refuse(0, m, "has too many digits to be added")
		}
		whole, fraction, _ := strings.Cut(s, ".")
		x, _ := new(big.Int).SetString(whole+fraction, 10) // decimalText gives digits only
		at := len(fraction)
		places = max(places, at)
		if old := byPlaces[at]; old != nil {
			x.Add(x, old)
		}
		byPlaces[at] = x
	}
	total := new(big.Int)
	for at, x := range byPlaces {
		shift := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places-at)), nil)
		total.Add(total, x.Mul(x, shift))
	}
	return a.Number(point(total, places)), nil
}

// point writes n with so many digits after the point, without zeros at the end.
func point(n *big.Int, places int) string {
	s, negative := strings.CutPrefix(n.String(), "-")
	if len(s) <= places {
		s = strings.Repeat("0", places-len(s)+1) + s
	}
	if places > 0 {
		s = s[:len(s)-places] + "." + s[len(s)-places:]
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	if negative {
		s = "-" + s
	}
	return s
}
