package function

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/value"
)

const (
	maxPattern     = 1000 // bytes of a regular expression
	maxPatternSize = 5000 // of it when its repetitions are written out
	maxWide        = 3    // ranges beyond ASCII of one that ignores case
)

// Pattern is a regular expression that is bounded in what it costs to compile,
// and knows what it costs to search with.
type Pattern struct {
	*regexp.Regexp
	size int  // states of the machine that searches
	far  bool // a match may be found long after the search has passed it
	most int  // bytes that a search may look at beyond a match, where it is not far
}

// CompilePattern compiles a regular expression, and pays for it if there is an
// arena. The error tells what the text is instead: "is no regular expression …".
func CompilePattern(a *value.Arena, text string) (*Pattern, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("is too long for a pattern: it has %d bytes, at most %d are taken", len(text), maxPattern)
	}
	wide := 0
	if ignoresCase(text) {
		wide = wideRanges(text)
	}
	if wide > maxWide {
		return nil, fmt.Errorf("is too large for a pattern: where it ignores case, at most %d ranges may go beyond ASCII", maxWide)
	}
	if a != nil && !a.Pay(wide<<14+100*strings.Count(strings.ToLower(text), `\p`)) {
		return nil, errNothingLeft
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, errors.New("is no regular expression in RE2 syntax: " + strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	size, ranges := extent(tree)
	if size > maxPatternSize {
		return nil, fmt.Errorf("is too large for a pattern: with its repetitions written out it has more than %d parts", maxPatternSize)
	}
	if a != nil && !a.Pay(100+2*size+ranges>>4) {
		return nil, errNothingLeft
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, errors.New("is no regular expression in RE2 syntax: " + strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return &Pattern{Regexp: re, size: size, far: !near(tree), most: beyond(tree)}, nil
}

// errNothingLeft is not shown: who pays sees that nothing is left.
var errNothingLeft = errors.New("takes too many steps")

// ignoresCase reports whether an expression has (?i).
func ignoresCase(text string) bool {
	for {
		_, after, found := strings.Cut(text, "(?")
		if !found {
			return false
		}
		flags := strings.IndexFunc(after, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') })
		if flags < 0 {
			flags = len(after)
		}
		if strings.Contains(after[:flags], "i") {
			return true
		}
		text = after
	}
}

// wideRanges counts the ranges in classes that may end beyond ASCII. Where case
// is ignored, the parser walks each of their characters: a million for one range.
func wideRanges(text string) int {
	n := strings.Count(text, `-\x`)
	for i := 1; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf && text[i-1] == '-' {
			n++
		}
	}
	return n
}

// Steps returns what a search through so many bytes costs at most.
func (p *Pattern) Steps(bytes int) int { return 1 + bytes*(p.size+2)>>5 }

// all is FindAllStringSubmatchIndex, paid for. It returns nothing once nothing
// is left to pay with. Few matches are looked for before more are, so that what
// they cost is known: one that is far may take a search through all that follows.
func (p *Pattern) all(a *value.Arena, s string, most int) [][]int {
	n := 1000
	if p.far {
		n = 1
	}
	for ; ; n = min(4*n, most) {
		search := p.Steps(len(s))
		if p.far {
			search *= n
		}
		if !a.Pay(search) {
			return nil
		}
		found := p.FindAllStringSubmatchIndex(s, n)
		if !a.Pay(2*len(found) + len(found)*p.Steps(p.most)) {
			return nil
		}
		if len(found) < n || n == most {
			return found
		}
	}
}

// extent estimates the states of the machine that an expression becomes, and
// counts the ranges of its classes.
func extent(re *syntax.Regexp) (size, ranges int) {
	for _, sub := range re.Sub {
		n, r := extent(sub)
		size, ranges = size+n, ranges+r
	}
	switch re.Op {
	case syntax.OpLiteral:
		size += len(re.Rune)
	case syntax.OpCharClass:
		size, ranges = size+1, ranges+len(re.Rune)
	case syntax.OpRepeat:
		times := re.Max
		if times < 0 {
			times = re.Min + 1
		}
		size *= max(times, 1)
		size += times - re.Min
	case syntax.OpAlternate:
		size += len(re.Sub)
	case syntax.OpCapture:
		size += 2
	default:
		size++
	}
	return min(size, 1<<20), ranges
}

const endless = 1 << 20

// longest returns how many bytes an expression may match, at most endless.
func longest(re *syntax.Regexp) int {
	n := 0
	for _, sub := range re.Sub {
		if m := longest(sub); re.Op == syntax.OpAlternate {
			n = max(n, m)
		} else {
			n += m
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		n = 4 * len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		n = 4
	case syntax.OpStar, syntax.OpPlus:
		n = endless
	case syntax.OpRepeat:
		if re.Max < 0 {
			n = endless
		}
		n *= max(re.Max, 1)
	}
	return min(n, endless)
}

// beyond returns how many bytes a search may look at after a match that is near.
func beyond(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpQuest, syntax.OpRepeat, syntax.OpAlternate:
		return min(longest(re), maxPattern)
	}
	n := 0
	for _, sub := range re.Sub {
		n = max(n, beyond(sub))
	}
	return n
}

// near reports whether a search never goes on for long once it has passed a
// match: where nothing that may be left out, and no alternative, is endless
// itself. In `a.*c|a` one is: each a of a text without c is found only at the
// end of the text.
func near(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		return longest(re.Sub[0]) <= 4 || longest(re) <= maxPattern
	case syntax.OpAlternate:
		return longest(re) <= maxPattern
	}
	for _, sub := range re.Sub {
		if !near(sub) {
			return false
		}
	}
	return true
}
