package expression

import (
	"fmt"
	"slices"
	"strings"
)

// misread explains why a text that the parser refused is no expression: it
// walks over the pieces with the grammar in mind and stops at the first that
// cannot stand where it does. It is nil where none is found.
func misread(text string, scope Scope) *Problem {
	list, problem := pieces(text)
	m := &misreading{text: text, scope: scope, list: list, broken: problem, open: []opening{{kind: topLevel, at: -1}}}
	return m.walk()
}

type misreading struct {
	text   string
	scope  Scope
	list   []piece
	at     int // the piece that is looked at
	broken *Problem
	open   []opening
}

// opening is a bracket that is open, or the expression as a whole.
type opening struct {
	kind    rune // one of the below
	at      int  // its piece
	last    int  // the piece of the last comma in it, or of the bracket
	choices []int
	keyed   bool // of an object: the colon of this member was seen
}

const (
	topLevel = 0
	group    = '('
	call     = 'f'
	listOf   = '['
	index    = 'i'
	objectOf = '{'
)

func (m *misreading) top() *opening { return &m.open[len(m.open)-1] }

func (m *misreading) piece(i int) piece {
	if i < 0 {
		return piece{}
	}
	return m.list[min(i, len(m.list)-1)]
}

func (m *misreading) word(i int) string {
	p := m.piece(i)
	if i < 0 {
		return ""
	}
	return m.text[p.from:p.to]
}

// is reports whether piece i is that word or sign.
func (m *misreading) is(i int, s string) bool {
	k := m.piece(i).kind
	return i >= 0 && (k == wordPiece || k == signPiece) && m.word(i) == s
}

// touches reports whether no blank stands between piece i and the one before.
func (m *misreading) touches(i int) bool { return i > 0 && m.piece(i).from == m.piece(i-1).to }

func (m *misreading) wrong(from, to int, code, message, help string) *Problem {
	return &Problem{From: from, To: to, Code: code, Message: message, Help: help}
}

// here is wrong for one piece.
func (m *misreading) here(i int, code, message, help string) *Problem {
	p := m.piece(i)
	return m.wrong(p.from, p.to, code, message, help)
}

// walk reads values and operators in turns.
func (m *misreading) walk() *Problem {
	for {
		again := true
		for again { // what stands before a value
			if m.piece(m.at).kind == badPiece {
				return m.broken
			}
			var problem *Problem
			if again, problem = m.value(); problem != nil {
				return problem
			}
		}
		again = true
		for again { // what stands behind it
			if m.piece(m.at).kind == badPiece {
				return m.behindBroken()
			}
			if m.piece(m.at).kind == endPiece {
				return m.end()
			}
			var problem *Problem
			if again, problem = m.behind(); problem != nil {
				return problem
			}
		}
	}
}

// value reads one piece where a value has to begin. again says that the value is
// still to come.
func (m *misreading) value() (again bool, problem *Problem) {
	p, w := m.piece(m.at), m.word(m.at)
	switch p.kind {
	case endPiece:
		return false, m.missingValue()
	case numberPiece:
		if problem := m.number(); problem != nil {
			return false, problem
		}
		m.at++
		return false, nil
	case textPiece:
		m.at++
		return false, nil
	case wordPiece:
		if problem := m.leadingWord(w); problem != nil {
			return false, problem
		}
		m.at++
		return false, nil
	}
	switch w {
	case "!", "-":
		m.at++
		return true, nil
	case "(":
		m.push(group)
		return true, m.emptyBrackets()
	case "[":
		m.push(listOf)
		return m.emptied("]"), nil
	case "{":
		if m.is(m.at+1, "{") && m.touches(m.at+1) {
			return false, m.doubleBraces()
		}
		m.push(objectOf)
		return m.emptied("}"), nil
	case ")", "]", "}":
		if o := m.top(); (o.kind == listOf || o.kind == objectOf) && m.is(m.at-1, ",") && closingOf(m.word(o.at)) == w {
			m.open = m.open[:len(m.open)-1] // a comma may stand there
			m.at++
			return false, nil
		}
		return false, m.closedEarly()
	case "=", "==":
		if m.at == 0 && len(m.list) > 1 {
			return false, m.here(m.at, "needless-mark", "the = marks expressions among texts, and is not written here", "write "+strings.TrimSpace(m.text[p.to:]))
		}
	case "$", "#", "@":
		return false, m.sigil()
	case ".":
		if m.at == 0 || !m.touches(m.at) {
			return false, m.here(m.at, "bad-path", "a path does not begin with a point", "write it from its first name, such as traits.email")
		}
	case "+":
		return false, m.signBeforeValue()
	case "/", "*", "%", "?", ":", ",", "&&", "||", "!=", "<", "<=", ">", ">=":
	default:
		if problem := m.foreign(); problem != nil {
			return false, problem
		}
	}
	return false, m.missingValue()
}

