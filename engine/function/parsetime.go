package function

// form tells which grammar a text followed.
type form uint8

const (
	epochForm form = iota // digits
	isoForm               // ISO 8601
	wordForm              // with the name of a month
)

// fault tells why a text is no point in time. It is no text, so that a text that is
// tried and refused costs no memory.
type fault uint8

const (
	sound fault = iota
	unknownForm
	fewDigits
	outOfRange
	noSuchDay
	noSuchTime
	noSuchZone
)

func (f fault) reason() string {
	switch f {
	case fewDigits:
		return "so few digits may be seconds; epoch milliseconds in text need at least 11 digits. Send " + timeForms
	case outOfRange:
		return "the number of milliseconds is out of range. Send " + timeForms
	case noSuchDay:
		return "there is no such day in the calendar. Send a day that exists"
	case noSuchTime:
		return "there is no such time of day. Send hours from 00 to 23, minutes and seconds from 00 to 59"
	case noSuchZone:
		return "the time zone is not known. Send Z, GMT, UTC or a difference such as +01:00"
	}
	return "its form is not known. Send " + timeForms
}

// parseTime reads an instant in any form that epoch takes. It allocates nothing.
func parseTime(s string) (ms int64, f form, bad fault) {
	if len(s) > maxTimeText {
		return 0, 0, unknownForm
	}
	c := cursor{text: s}
	digits := c.countDigits()
	switch {
	case digits > 0 && digits == len(s):
		if digits == 8 {
			ms, bad = c.iso()
			return ms, isoForm, bad
		}
		ms, bad = epochDigits(s)
		return ms, epochForm, bad
	case s != "" && s[0] == '-':
		ms, bad = epochDigits(s[1:])
		return -ms, epochForm, bad
	case digits == 4 && c.byteAt(4) == '-', digits == 8:
		ms, bad = c.iso()
		return ms, isoForm, bad
	}
	ms, bad = c.words()
	return ms, wordForm, bad
}

// maxTimeText bounds the texts that are looked at; a comment in parentheses may be long.
const maxTimeText = 256

func epochDigits(s string) (int64, fault) {
	if s == "" || !digitsOnly(s) {
		return 0, unknownForm
	}
	if len(s) < 11 {
		return 0, fewDigits
	}
	for len(s) > 16 && s[0] == '0' {
		s = s[1:]
	}
	if len(s) > 16 {
		return 0, outOfRange
	}
	var n int64
	for i := 0; i < len(s); i++ {
		n = 10*n + int64(s[i]-'0')
	}
	if n > maxEpoch {
		return 0, outOfRange
	}
	return n, sound
}

// cursor walks a text.
type cursor struct {
	text string
	at   int
}

func (c *cursor) done() bool { return c.at == len(c.text) }

// byteAt returns the byte at a distance from the cursor, 0 beyond the end.
func (c *cursor) byteAt(i int) byte {
	if c.at+i < len(c.text) {
		return c.text[c.at+i]
	}
	return 0
}

// take moves over a byte if it is the next one.
func (c *cursor) take(b byte) bool {
	if c.byteAt(0) != b || c.done() {
		return false
	}
	c.at++
	return true
}

// countDigits counts the digits ahead.
func (c *cursor) countDigits() int {
	n := 0
	for isDigit(c.byteAt(n)) {
		n++
	}
	return n
}

// number reads a number of exactly so many digits, no further digit being checked.
func (c *cursor) number(digits int) (n int64, ok bool) {
	for range digits {
		b := c.byteAt(0)
		if !isDigit(b) {
			return 0, false
		}
		n = 10*n + int64(b-'0')
		c.at++
	}
	return n, true
}

// fraction reads the digits of a fraction of a second, to the millisecond.
func (c *cursor) fraction() (ms int64, ok bool) {
	n := c.countDigits()
	for i := range 3 {
		ms *= 10
		if i < n {
			ms += int64(c.byteAt(i) - '0')
		}
	}
	c.at += n
	return ms, n > 0
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// moment is what a text says, before it is known to exist.
type moment struct {
	year, month, day            int64
	hour, minute, second, milli int64
	offset                      int64 // of the zone, in minutes east
}

// epoch checks the parts and returns the instant. endOfDay allows 24:00.
func (m *moment) epoch(endOfDay bool) (int64, fault) {
	if m.month < 1 || m.month > 12 || m.day < 1 || m.day > lastDay(m.year, m.month) {
		return 0, noSuchDay
	}
	leap := m.second == 60
	if leap {
		m.second = 59
	}
	midnight := endOfDay && m.hour == 24 && m.minute == 0 && m.second == 0 && m.milli == 0
	if m.hour > 23 && !midnight || m.minute > 59 || m.second > 59 {
		return 0, noSuchTime
	}
	ms := daysBefore(m.year, m.month, m.day)*msPerDay + m.hour*msPerHour + (m.minute-m.offset)*msPerMinute + m.second*msPerSecond + m.milli
	// A leap second is the last of a day in UTC. It is taken as the second
	// before it, so that it stays on its day.
	if leap && floorMod(ms, msPerDay) < msPerDay-msPerSecond {
		return 0, noSuchTime
	}
	return ms, sound
}

// iso reads ISO 8601: extended or basic, the same throughout.
func (c *cursor) iso() (int64, fault) {
	var m moment
	var ok [3]bool
	m.year, ok[0] = c.number(4)
	extended := c.take('-')
	m.month, ok[1] = c.number(2)
	if extended && !c.take('-') {
		return 0, unknownForm
	}
	m.day, ok[2] = c.number(2)
	if ok != [3]bool{true, true, true} {
		return 0, unknownForm
	}
	if c.done() {
		return m.epoch(true)
	}
	if !c.take('T') && !c.take('t') && !c.take(' ') {
		return 0, unknownForm
	}
	if m.hour, ok[0] = c.number(2); !ok[0] {
		return 0, unknownForm
	}
	if c.more(extended) {
		if m.minute, ok[0] = c.number(2); !ok[0] {
			return 0, unknownForm
		}
		if c.more(extended) {
			if m.second, ok[0] = c.number(2); !ok[0] {
				return 0, unknownForm
			}
			if c.take('.') || c.take(',') {
				if m.milli, ok[0] = c.fraction(); !ok[0] {
					return 0, unknownForm
				}
			}
		}
	}
	if !c.take('Z') && !c.take('z') && !c.done() {
		var bad fault
		if m.offset, bad = c.offset(); bad != sound {
			return 0, bad
		}
	}
	if !c.done() {
		return 0, unknownForm
	}
	return m.epoch(true)
}

// more reports whether a further part of the time follows: after a colon in
// the extended form, at once in the basic one.
func (c *cursor) more(extended bool) bool {
	if extended {
		return c.take(':')
	}
	return isDigit(c.byteAt(0))
}

// offset reads +hh:mm, +hhmm or +hh, in minutes.
func (c *cursor) offset() (int64, fault) {
	sign := int64(1)
	if c.take('-') {
		sign = -1
	} else if !c.take('+') {
		return 0, unknownForm
	}
	hours, ok := c.number(2)
	if !ok {
		return 0, unknownForm
	}
	var minutes int64
	if c.take(':') || isDigit(c.byteAt(0)) {
		if minutes, ok = c.number(2); !ok {
			return 0, unknownForm
		}
	}
	if hours > 23 || minutes > 59 {
		return 0, noSuchZone
	}
	return sign * (60*hours + minutes), sound
}
