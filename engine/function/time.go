package function

import (
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

const timeForms = "epoch milliseconds (at least 11 digits where they are text), ISO 8601 such as 2024-03-05T10:11:12Z, " +
	"\"Tue, 05 Mar 2024 10:00:00 GMT\", \"Mar 5, 2024\", or the text of a JavaScript Date"

var timeFunctions = []*Function{
	{
		Name:   "epoch",
		Params: []Param{{Name: "x", Type: "any", Doc: "the instant, in one of the forms below"}},
		Result: "number",
		Doc: "The instant in milliseconds since 1970-01-01 00:00 UTC, as a whole number; parts of a millisecond are cut off towards the past. It takes: " +
			"epoch milliseconds as a number, or as text of at least 11 digits (fewer may be seconds, or a mistake); " +
			"ISO 8601 in the extended form (2024-03-05T10:11:12.5+01:00) or the basic one (20240305T101112Z), with or without time, seconds, fraction and zone, a space in place of T too; " +
			"RFC 1123 and 2822 (Tue, 05 Mar 2024 10:00:00 GMT); English month names (Mar 5, 2024; 5 March 2024; with or without time, AM or PM, and zone); " +
			"the text of a JavaScript Date (Tue Mar 05 2024 10:00:00 GMT+0100 (CET)). Without a zone, UTC is meant. " +
			"A weekday is not compared with the date. Days that do not exist and everything else are errors.",
		Examples: []Example{
			{`epoch("2024-03-05T10:11:12.345Z")`, `1709633472345`},
			{`epoch("Mar 5, 2024 10:11 AM EST")`, `1709651460000`},
			{`epoch("30 Feb 2024")`, `error: there is no such day`},
			{`epoch("1709633472")`, `error: may be seconds`},
		},
		run: func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
			return overInstant(a, args, func(ms int64) *value.Node { return a.Int(ms) })
		},
	},
	{
		Name:   "midnightUTC",
		Params: []Param{{Name: "x", Type: "any", Doc: "an instant in a form that epoch takes"}},
		Result: "number",
		Doc:    "The first millisecond, in UTC, of the day on which the instant falls in UTC, as epoch milliseconds.",
		Examples: []Example{
			{`midnightUTC("2024-03-05T23:30:00-02:00")`, `1709683200000`},
			{`midnightUTC(-1)`, `-86400000`},
			{`midnightUTC(true)`, `error: is no date`},
		},
		run: func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
			return overInstant(a, args, func(ms int64) *value.Node { return a.Int(ms - floorMod(ms, msPerDay)) })
		},
	},
	{
		Name:   "instant",
		Params: []Param{{Name: "x", Type: "any", Doc: "an instant"}},
		Result: "number or text",
		Doc: "The value itself, if it is an instant that machines exchange: a whole number (epoch milliseconds), at least 11 digits as text, or ISO 8601 text. " +
			"Everything else is an error, also the other forms that epoch takes.",
		Examples: []Example{
			{`instant("2024-03-05T10:11:12Z")`, `"2024-03-05T10:11:12Z"`},
			{`instant(1709633472345)`, `1709633472345`},
			{`instant("Mar 5, 2024")`, `error: is no point in time`},
		},
		run: instant,
	},
	{
		Name: "formatTime",
		Params: []Param{
			{Name: "x", Type: "any", Doc: "an instant in a form that epoch takes"},
			{Name: "layout", Type: "text", Doc: "text with %Y year, %m month, %d day, %H hour, %M minute, %S second, %L millisecond, %s epoch seconds, %j day of the year, %% percent sign"},
		},
		Result: "text",
		Doc:    "The instant written in UTC by a layout.",
		Examples: []Example{
			{`formatTime(1709633472345, "%Y-%m-%dT%H:%M:%S.%LZ")`, `"2024-03-05T10:11:12.345Z"`},
			{`formatTime("2024-03-05", "%d.%m.%Y is day %j")`, `"05.03.2024 is day 065"`},
			{`formatTime("2024-03-05", "%y")`, `error: has %y`},
			{`formatTime("2024-03-05", "YYYY")`, `error: has no part of the time in it`},
		},
		run:     formatTime,
		prepare: prepareFormatTime,
	},
}

const (
	msPerSecond = 1000
	msPerMinute = 60 * msPerSecond
	msPerHour   = 60 * msPerMinute
	msPerDay    = 24 * msPerHour

	// maxEpoch is the range of an ECMAScript Date, in both directions.
	maxEpoch = 8_640_000_000_000_000
)

// overInstant applies f to the instant of the first argument.
func overInstant(_ *value.Arena, args []*value.Node, f func(ms int64) *value.Node) (*value.Node, *Error) {
	n := arg(args, 0)
	if n.IsNull() {
		return nil, nil
	}
	ms, err := epoch(n)
	if err != nil {
		return nil, err
	}
	return f(ms), nil
}