func (m *misreading) push(kind rune) {
	m.open = append(m.open, opening{kind: kind, at: m.at, last: m.at})
	m.at++
}

// emptied takes the bracket that closes what has just been opened; it reports
// whether a value is still to come.
func (m *misreading) emptied(closing string) bool {
	if !m.is(m.at, closing) {
		return true
	}
	m.open = m.open[:len(m.open)-1]
	m.at++
	return false
}

func (m *misreading) emptyBrackets() *Problem {
	if m.is(m.at, ")") {
		return m.wrong(m.piece(m.at-1).from, m.piece(m.at).to, "missing-operand", "these brackets are empty", "put an expression between them, or remove them")
	}
	return nil
}

// behind reads what stands behind a value. again says that the value goes on, or
// ended again.
func (m *misreading) behind() (again bool, problem *Problem) {
	p, w := m.piece(m.at), m.word(m.at)
	switch p.kind {
	case wordPiece:
		if w == "in" {
			m.at++
			return false, nil
		}
		return false, m.wordBehind(w)
	case textPiece:
		return false, m.textBehind()
	case numberPiece:
		return false, m.numberBehind()
	}
	switch w {
	case "(":
		if m.piece(m.at-1).kind == wordPiece && !m.isKeyword(m.at-1) {
			m.push(call)
			return !m.emptied(")"), nil
		}
		return false, m.twoValues()
	case "[":
		m.push(index)
		if m.is(m.at, "?") { // a form of CEL for what may be missing
			m.at++
		}
		if m.is(m.at, "]") {
			return false, m.wrong(m.piece(m.at-1).from, m.piece(m.at).to, "missing-operand", "no index or key stands between the brackets",
				"write which element is meant, such as [0]; for each element use map(e, …) or first(list, e, …)")
		}
		return false, nil
	case "{":
		return false, m.twoValues()
	case ".":
		return true, m.member()
	case ")", "]", "}":
		return true, m.close()
	case ",":
		return false, m.comma()
	case "?":
		m.top().choices = append(m.top().choices, m.at)
		m.at++
		return false, nil
	case ":":
		return false, m.colon()
	case "&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%":
		if problem := m.operatorEnd(); problem != nil {
			return false, problem
		}
		m.at++
		return false, nil
	}
	if problem := m.foreign(); problem != nil {
		return false, problem
	}
	return false, m.here(m.at, "bad-character", "`"+w+"` is no sign of expressions", "the operators are == != < <= > >= && || ! + - * / % ? : and in")
}

func (m *misreading) isKeyword(i int) bool {
	return !m.is(i-1, ".") && slices.Contains([]string{"true", "false", "null", "in"}, m.word(i))
}

// end is the end of the text behind a value.
func (m *misreading) end() *Problem {
	o := m.top()
	if n := len(o.choices); n > 0 {
		return m.unfinishedChoice(o.choices[n-1])
	}
	if o.kind == topLevel {
		return nil
	}
	open := m.word(o.at)
	closing := closingOf(open)
	help := "write " + closing + " where it ends"
	if fixed := m.text + closing; parses(fixed) {
		help = "write " + shown(fixed, closing+" at the end")
	}
	return m.here(o.at, "wrong-bracket", "the "+open+" that opens here is not closed", help)
}

func closingOf(open string) string {
	return map[string]string{"(": ")", "[": "]", "{": "}"}[open]
}

