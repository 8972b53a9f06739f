package function

import "strings"

// words reads the forms with the English name of a month:
//
//	[weekday] day month year [time] [zone]
//	[weekday] month day year [time] [zone]
//
// That takes in RFC 1123 and 2822, and the text of a JavaScript Date, which has
// GMT+0100 and a comment in parentheses for a zone.
func (c *cursor) words() (int64, fault) {
	var m moment
	word := c.word()
	if isWeekday(word) {
		if !c.gap() {
			return 0, unknownForm
		}
		word = c.word()
	}
	monthFirst := word != ""
	if !monthFirst {
		if !c.day(&m) || !c.gap() {
			return 0, unknownForm
		}
		word = c.word()
	}
	if m.month = monthOf(word); m.month == 0 || !c.gap() {
		return 0, unknownForm
	}
	if monthFirst && !(c.day(&m) && c.gap()) {
		return 0, unknownForm
	}
	var ok bool
	if m.year, ok = c.number(4); !ok || isDigit(c.byteAt(0)) {
		return 0, unknownForm
	}
	if c.done() {
		return m.epoch(false)
	}
	if !c.gap() {
		return 0, unknownForm
	}
	if isDigit(c.byteAt(0)) {
		if bad := c.clock(&m); bad != sound {
			return 0, bad
		}
		if c.done() {
			return m.epoch(false)
		}
		c.spaces()
	}
	if bad := c.zone(&m); bad != sound {
		return 0, bad
	}
	return m.epoch(false)
}

// spaces moves over blanks, also the non-breaking ones that formatters of
// browsers write before AM and PM.
func (c *cursor) spaces() bool {
	from := c.at
	for {
		switch rest := c.text[c.at:]; {
		case strings.HasPrefix(rest, " "):
			c.at++
		case strings.HasPrefix(rest, "\u00a0"):
			c.at += len("\u00a0")
		case strings.HasPrefix(rest, "\u202f"):
			c.at += len("\u202f")
		default:
			return c.at > from
		}
	}
}

// gap moves over what stands between the parts of a date: blanks, or a comma
// and perhaps blanks.
func (c *cursor) gap() bool {
	comma := c.take(',')
	return c.spaces() || comma
}

// word reads ASCII letters.
func (c *cursor) word() string {
	from := c.at
	for isLetter(c.byteAt(0)) {
		c.at++
	}
	return c.text[from:c.at]
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// day reads a day of the month, of one digit or two.
func (c *cursor) day(m *moment) (ok bool) {
	n := c.countDigits()
	if n > 2 {
		return false
	}
	m.day, ok = c.number(n)
	return ok && n > 0
}

// clock reads h:mm, with or without :ss, a fraction, and AM or PM.
func (c *cursor) clock(m *moment) fault {
	n := c.countDigits()
	if n > 2 {
		return unknownForm
	}
	m.hour, _ = c.number(n)
	var ok bool
	if !c.take(':') {
		return unknownForm
	}
	if m.minute, ok = c.number(2); !ok {
		return unknownForm
	}
	if c.take(':') {
		if m.second, ok = c.number(2); !ok {
			return unknownForm
		}
		if c.take('.') {
			if m.milli, ok = c.fraction(); !ok {
				return unknownForm
			}
		}
	}
	if isDigit(c.byteAt(0)) {
		return unknownForm
	}
	back := c.at
	c.spaces()
	half := c.word()
	afternoon := strings.EqualFold(half, "pm")
	if !afternoon && !strings.EqualFold(half, "am") {
		c.at = back
		return sound
	}
	if m.hour < 1 || m.hour > 12 {
		return noSuchTime
	}
	m.hour %= 12
	if afternoon {
		m.hour += 12
	}
	return sound
}

// zone reads a name, a difference, or UTC or GMT with a difference; then perhaps
// a comment in parentheses. It ends the text.
func (c *cursor) zone(m *moment) fault {
	name := c.word()
	if name != "" {
		east, ok := zoneOf(name)
		if !ok {
			return noSuchZone
		}
		m.offset = east
	}
	if sign := c.byteAt(0); name == "" || (sign == '+' || sign == '-') && universal(name) {
		var bad fault
		if m.offset, bad = c.offset(); bad != sound {
			return bad
		}
	}
	if c.spaces() && !c.comment() || !c.done() {
		return unknownForm
	}
	return sound
}

// comment moves over text in parentheses.
func (c *cursor) comment() bool {
	if !c.take('(') {
		return false
	}
	end := strings.IndexByte(c.text[c.at:], ')')
	if end < 0 || strings.IndexByte(c.text[c.at:c.at+end], '(') >= 0 {
		return false
	}
	c.at += end + 1
	return true
}

var months = [...]string{
	"january", "february", "march", "april", "may", "june",
	"july", "august", "september", "october", "november", "december",
}

// monthOf returns the number of a month by its name, or its first three
// letters, or Sept; 0 if it is none.
func monthOf(word string) int64 {
	for i, name := range months {
		if named := strings.EqualFold(word, name) || strings.EqualFold(word, name[:3]); named {
			return int64(i + 1)
		}
	}
	if strings.EqualFold(word, "sept") {
		return 9
	}
	return 0
}

var weekdays = [...]string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

func isWeekday(word string) bool {
	for _, name := range weekdays {
		if strings.EqualFold(word, name) || strings.EqualFold(word, name[:3]) {
			return true
		}
	}
	return false
}

// zones are the names that RFC 2822 gives a meaning, in minutes east. Names
// that mean different times in different countries are not among them.
var zones = [...]struct {
	name string
	east int64
}{
	{"UTC", 0}, {"GMT", 0}, {"UT", 0}, {"Z", 0},
	{"EST", -5 * 60}, {"EDT", -4 * 60}, {"CST", -6 * 60}, {"CDT", -5 * 60},
	{"MST", -7 * 60}, {"MDT", -6 * 60}, {"PST", -8 * 60}, {"PDT", -7 * 60},
}

// universal reports whether a difference may follow a name, as in GMT+0100.
func universal(name string) bool {
	return strings.EqualFold(name, "GMT") || strings.EqualFold(name, "UTC") || strings.EqualFold(name, "UT")
}

func zoneOf(name string) (east int64, ok bool) {
	for _, z := range zones {
		if strings.EqualFold(name, z.name) {
			return z.east, true
		}
	}
	return 0, false
}
