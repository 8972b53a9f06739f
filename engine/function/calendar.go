package function

// The proleptic Gregorian calendar, counted in days from 1970-01-01. Years are
// taken to begin in March, so that the leap day is the last of its year, and in
// eras of 400 years, which all have the same number of days. The method is that
// of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".

const (
	daysPerEra   = 146_097
	daysToUnix   = 719_468 // from 0000-03-01 to 1970-01-01
	daysPer4     = 1461
	daysPer100   = 36_524
	daysPerYear  = 365
	daysPer5Mths = 153 // any five months from March on, or from August on
)

// daysBefore returns the days from 1970-01-01 to a day.
func daysBefore(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := (year - floorMod(year, 400)) / 400
	inEra := year - era*400
	inYear := (daysPer5Mths*(month-3)+2)/5 + day - 1
	return era*daysPerEra + inEra*daysPerYear + inEra/4 - inEra/100 + inYear - daysToUnix
}

// civil is the inverse of daysBefore.
func civil(days int64) (year, month, day int64) {
	days += daysToUnix
	inEra := floorMod(days, daysPerEra)
	era := (days - inEra) / daysPerEra
	yearInEra := (inEra - inEra/(daysPer4-1) + inEra/daysPer100 - inEra/(daysPerEra-1)) / daysPerYear
	inYear := inEra - (daysPerYear*yearInEra + yearInEra/4 - yearInEra/100)
	m := (5*inYear + 2) / daysPer5Mths
	day = inYear - (daysPer5Mths*m+2)/5 + 1
	year, month = era*400+yearInEra, m+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

// lastDay returns the number of days of a month.
func lastDay(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// floorMod returns the remainder with the sign of the divisor, which is positive.
func floorMod(n, by int64) int64 {
	if r := n % by; r < 0 {
		return r + by
	} else {
		return r
	}
}
