package mistakes_test

import (
	"bytes"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/source"
)

// mutant is a rule file with one slip: the bytes [from,to) replaced.
type mutant struct {
	*ruleFile
	way      string
	from, to int
	with     string
	lines    []int // on which the slip stands
}

func (m *mutant) data() []byte {
	return slices.Concat(m.file.Data[:m.from], []byte(m.with), m.file.Data[m.to:])
}

// damager collects the mutants of a file.
type damager struct {
	*ruleFile
	out  []*mutant
	seen map[string]bool
}

func (r *ruleFile) mutants() []*mutant {
	d := &damager{ruleFile: r, seen: map[string]bool{}}
	d.lines()
	d.structure()
	for _, s := range r.scalars {
		d.scalar(s)
	}
	for _, c := range r.code {
		d.expression(c)
	}
	return d.out
}

func (d *damager) add(way string, from, to int, with string) {
	m := &mutant{d.ruleFile, way, from, to, with, []int{d.file.Position(from).Line}}
	text := string(m.data())
	if text == string(d.file.Data) || d.seen[way+"\x00"+text] {
		return
	}
	d.seen[way+"\x00"+text] = true
	d.out = append(d.out, m)
}

// lines damages indentation, comments and whole lines.
func (d *damager) lines() {
	for n := 1; n <= d.file.Lines(); n++ {
		text := d.file.Line(n)
		start := bytesBefore(d.file, n)
		indent := len(text) - len(strings.TrimLeft(text, " "))
		if strings.TrimSpace(text) == "" {
			continue
		}
		if indent > 0 {
			d.add("tab as indentation", start, start+indent, strings.Repeat("\t", (indent+1)/2))
			d.add("indentation lost", start, start+1, "")
		}
		if !strings.HasPrefix(text[indent:], "#") {
			before := len(d.out)
			d.add("line twice", start, start, text+"\n")
			for _, m := range d.out[before:] {
				m.lines = append(m.lines, n+1)
			}
			if i := d.comment(n); i > 0 {
				glued := len(strings.TrimRight(text[:i], " "))
				d.add("comment unspaced", start+glued, start+i, "")
			}
		}
	}
}

func bytesBefore(f *source.File, line int) int {
	n := 0
	for i := 1; i < line; i++ {
		n += bytes.IndexByte(f.Data[n:], '\n') + 1
	}
	return n
}

// comment returns where the comment of a line begins, -1 if it has none: behind all values.
func (d *damager) comment(line int) int {
	text, start := d.file.Line(line), bytesBefore(d.file, line)
	for i := strings.Index(text, " #"); i >= 0; {
		at := start + i + 1
		if !slices.ContainsFunc(d.scalars, func(s *scalar) bool { return s.Span.Start.Offset <= at && at < s.Span.End.Offset }) {
			return i + 1
		}
		next := strings.Index(text[i+1:], " #")
		if next < 0 {
			return -1
		}
		i += 1 + next
	}
	return -1
}

// structure damages keys, dashes and brackets of YAML.
func (d *damager) structure() {
	data := d.file.Data
	for _, k := range d.keys {
		d.misspell("key misspelt", k.Span.Start.Offset, k.Span.End.Offset)
	}
	for _, e := range d.entries {
		colon := e.Key.Span.End.Offset + bytes.IndexByte(data[e.Key.Span.End.Offset:], ':')
		d.add("colon dropped", colon, colon+1, "")
		blanks := len(data[colon+1:]) - len(bytes.TrimLeft(data[colon+1:], " "))
		if c := data[colon+1+blanks]; blanks > 0 && c != '#' && c != '\n' {
			d.add("space after the colon dropped", colon+1, colon+1+blanks, "")
		}
	}
	for _, dash := range d.dashes {
		d.add("dash dropped", dash, dash+1, " ")
		d.add("space after the dash dropped", dash+1, dash+2, "")
	}
	for _, n := range d.lists {
		if open := n.Span.Start.Offset; data[open] == '[' || data[open] == '{' {
			d.brackets(open, n.Span.End.Offset-1)
		}
	}
}

var otherBracket = map[byte]string{')': "]", ']': ")", '}': ")"}

// brackets damages a pair of brackets.
func (d *damager) brackets(open, end int) {
	data := d.file.Data
	d.add("bracket lost", open, open+1, "")
	d.add("bracket lost", end, end+1, "")
	d.add("bracket too many", open, open, string(data[open]))
	d.add("bracket too many", end, end, string(data[end]))
	d.add("wrong bracket", end, end+1, otherBracket[data[end]])
}

// misspell swaps two letters of a word, and drops one.
func (d *damager) misspell(way string, from, to int) {
	for _, wrong := range misspelt(string(d.file.Data[from:to])) {
		d.add(way, from, to, wrong)
	}
}

func misspelt(word string) []string {
	if len(word) == 1 && isLetter(word[0]) {
		return []string{string(word[0] ^ 3)}
	}
	var out []string
	for i := (len(word) - 1) / 2; i+1 < len(word); i++ {
		if a, b := word[i], word[i+1]; a != b && isLetter(a) && isLetter(b) {
			out = append(out, word[:i]+string([]byte{b, a})+word[i+2:])
			break
		}
	}
	for i := len(word) / 2; i < len(word); i++ {
		if isLetter(word[i]) {
			return append(out, word[:i]+word[i+1:])
		}
	}
	return out
}

