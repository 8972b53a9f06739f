package expression

import "strings"

// oneSlip reports whether a word is another with one slip of the fingers: a
// letter too many, too few, wrong, or two swapped. What people tell apart on
// purpose is no slip: case, separators, digits, a plural, and words that begin
// with other letters, such as email and mail.
func oneSlip(word, meant string) bool {
	if len(word) < 4 || len(meant) < 4 || len(word) > 64 || len(meant) > 64 {
		return false
	}
	plain := strings.NewReplacer("_", "", "-", "", " ", "", ".", "")
	x, y := []rune(plain.Replace(strings.ToLower(word))), []rune(plain.Replace(strings.ToLower(meant)))
	if len(x) > len(y) {
		x, y = y, x
	}
	if string(x) == string(y) || len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	digit := func(all ...rune) bool {
		return strings.ContainsAny(string(all), "0123456789")
	}
	if len(x) < len(y) { // one too many
		return i > 0 && string(x[i:]) == string(y[i+1:]) && !digit(y[i]) && !(i == len(x) && y[i] == 's')
	}
	if string(x[i+1:]) == string(y[i+1:]) { // one wrong
		return i > 0 && !digit(x[i], y[i])
	}
	return i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && string(x[i+2:]) == string(y[i+2:])
}

// sameName reports whether two names differ in case and separators alone.
func sameName(a, b string) bool {
	plain := strings.NewReplacer("_", "", "-", "", " ", "")
	return strings.EqualFold(plain.Replace(a), plain.Replace(b))
}