// close takes a closing bracket behind a value.
func (m *misreading) close() *Problem {
	o, w := m.top(), m.word(m.at)
	if n := len(o.choices); n > 0 && o.kind != topLevel && closingOf(m.word(o.at)) == w {
		return m.unfinishedChoice(o.choices[n-1])
	}
	if o.kind == topLevel {
		help := "remove it, or open the bracket where it belongs"
		p := m.piece(m.at)
		if fixed := m.text[:p.from] + m.text[p.to:]; parses(fixed) {
			help = "remove it: " + shown(strings.TrimSpace(fixed), "without it the expression is sound")
		}
		return m.here(m.at, "wrong-bracket", "the "+w+" closes nothing: no bracket is open here", help)
	}
	open := m.word(o.at)
	if closingOf(open) != w {
		p := m.piece(m.at)
		help := "close it with " + closingOf(open)
		rest := ""
		for i := len(m.open) - 2; i > 0; i-- {
			rest += closingOf(m.word(m.open[i].at))
		}
		for _, fixed := range []string{m.text[:p.from] + closingOf(open) + m.text[p.to:], m.text[:p.from] + closingOf(open) + m.text[p.from:], m.text[:p.from] + closingOf(open) + rest + m.text[p.to:]} {
			if parses(fixed) {
				help = "write " + shown(fixed, closingOf(open))
				break
			}
		}
		return m.here(m.at, "wrong-bracket", fmt.Sprintf("%s closes here what %s opened", w, m.opened(o.at)), help)
	}
	if o.kind == objectOf && !o.keyed {
		return m.keyWithoutColon()
	}
	m.open = m.open[:len(m.open)-1]
	m.at++
	return nil
}

// opened names an opening bracket with what stands before it.
func (m *misreading) opened(i int) string {
	if m.piece(i-1).kind == wordPiece && m.touches(i) {
		return m.word(i-1) + m.word(i)
	}
	return m.word(i)
}

func (m *misreading) keyWithoutColon() *Problem {
	key := m.text[m.piece(m.top().last+1).from:m.piece(m.at-1).to]
	help := `the members of an object are written {"name": value}; a list is written [a, b]`
	if !strings.Contains(key, "\n") && len(key) < 40 && m.word(m.top().at) == "{" && m.is(m.at, "}") && m.top().last == m.top().at {
		help = `write {"name": ` + key + `} for an object, [` + key + `] for a list`
	}
	return m.here(m.at-1, "bad-key", "a member of an object needs a key, a colon and a value", help)
}

func (m *misreading) comma() *Problem {
	o := m.top()
	if n := len(o.choices); n > 0 {
		return m.unfinishedChoice(o.choices[n-1])
	}
	switch o.kind {
	case objectOf:
		if !o.keyed {
			return m.keyWithoutColon()
		}
	case topLevel, group, index:
		if p := m.thousands(); p != nil {
			return p
		}
		if o.kind == group {
			return m.here(m.at, "wrong-comma", "a comma stands between round brackets that hold no arguments", m.roundList(o.at))
		}
		return m.here(m.at, "wrong-comma", "a comma stands outside of any list or function", "remove it; conditions are joined with && or ||, and a list is written [a, b]")
	}
	o.keyed = false
	o.last = m.at
	m.at++
	return nil
}

// roundList helps with (a, b), which is [a, b] here.
func (m *misreading) roundList(open int) string {
	depth := 0
	for i := open; i < len(m.list); i++ {
		switch {
		case m.is(i, "("):
			depth++
		case m.is(i, ")"):
			if depth--; depth == 0 {
				from, to := m.piece(open), m.piece(i)
				return "a list is written with square brackets: " + shown("["+m.text[from.to:to.from]+"]", "[a, b]")
			}
		}
	}
	return "a list is written with square brackets: [a, b]"
}

func (m *misreading) colon() *Problem {
	o := m.top()
	if n := len(o.choices); n > 0 {
		o.choices = o.choices[:n-1]
		m.at++
		return nil
	}
	if o.kind == objectOf && !o.keyed {
		o.keyed = true
		m.at++
		return nil
	}
	if m.touches(m.at) && m.piece(m.at-1).kind == numberPiece && m.piece(m.at+1).kind == numberPiece {
		return m.wrong(m.piece(m.at-1).from, m.piece(m.at+1).to, "bare-date", "a time of day has to be a text", `put it in quotes: "`+m.text[m.piece(m.at-1).from:m.piece(m.at+1).to]+`"`)
	}
	if o.kind == objectOf {
		return m.here(m.at, "unfinished-choice", "a second colon stands in one member of an object", "put a comma before the next key")
	}
	return m.here(m.at, "unfinished-choice", "there is no ? that this colon belongs to", "a choice is written condition ? a : b")
}

func (m *misreading) unfinishedChoice(i int) *Problem {
	help := "write condition ? a : b, with null for b where nothing is meant"
	if fixed := m.text + " : null"; parses(fixed) {
		help = "say what it is otherwise: " + shown(fixed, ": null")
	}
	return m.here(i, "unfinished-choice", "the choice that ? begins has no : with what it is otherwise", help)
}

