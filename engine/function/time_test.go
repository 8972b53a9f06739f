package function_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// date is a value that epoch takes and the instant it means, in RFC 3339, or a
// value that it refuses and a part of the reason.
type date struct{ json, want string }

const (
	unknownForm = "its form is not known"
	fewDigits   = "may be seconds"
	noDay       = "no such day"
	noTime      = "no such time"
	noZone      = "time zone is not known"
	outOfRange  = "out of range"
	noDate      = "is no date: send epoch milliseconds"
)

var accepted = []date{
	// epoch milliseconds
	{`0`, "1970-01-01T00:00:00Z"},
	{`1`, "1970-01-01T00:00:00.001Z"},
	{`-1`, "1969-12-31T23:59:59.999Z"},
	{`1709633472345`, "2024-03-05T10:11:12.345Z"},
	{`1709633472345.9`, "2024-03-05T10:11:12.345Z"},
	{`-1.5`, "1969-12-31T23:59:59.998Z"},
	{`-0.0`, "1970-01-01T00:00:00Z"},
	{`1.709633472345e12`, "2024-03-05T10:11:12.345Z"},
	{`1e-9`, "1970-01-01T00:00:00Z"},
	{`-1e-9`, "1969-12-31T23:59:59.999Z"},
	{`2147483648000`, "2038-01-19T03:14:08Z"},
	{`253402300799999`, "9999-12-31T23:59:59.999Z"},
	{`-62135596800000`, "0001-01-01T00:00:00Z"},
	{`"1709633472345"`, "2024-03-05T10:11:12.345Z"},
	{`"-1709633472345"`, "1915-10-29T13:48:47.655Z"},
	{`"10000000000"`, "1970-04-26T17:46:40Z"},
	{`"00000000001"`, "1970-01-01T00:00:00.001Z"},
	{`"00000000001709633472345"`, "2024-03-05T10:11:12.345Z"},
	{`"20240305101112"`, "2611-05-23T18:58:21.112Z"}, // digits are milliseconds, not a date
	// ISO 8601, extended
	{`"2024-03-05"`, "2024-03-05T00:00:00Z"},
	{`"2024-03-05T10"`, "2024-03-05T10:00:00Z"},
	{`"2024-03-05T10:11"`, "2024-03-05T10:11:00Z"},
	{`"2024-03-05T10:11:12"`, "2024-03-05T10:11:12Z"},
	{`"2024-03-05 10:11:12"`, "2024-03-05T10:11:12Z"},
	{`"2024-03-05T10:11Z"`, "2024-03-05T10:11:00Z"},
	{`"2024-03-05T10Z"`, "2024-03-05T10:00:00Z"},
	{`"2024-03-05T10:11:12Z"`, "2024-03-05T10:11:12Z"},
	{`"2024-03-05t10:11:12z"`, "2024-03-05T10:11:12Z"},
	{`"2024-03-05T10:11:12.3Z"`, "2024-03-05T10:11:12.3Z"},
	{`"2024-03-05T10:11:12,34Z"`, "2024-03-05T10:11:12.34Z"},
	{`"2024-03-05 10:11:12.123456"`, "2024-03-05T10:11:12.123Z"},
	{`"2024-03-05T10:11:12.999999999Z"`, "2024-03-05T10:11:12.999Z"},
	{`"1969-12-31T23:59:59.9999Z"`, "1969-12-31T23:59:59.999Z"},
	{`"2024-03-05T10:11:12+01:00"`, "2024-03-05T09:11:12Z"},
	{`"2024-03-05T10:11:12+0100"`, "2024-03-05T09:11:12Z"},
	{`"2024-03-05T10:11:12+01"`, "2024-03-05T09:11:12Z"},
	{`"2024-03-05 10:11:12+02:00"`, "2024-03-05T08:11:12Z"},
	{`"2024-03-05T10:11-05:30"`, "2024-03-05T15:41:00Z"},
	{`"2024-03-05T10:11:12-00:00"`, "2024-03-05T10:11:12Z"},
	{`"2024-03-05T10:11:12+14:00"`, "2024-03-04T20:11:12Z"},
	{`"2024-03-05T10:11:12-12:00"`, "2024-03-05T22:11:12Z"},
	{`"2024-02-29"`, "2024-02-29T00:00:00Z"},
	{`"2000-02-29"`, "2000-02-29T00:00:00Z"},
	{`"2024-03-05T24:00"`, "2024-03-06T00:00:00Z"},
	{`"2024-12-31T24:00:00.000Z"`, "2025-01-01T00:00:00Z"},
	{`"2016-12-31T23:59:60Z"`, "2016-12-31T23:59:59Z"},
	{`"2017-01-01T00:59:60.5+01:00"`, "2016-12-31T23:59:59.5Z"},
	{`"0000-03-01"`, "0000-03-01T00:00:00Z"},
	{`"0001-01-01T00:00:00Z"`, "0001-01-01T00:00:00Z"},
	{`"9999-12-31T23:59:59.999Z"`, "9999-12-31T23:59:59.999Z"},
	{`"1900-01-01"`, "1900-01-01T00:00:00Z"},
	{`"2040-01-01"`, "2040-01-01T00:00:00Z"},
	// ISO 8601, basic
	{`"20240305"`, "2024-03-05T00:00:00Z"},
	{`"20240305T10"`, "2024-03-05T10:00:00Z"},
	{`"20240305T1011"`, "2024-03-05T10:11:00Z"},
	{`"20240305T101112"`, "2024-03-05T10:11:12Z"},
	{`"20240305T101112Z"`, "2024-03-05T10:11:12Z"},
	{`"20240305 101112.5+0100"`, "2024-03-05T09:11:12.5Z"},
	{`"20240305T101112+01:00"`, "2024-03-05T09:11:12Z"},
	// RFC 1123 and 2822
	{`"Tue, 05 Mar 2024 10:11:12 GMT"`, "2024-03-05T10:11:12Z"},
	{`"Tue, 5 Mar 2024 10:11:12 +0100"`, "2024-03-05T09:11:12Z"},
	{`"05 Mar 2024 10:11 -0500"`, "2024-03-05T15:11:00Z"},
	{`"Tue, 5 Mar 2024 10:11:12 EST"`, "2024-03-05T15:11:12Z"},
	{`"Tue, 5 Mar 2024 10:11:12 PDT"`, "2024-03-05T17:11:12Z"},
	{`"Tue, 5 Mar 2024 10:11:12 UT"`, "2024-03-05T10:11:12Z"},
	{`"Tue, 5 Mar 2024 10:11:12 Z"`, "2024-03-05T10:11:12Z"},
	{`"Tue, 5 Mar 2024 10:11:12 +0000 (UTC)"`, "2024-03-05T10:11:12Z"},
	{`"Wed, 05 Mar 2024 10:11:12 GMT"`, "2024-03-05T10:11:12Z"}, // a weekday is not compared
	{`"tue, 05 mar 2024 10:11:12 gmt"`, "2024-03-05T10:11:12Z"},
	{`"Sat, 31 Dec 2016 23:59:60 GMT"`, "2016-12-31T23:59:59Z"},
	// names of months
	{`"Mar 5, 2024"`, "2024-03-05T00:00:00Z"},
	{`"Mar 5 2024"`, "2024-03-05T00:00:00Z"},
	{`"Mar 5,2024"`, "2024-03-05T00:00:00Z"},
	{`"MARCH 05, 2024"`, "2024-03-05T00:00:00Z"},
	{`"September 5 2024"`, "2024-09-05T00:00:00Z"},
	{`"Sept 5, 2024"`, "2024-09-05T00:00:00Z"},
	{`"5 March 2024"`, "2024-03-05T00:00:00Z"},
	{`"Tuesday, March 5, 2024"`, "2024-03-05T00:00:00Z"},
	{`"29 February 2024"`, "2024-02-29T00:00:00Z"},
	{`"May 1, 2024"`, "2024-05-01T00:00:00Z"},
	{`"5 Mar 2024 10:11"`, "2024-03-05T10:11:00Z"},
	{`"Mar 5, 2024, 9:05"`, "2024-03-05T09:05:00Z"},
	{`"Mar 5, 2024 10:11:12 PM"`, "2024-03-05T22:11:12Z"},
	{`"Mar 5, 2024, 10:11:12\u202fAM"`, "2024-03-05T10:11:12Z"},
	{`"Mar 5, 2024 12:00 am"`, "2024-03-05T00:00:00Z"},
	{`"Mar 5, 2024 12:30pm"`, "2024-03-05T12:30:00Z"},
	{`"Mar 5 2024 10:11 PM PST"`, "2024-03-06T06:11:00Z"},
	{`"March 5, 2024 10:11:12.345 UTC"`, "2024-03-05T10:11:12.345Z"},
	{`"March 5, 2024 10:11 +01:00"`, "2024-03-05T09:11:00Z"},
	{`"March 5, 2024 10:11:12Z"`, "2024-03-05T10:11:12Z"},
	{`"Mar 5, 2024 EST"`, "2024-03-05T05:00:00Z"},
	{`"Jan 1, 1900"`, "1900-01-01T00:00:00Z"},
	{`"31 Dec 9999 23:59:59 GMT"`, "9999-12-31T23:59:59Z"},
	// the text of a JavaScript Date
	{`"Tue Mar 05 2024 10:00:00 GMT+0100 (CET)"`, "2024-03-05T09:00:00Z"},
	{`"Tue Mar 05 2024 10:11:12 GMT+0530 (India Standard Time)"`, "2024-03-05T04:41:12Z"},
	{`"Tue Mar 05 2024 10:11:12 GMT-0800"`, "2024-03-05T18:11:12Z"},
	{`"Tue Mar 05 2024"`, "2024-03-05T00:00:00Z"},
	{`"Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"`, "1970-01-01T00:00:00Z"},
}

