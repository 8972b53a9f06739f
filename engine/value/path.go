package value

import "strconv"

// AppendKey appends the step to a member to a path such as
// `traits.address["a b"]`. dst holds nothing but the path so far.
func AppendKey(dst []byte, key string) []byte {
	if !plainName(key) {
		return append(AppendString(append(dst, '['), key), ']')
	}
	if len(dst) > 0 {
		dst = append(dst, '.')
	}
	return append(dst, key...)
}

// AppendIndex appends the step to an element to a path such as `tags[0]`.
func AppendIndex(dst []byte, i int) []byte {
	return append(strconv.AppendInt(append(dst, '['), int64(i), 10), ']')
}

// plainName reports whether a key can be written in a path without quotes.
func plainName(key string) bool {
	for i := 0; i < len(key); i++ {
		c := key[i]
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return key != ""
}