// member reads what stands behind a point.
func (m *misreading) member() *Problem {
	point := m.at
	m.at++
	if m.is(m.at, "?") { // a form of CEL for what may be missing
		m.at++
	}
	p, w := m.piece(m.at), m.word(m.at)
	owner, from := m.path(point)
	bracketed := func(key string) string { return "write " + owner + `["` + key + `"]` }
	switch {
	case p.kind == badPiece:
		return m.broken
	case p.kind == wordPiece && !ascii(w):
		return m.wrong(p.from, p.to, "key-in-brackets", fmt.Sprintf("the key %s has letters that cannot stand behind a point", w), bracketed(w))
	case p.kind == wordPiece && (w == "in" || w == "true" || w == "false" || w == "null"):
		if w == "in" && m.piece(m.at+1).kind != endPiece && !m.touches(m.at) {
			return m.here(point, "missing-operand", "a name is missing behind the point", "write which field of "+owner+" is meant")
		}
		return m.wrong(from, p.to, "key-in-brackets", fmt.Sprintf("%s is a word of the language and cannot stand behind a point", w), bracketed(w))
	case p.kind == wordPiece:
		m.at++
		return nil
	case p.kind == textPiece:
		return m.wrong(from, p.to, "key-in-brackets", "a key in quotes stands in square brackets, not behind a point", "write "+owner+"["+w+"]")
	case p.kind == numberPiece || w == "[":
		i := strings.Trim(w, ".[")
		if w == "[" {
			return m.here(point, "bad-path", "no point stands before a bracket", "write "+owner+"["+m.restOfBracket(m.at))
		}
		return m.wrong(from, p.to, "key-in-brackets", "an element of a list is written with its number in square brackets", "write "+owner+"["+i+"]")
	case w == "*":
		return m.here(m.at, "foreign-syntax", "* does not stand for every member", "use "+owner+".map(e, …) for a value of each element, or first("+owner+", e, …) for one")
	case w == "(":
		return m.here(point, "missing-operand", "the name of a function is missing behind the point", "write it, or remove the point")
	case w == "-" || w == "/" || w == "@" || w == "#" || w == "$" || w == ":":
		key := m.text[p.from:m.keyEnd(m.at)]
		return m.wrong(from, p.from+len(key), "key-in-brackets", fmt.Sprintf("the key %s has signs that cannot stand behind a point", key), bracketed(key))
	case w == "." || w == ".." || w == "...":
		return m.here(m.at, "bad-path", "two points follow each other", "write one, and a name behind it")
	}
	return m.here(point, "missing-operand", "a name is missing behind the point", "write which field of "+owner+" is meant, or remove the point")
}

func (m *misreading) restOfBracket(open int) string {
	end := strings.IndexByte(m.text[m.piece(open).to:], ']')
	if end < 0 {
		return "…]"
	}
	return m.text[m.piece(open).to : m.piece(open).to+end+1]
}

// keyEnd is where a key ends that has signs in it: at the next blank or bracket.
func (m *misreading) keyEnd(i int) int {
	end := m.piece(i).to
	for i++; m.touches(i) && (m.piece(i).kind == wordPiece || m.piece(i).kind == numberPiece || m.is(i, "-")); i++ {
		end = m.piece(i).to
	}
	return end
}

// path returns the path that ends before piece i, and where it begins.
func (m *misreading) path(i int) (string, int) {
	from := i - 1
	for from > 0 {
		switch {
		case m.is(from, "]"):
			for from > 0 && !m.is(from, "[") {
				from--
			}
			from--
			continue
		case m.is(from-1, ".") && from > 1:
			from -= 2
			continue
		}
		break
	}
	if from < 0 || i < 1 {
		return "traits", m.piece(max(i, 0)).from
	}
	return m.text[m.piece(from).from:m.piece(i-1).to], m.piece(from).from
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}

// parses reports whether a remedy is sound before it is recommended.
func parses(text string) bool {
	_, issues := environment().Parse(text)
	return issues.Err() == nil
}

// shown is a remedy as a message shows it, or otherwise where it is long.
func shown(fixed, otherwise string) string {
	if len(fixed) > 90 || strings.Contains(fixed, "\n") {
		return otherwise
	}
	return fixed
}