var refused = []date{
	// other kinds
	{`true`, noDate},
	{`[1709633472345]`, noDate},
	{`{}`, noDate},
	// numbers
	{`8640000000000001`, "between"},
	{`-8640000000000001`, "between"},
	{`1e21`, "between"},
	{`123456789012345678901234567890`, "between"},
	{`1e300`, "between"},
	// digits
	{`"1709633472"`, fewDigits},
	{`"-1709633472"`, fewDigits},
	{`"1"`, fewDigits},
	{`"2024"`, fewDigits},
	{`"202403"`, fewDigits},
	{`"2024065"`, fewDigits},
	{`"99999999999999999"`, outOfRange},
	{`"9000000000000000"`, outOfRange},
	{`"+1709633472345"`, unknownForm},
	{`"1709633472345.5"`, unknownForm},
	{`"1.709633472345e12"`, unknownForm},
	{`"-"`, unknownForm},
	// days that do not exist
	{`"2024-02-30"`, noDay},
	{`"2023-02-29"`, noDay},
	{`"1900-02-29"`, noDay},
	{`"2024-04-31"`, noDay},
	{`"2024-00-10"`, noDay},
	{`"2024-13-01"`, noDay},
	{`"2024-01-00"`, noDay},
	{`"20240230"`, noDay},
	{`"30 Feb 2024"`, noDay},
	{`"Feb 29, 2023"`, noDay},
	{`"0 Mar 2024"`, noDay},
	{`"Tue, 32 Mar 2024 10:00:00 GMT"`, noDay},
	// times that do not exist
	{`"2024-03-05T25:00:00Z"`, noTime},
	{`"2024-03-05T24:00:01Z"`, noTime},
	{`"2024-03-05T10:60:00Z"`, noTime},
	{`"2024-03-05T10:11:60Z"`, noTime},
	{`"2024-03-05T23:59:60+01:00"`, noTime},
	{`"2024-03-05T23:59:61Z"`, noTime},
	{`"5 Mar 2024 24:00"`, noTime},
	{`"Mar 5, 2024 13:00 PM"`, noTime},
	{`"Mar 5, 2024 0:30 AM"`, noTime},
	// zones
	{`"2024-03-05T10:11:12+24:00"`, noZone},
	{`"2024-03-05T10:11:12+01:60"`, noZone},
	{`"5 Mar 2024 10:00:00 CET"`, noZone},
	{`"5 Mar 2024 10:00:00 IST"`, noZone},
	{`"2024-03-05T10:11:12+1"`, unknownForm},
	{`"2024-03-05T10:11:12+01:"`, unknownForm},
	{`"2024-03-05T10:11:12ZZ"`, unknownForm},
	{`"2024-03-05T10:11:12 Z"`, unknownForm},
	{`"2024-03-05 10:11:12 UTC"`, unknownForm},
	{`"2024-03-05Z"`, unknownForm},
	{`"2024-03-05 EDT"`, unknownForm},
	{`"2024-03-05T10:11:12+01:00[Europe/Berlin]"`, unknownForm},
	{`"5 Mar 2024 10:00:00 GMT+1"`, unknownForm},
	{`"5 Mar 2024 10:00:00 EST+0100"`, unknownForm},
	{`"5 Mar 2024 10:00:00 Z+0100"`, unknownForm},
	// other forms of ISO 8601, and what looks like it
	{`"2024-03"`, unknownForm},
	{`"2024-065"`, unknownForm},
	{`"2024-W10-2"`, unknownForm},
	{`"2024W102"`, unknownForm},
	{`"+002024-03-05"`, unknownForm},
	{`"-000001-01-01"`, unknownForm},
	{`"2024-3-5"`, unknownForm},
	{`"2024-0305"`, unknownForm},
	{`"202403-05"`, unknownForm},
	{`"2024-03-05T"`, unknownForm},
	{`"2024-03-05T1"`, unknownForm},
	{`"2024-03-05T10:1"`, unknownForm},
	{`"2024-03-05T10:11:12."`, unknownForm},
	{`"2024-03-05T10:11:12.Z"`, unknownForm},
	{`"2024-03-05T10:11.5"`, unknownForm},
	{`"2024-03-05T101112"`, unknownForm},
	{`"20240305T10:11:12"`, unknownForm},
	{`"2024-03-05_10:11"`, unknownForm},
	{`"2024-03-05-10"`, unknownForm},
	{`" 2024-03-05"`, unknownForm},
	{`"2024-03-05 "`, unknownForm},
	// other text
	{`""`, unknownForm},
	{`" "`, unknownForm},
	{`"foo 1"`, unknownForm},
	{`"foo 5 2024"`, unknownForm},
	{`"today"`, unknownForm},
	{`"03/05/2024"`, unknownForm},
	{`"3/5/2024, 10:11:12 AM"`, unknownForm},
	{`"2024/03/05"`, unknownForm},
	{`"05.03.2024"`, unknownForm},
	{`"03-05-2024"`, unknownForm},
	{`"Sep. 5, 2024"`, unknownForm},
	{`"5. March 2024"`, unknownForm},
	{`"March 5th, 2024"`, unknownForm},
	{`"March 2024"`, unknownForm},
	{`"2024 March 5"`, unknownForm},
	{`"Mars 5 2024"`, unknownForm},
	{`"5-Mar-2024"`, unknownForm},
	{`"Mar5 2024"`, unknownForm},
	{`"Mar 5, 24"`, unknownForm},
	{`"Mar 5, 20240"`, unknownForm},
	{`"Mar 005, 2024"`, unknownForm},
	{`"Tue, 05 Mar 24 10:00:00 GMT"`, unknownForm},
	{`"Tue Mar  5 10:00:00 2024"`, unknownForm},
	{`"Mar 5, 2024 10"`, unknownForm},
	{`"Mar 5, 2024 10:1"`, unknownForm},
	{`"Mar 5, 2024 10:11:123"`, unknownForm},
	{`"Mar 5, 2024,"`, unknownForm},
	{`"Mar 5, 2024 "`, unknownForm},
	{`"Mar 5, 2024 10:11 "`, unknownForm},
	{`"Mar 5, 2024 10:11 GMT "`, unknownForm},
	{`"Mar 5 2024 (comment)"`, unknownForm},
	{`"Mar 5 2024 10:00 GMT (open"`, unknownForm},
	{`"Mar 5 2024 10:00 GMT (a) b"`, unknownForm},
	{`"5 мар 2024"`, unknownForm},
	{`"2024年3月5日"`, unknownForm},
	{`"٢٠٢٤-٠٣-٠٥"`, unknownForm},
	{`"Tue"`, unknownForm},
	{`"March"`, unknownForm},
	{`"` + strings.Repeat("2", 300) + `"`, unknownForm},
}