// named are keys whose value names something that the rules define elsewhere.
var named = map[string]string{
	"use": "fragment", "to": "mapping", "request": "request", "host": "host", "auth": "auth entry", "answers": "list of answers",
	"lookup": "lookup", "absent": "row of a table", "events": "event schemas", "config": "file", "item": "file", "builtin": "file", "array": "array",
	"celmap": "kind of file",
}

// scalar damages a value as YAML has it.
func (d *damager) scalar(s *scalar) {
	from, to := s.Span.Start.Offset, s.Span.End.Offset
	if s.Style == source.Single || s.Style == source.Double {
		d.add("closing quote lost", to-1, to, "")
		d.add("opening quote lost", from, from+1, "")
		way := "quotes dropped"
		if len(s.Text) >= 7 && isDigit(s.Text[0]) && s.Text[4] == '-' {
			way = "date unquoted"
		}
		d.add(way, from, to, s.Text)
	}
	switch {
	case s.holds == "word":
		d.misspell("name misspelt: word of the language", from, to)
	case s.holds == "defined" && s.key() == "with":
		d.misspell("name misspelt: argument", from, to)
	case s.holds == "text" && s.key() == "at":
		root, _, _ := strings.Cut(s.Text, ".")
		d.misspell("name misspelt: field under at", from, from+len(root))
	case (s.holds == "name" || s.holds == "file") && named[s.key()] != "":
		d.misspell("name misspelt: "+named[s.key()], from, to)
	case s.holds == "expression" && s.key() == "needs":
		d.add("expression where a path belongs", from, to, "empty("+s.Text+")")
	case s.holds == "path" && !strings.HasPrefix(s.Text, "="):
		d.add("expression where a path belongs", from, to, "lower("+s.Text+")")
		if strings.Contains(s.Text, ".") {
			d.add("space in a key", to, to, " name")
		}
	}
	if s.Style == source.Plain && (s.holds == "boolean" || s.holds == "constant" || s.holds == "template") {
		d.yes(from, to)
	}
	if s.prose() && s.holds != "template" || s.holds == "defined" {
		return
	}
	switch marked := strings.HasPrefix(s.Text, "="); {
	case marked && s.holds == "path" && isPath(s.Text[1:]) && !d.rooted(s):
		// where no roots are named, a path is read like the expression
	case marked && s.holds != "expression" && s.Style == source.Plain:
		d.add("= lost", from, from+1, "")
	case marked && s.holds != "expression":
		d.add("= lost", from+1, from+2, "")
	case s.holds == "expression" && len(expressions(s)) > 0 && s.Style == source.Plain:
		d.add("= too many", from, from, "=")
	case s.holds == "expression" && len(expressions(s)) > 0 && (s.Style == source.Single || s.Style == source.Double):
		d.add("= too many", from+1, from+1, "=")
	}
}

func isPath(text string) bool {
	return !slices.ContainsFunc(lex(text), func(t token) bool { return t.kind != 'w' && t.text != "." })
}

// rooted reports whether the paths of a set line lie below roots, or below an element.
func (d *damager) rooted(s *scalar) bool {
	n := d.root
	for _, key := range s.path {
		if n.Get("under") != nil || n.Get("each") != nil {
			return true
		}
		if n = n.Get(key); n == nil {
			return false
		}
	}
	return false
}

func (d *damager) yes(from, to int) {
	switch string(d.file.Data[from:to]) {
	case "true":
		d.add("yes for true", from, to, "yes")
	case "false":
		d.add("no for false", from, to, "no")
	}
}

// expression damages an expression.
func (d *damager) expression(c *code) {
	if c.in.holds == "template" && c.from > 1 {
		d.marks(c)
	}
	if c.in.holds == "path" && c.from == 0 {
		return // a path below a root: names of the sender's
	}
	var open []int
	for i, t := range c.tokens {
		from, to := c.span(t)
		switch t.kind {
		case 'w':
			d.word(c, i)
		case 'n':
			d.number(c, i)
		case 't':
			d.add("closing quote lost", to-1, to, "")
			d.add("opening quote lost", from, from+1, "")
			if c.compares(i) {
				d.add("number for a text", from, to, "5")
			}
		default:
			d.sign(c, i)
			switch t.text {
			case "(", "[", "{":
				open = append(open, i)
			case ")", "]", "}":
				start, _ := c.span(c.tokens[open[len(open)-1]])
				d.brackets(start, from)
				if t.text == ")" {
					d.arguments(c, open[len(open)-1], i)
				}
				open = open[:len(open)-1]
			}
		}
	}
}

// marks damages the ${ } around an expression.
func (d *damager) marks(c *code) {
	from, to := c.in.At(c.from-2, c.from).Start.Offset, c.in.At(c.to, c.to+1).End.Offset
	text := string(d.file.Data[from+2 : to-1])
	d.add("${ } written {x}", from, to, "{"+text+"}")
	d.add("${ } written $x", from, to, "$"+text)
	d.add("${ } written $(x)", from, to, "$("+text+")")
	d.add("${ } not closed", from, to, "${"+text)
}