// epoch returns the epoch milliseconds of a value that is the first argument.
func epoch(n *value.Node) (int64, *Error) {
	switch n.Kind() {
	case value.Number:
		if ms, _, ok := epochOfNumber(n); ok {
			return ms, nil
		}
		return 0, refuse(0, n, "is no date: epoch milliseconds lie between -8640000000000000 and 8640000000000000")
	case value.String:
		ms, _, fault := parseTime(n.Text())
		if fault == sound {
			return ms, nil
		}
		return 0, refuse(0, n, "is no date: "+fault.reason())
	}
	return 0, refuse(0, n, "is no date: send "+timeForms)
}

// epochOfNumber returns a number rounded down, and whether it was whole.
func epochOfNumber(n *value.Node) (ms int64, whole, ok bool) {
	if ms, ok = n.Int(); ok {
		return ms, true, ms >= -maxEpoch && ms <= maxEpoch
	}
	b, ok := appendPlain(make([]byte, 0, 32), n.Text())
	if !ok {
		return 0, false, false
	}
	s, negative := strings.CutPrefix(string(b), "-")
	s, fraction, _ := strings.Cut(s, ".")
	if len(s) > 16 {
		return 0, false, false
	}
	for _, c := range []byte(s) {
		ms = 10*ms + int64(c-'0')
	}
	whole = strings.Trim(fraction, "0") == ""
	if negative {
		ms = -ms
		if !whole {
			ms--
		}
	}
	return ms, whole, ms >= -maxEpoch && ms <= maxEpoch
}

func instant(_ *value.Arena, args []*value.Node) (*value.Node, *Error) {
	n := arg(args, 0)
	switch n.Kind() {
	case value.Null:
		return nil, nil
	case value.Number:
		if _, whole, ok := epochOfNumber(n); whole && ok {
			return n, nil
		}
	case value.String:
		if _, form, fault := parseTime(n.Text()); fault == sound && form != wordForm {
			return n, nil
		}
	}
	return nil, refuse(0, n, "is no point in time: send epoch milliseconds as a whole number or as text of at least 11 digits, or ISO 8601 such as 2024-03-05T10:11:12Z")
}

func formatTime(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	if arg(args, 0).IsNull() {
		return nil, nil
	}
	layout, err := checkedLayout(args)
	if err != nil {
		return nil, err
	}
	return layOut(a, args, layout)
}

func prepareFormatTime(constants []*value.Node) (body, *Error) {
	if arg(constants, 1) == nil {
		return formatTime, nil
	}
	layout, err := checkedLayout(constants)
	if err != nil {
		return nil, err
	}
	return func(a *value.Arena, args []*value.Node) (*value.Node, *Error) { return layOut(a, args, layout) }, nil
}

const maxLayout = 1000

func checkedLayout(args []*value.Node) (string, *Error) {
	layout, err := requiredText(args, 1)
	if err != nil {
		return "", err
	}
	if len(layout) > maxLayout {
		return "", refuse(1, args[1], fmt.Sprintf("is no layout that is taken here: it has %d bytes, at most %d are", len(layout), maxLayout))
	}
	if !strings.Contains(layout, "%") {
		return "", refuse(1, args[1], "has no part of the time in it: write it as %Y-%m-%d %H:%M:%S")
	}
	for rest := layout; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return layout, nil
		}
		if after == "" {
			return "", refuse(1, args[1], "ends with %: write %% for a percent sign")
		}
		if !strings.Contains("YmdHMSLsj%", after[:1]) {
			return "", refuse(1, args[1], fmt.Sprintf("has %%%c, which stands for nothing: there are %%Y %%m %%d %%H %%M %%S %%L %%s %%j, and %%%% for a percent sign", []rune(after)[0]))
		}
		rest = after[1:]
	}
}

// layOut writes an instant by a layout that has been checked.
func layOut(a *value.Arena, args []*value.Node, layout string) (*value.Node, *Error) {
	return overInstant(a, args, func(ms int64) *value.Node {
		days := (ms - floorMod(ms, msPerDay)) / msPerDay
		inDay := floorMod(ms, msPerDay)
		year, month, day := civil(days)
		out := a.Text(len(layout) + 32)
		for i := 0; i < len(layout); i++ {
			if layout[i] != '%' {
				out = append(out, layout[i])
				continue
			}
			i++
			switch layout[i] {
			case 'Y':
				out = appendPadded(out, year, 4)
			case 'm':
				out = appendPadded(out, month, 2)
			case 'd':
				out = appendPadded(out, day, 2)
			case 'H':
				out = appendPadded(out, inDay/msPerHour, 2)
			case 'M':
				out = appendPadded(out, inDay/msPerMinute%60, 2)
			case 'S':
				out = appendPadded(out, inDay/msPerSecond%60, 2)
			case 'L':
				out = appendPadded(out, inDay%msPerSecond, 3)
			case 's':
				out = appendPadded(out, (ms-floorMod(ms, msPerSecond))/msPerSecond, 1)
			case 'j':
				out = appendPadded(out, days-daysBefore(year, 1, 1)+1, 3)
			case '%':
				out = append(out, '%')
			}
		}
		return a.String(a.Intern(out))
	})
}

func appendPadded(dst []byte, n int64, width int) []byte {
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	var digits [20]byte
	i := len(digits)
	for ; n > 0 || len(digits)-i < width; n /= 10 {
		i--
		digits[i] = byte('0' + n%10)
	}
	return append(dst, digits[i:]...)
}