var _ = Describe("dates", func() {
	It("are read in the forms that are promised", func() {
		for _, d := range accepted {
			want, err := time.Parse(time.RFC3339Nano, d.want)
			Expect(err).NotTo(HaveOccurred())
			expectCall("epoch("+d.json+")", strconv.FormatInt(want.UnixMilli(), 10))
			midnight := time.Date(want.Year(), want.Month(), want.Day(), 0, 0, 0, 0, time.UTC)
			expectCall("midnightUTC("+d.json+")", strconv.FormatInt(midnight.UnixMilli(), 10))
		}
	})

	It("are refused in others, with the reason", func() {
		for _, d := range refused {
			expectCall("epoch("+d.json+")", "error: "+d.want)
			expectCall("midnightUTC("+d.json+")", "error: "+d.want)
			expectCall("instant("+d.json+")", "error: is no point in time")
		}
	})

	It("pass through instant unchanged where they are of machines", func() {
		for _, same := range []string{`0`, `-1`, `1709633472345`, `1.7e12`, `"1709633472345"`, `"-1709633472345"`, `"2024-03-05"`, `"20240305T1011+01"`, `"2024-03-05 10:11:12,5z"`, `null`} {
			expectCall("instant("+same+")", same)
		}
		for _, other := range []string{`1.5`, `"Mar 5, 2024"`, `"Tue, 05 Mar 2024 10:11:12 GMT"`, `true`} {
			expectCall("instant("+other+")", "error: is no point in time")
		}
	})

	It("are formatted by layouts", func() {
		expectCall(`formatTime(-1, "%Y-%m-%d %H:%M:%S.%L %s %j %%")`, `"1969-12-31 23:59:59.999 -1 365 %"`)
		expectCall(`formatTime("0001-01-01", "%Y")`, `"0001"`)
		expectCall(`formatTime(8640000000000000, "%Y")`, `"275760"`)
		expectCall(`formatTime(-8640000000000000, "%Y")`, `"-271821"`)
		expectCall(`formatTime(0, "YYYY-MM-DD")`, `error: write it as %Y-%m-%d`)
		expectCall(`formatTime(0, "50%")`, `error: ends with %`)
		expectCall(`formatTime(0, "%é")`, `error: has %é`)
		expectCall(`formatTime(0, 5)`, `error: give text`)
		expectCall(`formatTime(0, "`+strings.Repeat("x", 1001)+`")`, `error: at most 1000`)
		expectCall(`formatTime("soon", "%Y")`, `error: is no date`)
	})

	It("cost no memory beyond the arena's", func() {
		for _, text := range []string{"2024-03-05T10:11:12.345+01:00", "20240305", "1709633472345", "Tue, 05 Mar 2024 10:11:12 GMT"} {
			a := value.NewArena()
			args := []*value.Node{value.NewArena().String(text)}
			f := function.Lookup("midnightUTC")
			Expect(testing.AllocsPerRun(100, func() {
				a.Reset()
				if _, err := f.Eval(a, args); err != nil {
					panic(err)
				}
			})).To(BeZero(), text)
		}
	})

	It("agree with Go's calendar and parser", func() {
		rapid.Check(GinkgoTB(), func(t *rapid.T) {
			at := time.UnixMilli(rapid.Int64Range(-62167219200000, 253402300799999).Draw(t, "ms")).UTC()
			zone := rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "zone")
			local := at.In(time.FixedZone("", zone*60))
			if y := local.Year(); y < 0 || y > 9999 {
				return
			}
			seconds := at.Truncate(time.Second)
			for _, c := range []struct {
				text string
				want time.Time
			}{
				{local.Format("2006-01-02T15:04:05.000Z07:00"), at},
				{local.Format("2006-01-02 15:04:05,000-0700"), at},
				{local.Format("20060102T150405.000Z0700"), at},
				{local.Format(time.RFC1123Z), seconds},
				{at.Format("Mon, 02 Jan 2006 15:04:05 GMT"), seconds},
				{local.Format("Mon Jan 02 2006 15:04:05 GMT-0700 (Somewhere Standard Time)"), seconds},
				{at.Format("January 2, 2006, 3:04:05.000 PM"), at},
				{at.Format("2 Jan 2006 15:04"), at.Truncate(time.Minute)},
				{at.Format("2006-01-02"), at.Truncate(24 * time.Hour)},
				{at.Format("20060102"), at.Truncate(24 * time.Hour)},
			} {
				if got := epochOf(c.text); got != strconv.FormatInt(c.want.UnixMilli(), 10) {
					t.Fatalf("epoch(%q) = %s, want %d", c.text, got, c.want.UnixMilli())
				}
			}
			const layout = "%Y-%m-%d %H:%M:%S.%L %j"
			a := value.NewArena()
			n, err := function.Lookup("formatTime").Eval(a, []*value.Node{a.Int(at.UnixMilli()), a.String(layout)})
			if want := at.Format("2006-01-02 15:04:05.000 002"); err != nil || n.Text() != want {
				t.Fatalf("formatTime(%d) = %s, %v, want %s", at.UnixMilli(), n.Text(), err, want)
			}
		})
	})

	It("that Go refuses are refused", func() {
		rapid.Check(GinkgoTB(), func(t *rapid.T) {
			text := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ",
				rapid.IntRange(0, 9999).Draw(t, "year"), rapid.IntRange(0, 14).Draw(t, "month"), rapid.IntRange(0, 33).Draw(t, "day"),
				rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 62).Draw(t, "minute"), rapid.IntRange(0, 59).Draw(t, "second"))
			want := "refused"
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				want = strconv.FormatInt(at.UnixMilli(), 10)
			}
			if got := epochOf(text); got != want {
				t.Fatalf("epoch(%q) = %s, want %s", text, got, want)
			}
		})
	})
})