// sign damages an operator.
func (d *damager) sign(c *code, i int) {
	from, to := c.span(c.tokens[i])
	switch c.tokens[i].text {
	case "==":
		d.add("= for ==", from, to, "=")
	case "&&":
		d.add("and for &&", from, to, "and")
		d.add("& for &&", from, to, "&")
	case "||":
		d.add("or for ||", from, to, "or")
		d.add("| for ||", from, to, "|")
	case "!":
		d.add("not for !", from, to, "not ")
	}
}

// word damages a name.
func (d *damager) word(c *code, i int) {
	t := c.tokens[i]
	from, to := c.span(t)
	dotted, called := c.is(i-1, "."), c.is(i+1, "(")
	switch {
	case t.text == "null":
		if c.compares(i) {
			d.add("none for null", from, to, "none")
			d.add("nil for null", from, to, "nil")
		}
	case t.text == "true" || t.text == "false":
		d.yes(from, to)
	case t.text == "in":
	case called && dotted:
		d.misspell("name misspelt: method", from, to)
	case called:
		d.misspell("name misspelt: function", from, to)
	case dotted:
		d.add("space in a key", to, to, " name")
		if root := c.tokens[i-2]; root.kind == 'w' && d.closed[root.text] && !c.is(i-3, ".") {
			d.misspell("name misspelt: field of "+what(root.text), from, to)
		} else {
			d.misspell(open, from, to)
		}
	case c.unread(i):
	default:
		d.misspell("name misspelt: name in an expression", from, to)
	}
}

// unread reports whether a word is the name of an element that nothing reads: any other name does as well.
func (c *code) unread(i int) bool {
	bound := (c.is(i-1, "(") || c.is(i-1, ",")) && c.is(i+1, ",")
	return bound && !slices.ContainsFunc(c.tokens, func(t token) bool { return t.text == c.tokens[i].text && t != c.tokens[i] })
}

func what(root string) string {
	if root == "config" {
		return "the config"
	}
	return "a table or an object"
}

// open is the way of slips in names that the sender or an API chooses, which
// the rules cannot know. They are counted apart.
const open = "name of an open part misspelt"

// compares reports whether a token is an operand of a comparison or of arithmetic.
func (c *code) compares(i int) bool {
	for _, s := range []string{"==", "!=", "<", "<=", ">", ">=", "*", "/", "-", "%"} {
		if c.is(i-1, s) || c.is(i+1, s) {
			return true
		}
	}
	return false
}

func (c *code) is(i int, text string) bool {
	return i >= 0 && i < len(c.tokens) && c.tokens[i].text == text
}

// number damages a number.
func (d *damager) number(c *code, i int) {
	from, to := c.span(c.tokens[i])
	if c.compares(i) {
		quote := `"`
		if c.in.Style == source.Double {
			quote = `'`
		}
		d.add("text for a number", from, to, quote+c.tokens[i].text+quote)
	}
	if c.is(i-1, "[") && c.is(i+1, "]") && i >= 2 && (c.tokens[i-2].kind == 'w' || c.is(i-2, ")")) {
		d.add("fraction as an index", from, to, c.tokens[i].text+".5")
	}
}

// arguments damages the arguments of a call, whose brackets are tokens.
func (d *damager) arguments(c *code, open, end int) {
	if open == 0 || c.tokens[open-1].kind != 'w' || c.tokens[open-1].text == "in" {
		return
	}
	called, isMethod := c.tokens[open-1].text, c.is(open-2, ".")
	depth, comma, count := 0, open, 0
	if end > open+1 {
		count = 1
	}
	for i := open + 1; i < end; i++ {
		switch c.tokens[i].text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		case ",":
			if depth == 0 {
				comma = i
				count++
			}
		}
	}
	missing, extra := count > 0, true
	if f := function.Lookup(called); f != nil && !isMethod {
		least := 0
		for _, p := range f.Params {
			if !p.Optional {
				least++
			}
		}
		missing = missing && count-1 < least
		extra = !f.Variadic && count+1 > len(f.Params)
	}
	if isMethod && slices.Contains([]string{"map", "transformMap", "transformMapEntry", "transformList", "substring"}, called) {
		extra = false // a condition may stand between
	}
	_, start := c.span(c.tokens[open])
	closing, _ := c.span(c.tokens[end])
	if missing {
		from, _ := c.span(c.tokens[comma])
		if comma == open {
			from = start
		}
		d.add("argument missing", from, closing, "")
	}
	if extra {
		with := ", null"
		if count == 0 {
			with = "null"
		}
		d.add("argument too many", closing, closing, with)
	}
	if called == "empty" && !isMethod && end-open > 2 && slices.ContainsFunc(c.tokens[open+1:end], func(t token) bool { return t.text == "(" }) {
		name, to := c.span(c.tokens[open-1])
		d.add("has of a call", name, to, "has")
	}
}
