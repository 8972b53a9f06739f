package schema

import (
	"net/netip"
	"regexp"
	"strings"
)

// format is a format of texts. Its check is sure only where the authority, which
// is laxer than the standards (a date alone passes as date-time) agrees with them.
type format struct {
	name  string
	check func(s string) verdict
}

var formats = map[string]*format{}

func init() {
	for _, f := range []*format{
		{"date", sureIf(isDate)},
		{"date-time", sureIf(isDateTime)},
		{"email", sureIf(isEmail)},
		{"hostname", func(s string) verdict { return of(isHostname(s) && len(s) < 256) }},
		{"ipv4", sureIf(func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is4() })},
		{"ipv6", sureIf(func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is6() && a.Zone() == "" })},
		{"regex", func(s string) verdict { _, err := regexp.Compile(s); return of(err == nil) }},
		{"uri", sureIf(isURI)},
		{"uuid", func(s string) verdict { return of(isUUID(s)) }},
	} {
		formats[f.name] = f
	}
}

func sureIf(accepts func(string) bool) func(string) verdict {
	return func(s string) verdict {
		if accepts(s) {
			return yes
		}
		return unsure
	}
}

// digits reads a number of exactly n digits from min to max.
func digits(s string, at, n, min, max int) (v int, ok bool) {
	if at+n > len(s) {
		return 0, false
	}
	for _, c := range []byte(s[at : at+n]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, v >= min && v <= max
}

func isDate(s string) bool { return len(s) == 10 && startsWithDate(s) }

func startsWithDate(s string) bool {
	year, okY := digits(s, 0, 4, 0, 9999)
	month, okM := digits(s, 5, 2, 1, 12)
	day, okD := digits(s, 8, 2, 1, 31)
	if !okY || !okM || !okD || s[4] != '-' || s[7] != '-' {
		return false
	}
	switch month {
	case 4, 6, 9, 11:
		return day <= 30
	case 2:
		leap := year%4 == 0 && (year%100 != 0 || year%400 == 0)
		return day <= 28 || leap && day == 29
	}
	return true
}

// isDateTime knows RFC 3339, less its leap seconds and lower-case letters.
func isDateTime(s string) bool {
	if len(s) < len("2006-01-02T15:04:05Z") || !startsWithDate(s) || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return false
	}
	_, okH := digits(s, 11, 2, 0, 23)
	_, okM := digits(s, 14, 2, 0, 59)
	_, okS := digits(s, 17, 2, 0, 59)
	if !okH || !okM || !okS {
		return false
	}
	s = s[19:]
	if s[0] == '.' {
		i := 1
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if i == 1 || i > 10 || i == len(s) {
			return false
		}
		s = s[i:]
	}
	if s == "Z" {
		return true
	}
	_, okH = digits(s, 1, 2, 0, 23)
	_, okM = digits(s, 4, 2, 0, 59)
	return len(s) == 6 && (s[0] == '+' || s[0] == '-') && s[3] == ':' && okH && okM
}

func letterOrDigit(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

// isEmail knows the plain form: dot-atom, @, host name.
func isEmail(s string) bool {
	local, host, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > 64 || len(host) > 253 || !isHostname(host) {
		return false
	}
	for i := 0; i < len(local); i++ {
		c := local[i]
		if c == '.' && i > 0 && i < len(local)-1 && local[i-1] != '.' {
			continue
		}
		if !letterOrDigit(c) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
			return false
		}
	}
	return true
}

// isHostname accepts labels of letters, digits and inner hyphens, at most 63 long.
func isHostname(s string) bool {
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if !letterOrDigit(s[i]) && s[i] != '-' {
				return false
			}
			continue
		}
		if i == start || i-start > 63 || s[start] == '-' || s[i-1] == '-' {
			return false
		}
		start = i + 1
	}
	return true
}

// isURI knows web addresses and the like with a plain host name and an optional port.
func isURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" || !(scheme[0]|0x20 >= 'a' && scheme[0]|0x20 <= 'z') {
		return false
	}
	for i := 0; i < len(scheme); i++ {
		if !letterOrDigit(scheme[i]) && strings.IndexByte("+-.", scheme[i]) < 0 {
			return false
		}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, port, hasPort := strings.Cut(rest[:end], ":")
	if !isHostname(host) {
		return false
	}
	if _, ok := digits(port, 0, len(port), 0, 65535); hasPort && (!ok || port == "" || len(port) > 5) {
		return false
	}
	rest = rest[end:]
	fragments := 0
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case letterOrDigit(c), strings.IndexByte("-._~!$&'()*+,;=:@/?", c) >= 0:
		case c == '#' && fragments == 0:
			fragments++
		case c == '%' && i+2 < len(rest) && isHex(rest[i+1]) && isHex(rest[i+2]):
		default:
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// isUUID accepts what the authority does: lower case only.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isHex(s[i]) || s[i] >= 'A' && s[i] <= 'F' {
				return false
			}
		}
	}
	return true
}