// epochOf returns the result of epoch, or "refused".
func epochOf(text string) string {
	a := value.NewArena()
	n, err := function.Lookup("epoch").Eval(a, []*value.Node{a.String(text)})
	if err != nil {
		return "refused"
	}
	return n.Text()
}

// FuzzEpoch checks on any text that epoch, midnightUTC and instant agree, and
// that what they take reads the same when it is written in ISO 8601.
func FuzzEpoch(f *testing.F) {
	for _, d := range append(accepted, refused...) {
		if text, err := strconv.Unquote(d.json); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := epochOf(text)
		a := value.NewArena()
		n := a.String(text)
		midnight, err := function.Lookup("midnightUTC").Eval(a, []*value.Node{n})
		if (err == nil) != (got != "refused") {
			t.Fatalf("epoch(%q) = %s, midnightUTC: %v", text, got, err)
		}
		same, err := function.Lookup("instant").Eval(a, []*value.Node{n})
		if err == nil && (got == "refused" || same != n) {
			t.Fatalf("instant takes %q, epoch: %s", text, got)
		}
		if got == "refused" {
			return
		}
		ms, _ := strconv.ParseInt(got, 10, 64)
		at := time.UnixMilli(ms).UTC()
		day, _ := midnight.Int()
		if want := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC).UnixMilli(); day != want {
			t.Fatalf("midnightUTC(%q) = %d, want %d", text, day, want)
		}
		if y := at.Year(); y < 0 || y > 9999 {
			return
		}
		if iso := at.Format("2006-01-02T15:04:05.000Z"); epochOf(iso) != got {
			t.Fatalf("epoch(%q) = %s, epoch(%q) = %s", text, got, iso, epochOf(iso))
		}
	})
}
