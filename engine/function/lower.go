package function

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lower is the full lower-casing of Unicode (its SpecialCasing.txt, without the
// rules of single languages), the one that JavaScript and databases have. It
// differs from strings.ToLower in two letters: İ keeps its dot as a letter of
// its own, and a capital sigma that ends a word becomes ς.
func Lower(s string) string {
	if !strings.ContainsAny(s, "İΣ") {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for i, c := range s {
		switch {
		case c == 'İ':
			b.WriteString("i\u0307")
		case c == 'Σ' && endsWord(s[:i], s[i+utf8.RuneLen(c):]):
			b.WriteRune('ς')
		default:
			b.WriteRune(unicode.ToLower(c))
		}
	}
	return b.String()
}

// endsWord is Unicode's condition Final_Sigma: a letter with case comes before,
// and none after; marks and apostrophes between do not count.
func endsWord(before, after string) bool {
	c, _ := utf8.DecodeLastRuneInString(strings.TrimRightFunc(before, caseIgnorable))
	if !cased(c) {
		return false
	}
	c, _ = utf8.DecodeRuneInString(strings.TrimLeftFunc(after, caseIgnorable))
	return !cased(c)
}

func cased(c rune) bool {
	return unicode.In(c, unicode.Lower, unicode.Upper, unicode.Title, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func caseIgnorable(c rune) bool {
	return unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) ||
		strings.ContainsRune("'.:·\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A", c)
}
