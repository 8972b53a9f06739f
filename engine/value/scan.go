package value

import "math/bits"

// Eight bytes of text are looked at in one step: subtracting from all of them at
// once sets the high bit of each byte that is below the number subtracted (Bit
// Twiddling Hacks, "Determine if a word has a byte less than n"). Borrows can
// set false bits only above a true one, and only the lowest set bit is used.
const (
	everyByte = 0x0101010101010101
	highBits  = 0x80 * everyByte
)

// word returns the eight bytes of s at i, the first as the lowest.
func word(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// stops sets the high bit of the first byte that is a quote, a backslash or a
// control character; bytes of 0x80 and above may or may not be marked.
func stops(w uint64) uint64 {
	return (w - ' '*everyByte) | ((w ^ '"'*everyByte) - everyByte) | ((w ^ '\\'*everyByte) - everyByte)
}

// skipPlain returns the index, from i on, of the first byte of s that is not
// plain inside a JSON text: a quote, a backslash, a control character or a byte
// outside ASCII; or the length of s.
func skipPlain(s string, i int) int {
	for i+8 <= len(s) {
		w := word(s, i)
		if m := (stops(w) | w) & highBits; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' && s[i] < 0x80 {
		i++
	}
	return i
}

// half returns the four bytes of s at i, the first as the lowest.
func half(s string, i int) uint64 {
	b := s[i : i+4]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24
}

// isPlain reports whether skipPlain passes over all of s. A rest shorter than a
// word is looked at together with bytes before it that were seen already.
func isPlain(s string) bool {
	if len(s) < 4 {
		return skipPlain(s, 0) == len(s)
	}
	if len(s) < 8 {
		w := half(s, 0) | half(s, len(s)-4)<<32
		return (stops(w)|w)&highBits == 0
	}
	last := word(s, len(s)-8)
	marks := stops(last) | last
	for i := 0; i+8 < len(s); i += 8 {
		w := word(s, i)
		marks |= stops(w) | w
	}
	return marks&highBits == 0
}

// skipText is skipPlain that passes over bytes outside ASCII.
func skipText(s string, i int) int {
	for i+8 <= len(s) {
		w := word(s, i)
		if m := stops(w) &^ w & highBits; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// skipSpace returns the index, from i on, of the first byte that is no JSON white space.
func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// skipDigits returns the index, from i on, of the first byte that is no digit.
func skipDigits(s string, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}
