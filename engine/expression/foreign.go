package expression

import (
	"slices"
	"strings"
)

// wordOperators are operators that other languages write as words.
var wordOperators = map[string]string{
	"and": "&&", "or": "||", "not": "!", "xor": "!=", "is": "==", "equals": "==", "equal": "==", "eq": "==", "ne": "!=", "neq": "!=",
	"gt": ">", "lt": "<", "ge": ">=", "gte": ">=", "le": "<=", "lte": "<=", "mod": "%", "div": "/", "plus": "+", "minus": "-",
}

// signOperators are operators that other languages write with other signs.
var signOperators = map[string]string{"=": "==", "===": "==", "!==": "!=", "<>": "!=", "=!": "!=", "=<": "<=", "&": "&&", "|": "||", ":=": "=="}

// infixWords are functions that other languages write between two values.
var infixWords = map[string]string{
	"contains": "contains", "includes": "contains", "has": "contains", "startswith": "startsWith", "starts": "startsWith",
	"endswith": "endsWith", "ends": "endsWith", "matches": "matches", "like": "contains",
}

// reservedWords cannot be names in CEL.
var reservedWords = []string{"as", "break", "const", "continue", "else", "for", "function", "if", "import", "in", "let", "loop", "namespace", "package", "return", "var", "void", "while"}

// latin turns letters that look like Latin ones into these.
var latin = strings.NewReplacer("а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "і", "i", "ј", "j", "ѕ", "s",
	"А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C", "Т", "T", "Х", "X", "ο", "o", "α", "a", "ν", "v", "Α", "A", "Ε", "E", "ı", "i")

func (m *misreading) known(name string) bool {
	_, ok := m.scope.Slot(name)
	return ok
}

func (m *misreading) isFunction(name string) bool {
	return m.scope.Function(name) != nil || m.scope.Builtin(name) != nil || slices.Contains([]string{"size", "has", "first"}, name)
}

// remedy is the help for pieces i to j that should be something else: the whole
// expression put right where that is short and sound, else what goes there.
func (m *misreading) remedy(i, j int, with string) string {
	from, to := m.piece(i).from, m.piece(j).to
	fixed := m.text[:from] + with + m.text[to:]
	for _, whole := range []string{fixed, modern(fixed)} {
		if parses(whole) && shown(whole, "") != "" {
			return "write " + strings.TrimSpace(whole)
		}
	}
	local := m.text[m.piece(m.before(i)).from:from] + with + m.text[to:m.piece(m.after(j)).to]
	if parses(local) && shown(local, "") != "" {
		return "write " + local
	}
	return "write " + strings.TrimSpace(with)
}

// modern replaces the operators of other languages by those of this one.
func modern(text string) string {
	list, _ := pieces(text)
	var b strings.Builder
	at := 0
	for i, p := range list {
		w := text[p.from:p.to]
		with := signOperators[w]
		if p.kind == wordPiece && i > 0 && text[list[i-1].from:list[i-1].to] != "." {
			with = map[string]string{"and": "&&", "or": "||", "not": "!"}[strings.ToLower(w)]
		}
		if with == "" || p.kind == textPiece {
			continue
		}
		b.WriteString(text[at:p.from] + with)
		at = p.to
		if with == "!" {
			at += len(text[at:]) - len(strings.TrimLeft(text[at:], " "))
		}
	}
	return b.String() + text[at:]
}

// before returns the piece with which the value begins that ends before piece i.
func (m *misreading) before(i int) int {
	k := i - 1
	for k > 0 {
		if w := m.word(k); m.piece(k).kind == signPiece && (w == ")" || w == "]" || w == "}") {
			depth := 0
			for ; k > 0; k-- {
				if m.is(k, ")") || m.is(k, "]") || m.is(k, "}") {
					depth++
				} else if m.is(k, "(") || m.is(k, "[") || m.is(k, "{") {
					if depth--; depth == 0 {
						break
					}
				}
			}
			if prior := m.piece(k - 1); k > 0 && m.touches(k) && (prior.kind == wordPiece || m.is(k-1, "]") || m.is(k-1, ")")) {
				k--
				continue
			}
			return k
		}
		if !m.is(k-1, ".") || k < 2 {
			return k
		}
		k -= 2
	}
	return max(k, 0)
}

// after returns the piece with which the value ends that begins behind piece j.
func (m *misreading) after(j int) int {
	last := len(m.list) - 2
	k := j + 1
	for k < last && (m.is(k, "!") || m.is(k, "-")) {
		k++
	}
	for k <= last {
		if m.is(k, "(") || m.is(k, "[") || m.is(k, "{") {
			depth := 0
			for ; k < last; k++ {
				if m.is(k, "(") || m.is(k, "[") || m.is(k, "{") {
					depth++
				} else if m.is(k, ")") || m.is(k, "]") || m.is(k, "}") {
					if depth--; depth == 0 {
						break
					}
				}
			}
		}
		switch {
		case m.is(k+1, "."):
			k += 2
		case (m.is(k+1, "(") || m.is(k+1, "[")) && m.touches(k+1):
			k++
		default:
			return min(k, last)
		}
	}
	return max(last, 0)
}

// span returns the text of the pieces i to j, "" if there are none.
func (m *misreading) span(i, j int) string {
	if j < i {
		return ""
	}
	return m.text[m.piece(i).from:m.piece(j).to]
}

// leadingWord refuses words of other languages with which a value would begin.
func (m *misreading) leadingWord(w string) *Problem {
	next := m.piece(m.at + 1)
	follows := next.kind == wordPiece || next.kind == textPiece || next.kind == numberPiece || m.is(m.at+1, "(") || m.is(m.at+1, "!")
	switch lower := strings.ToLower(w); {
	case !ascii(w) && ascii(latin.Replace(w)):
		return m.here(m.at, "bad-character", "a letter of "+w+" is of another alphabet and only looks like the Latin one", "type it anew: "+latin.Replace(w))
	case !ascii(w):
		return m.here(m.at, "bad-character", "the name "+w+" has letters that names cannot have", `texts go in quotes; such keys in brackets: input["`+w+`"]`)
	case (lower == "and" || lower == "or") && !m.known(w):
		return m.here(m.at, "missing-operand", w+" joins two conditions, and none stands before it", "remove it, or write the first condition; and is written &&, or is ||")
	case lower == "not" && follows && !m.known(w):
		help := m.remedyNot()
		return m.here(m.at, "wrong-operator", "not is written as ! here", help)
	case lower == "if" && follows:
		return m.ifThen()
	case lower == "new" && next.kind == wordPiece:
		return m.wrong(m.piece(m.at).from, next.to, "foreign-syntax", "nothing is made with new in expressions", "now is the time of the run; instant(x) reads a time")
	case lower == "lambda" && next.kind == wordPiece:
		return m.here(m.at, "foreign-syntax", "functions without a name are not written here", "name the element as the first argument: list.map(e, lower(e))")
	case lower == "for" && next.kind == wordPiece:
		return m.here(m.at, "foreign-syntax", "there are no loops in expressions", "write list.map(e, …) for a value of each element, list.filter(e, condition), list.exists(e, condition)")
	case (lower == "case" || lower == "switch" || lower == "select") && follows && !m.known(w):
		return m.here(m.at, "foreign-syntax", w+" is no word of expressions", "write a choice as condition ? a : b, and several one after the other")
	case w == "in":
		return m.here(m.at, "missing-operand", "in asks whether a value is in a list, and no value stands before it", `write it as value in list, such as "free" in traits.plans`)
	case slices.Contains(reservedWords, w):
		help := "choose another name"
		if _, ok := m.scope.Slot("input"); ok {
			help = `a field of the event with this name is read as input["` + w + `"]`
		}
		return m.here(m.at, "reserved-word", w+" is a reserved word and cannot be a name", help)
	}
	return nil
}

func (m *misreading) remedyNot() string {
	p := m.piece(m.at)
	fixed := m.text[:p.from] + "!" + strings.TrimLeft(m.text[p.to:], " ")
	for _, whole := range []string{fixed, modern(m.text)} {
		if parses(whole) && shown(whole, "") != "" {
			return "write " + whole
		}
	}
	return "write ! right before the condition, and brackets around a longer one: !(a && b)"
}

func (m *misreading) ifThen() *Problem {
	help := "write condition ? a : b"
	if m.is(m.at+1, "(") {
		if fixed := m.ifCall(); fixed != "" {
			return m.here(m.at, "foreign-syntax", "if is not written in expressions", "write "+fixed)
		}
	}
	depth := 0
	then, otherwise := -1, -1
	for i := m.at + 1; i < len(m.list); i++ {
		switch {
		case m.is(i, "then") && depth == 0 && then < 0:
			then = i
		case m.is(i, "else") && then >= 0 && otherwise < 0:
			otherwise = i
		}
	}
	if then > 0 {
		condition := strings.TrimSpace(m.text[m.piece(m.at).to:m.piece(then).from])
		yes, no := strings.TrimSpace(m.text[m.piece(then).to:]), "null"
		if otherwise > 0 {
			yes, no = strings.TrimSpace(m.text[m.piece(then).to:m.piece(otherwise).from]), strings.TrimSpace(m.text[m.piece(otherwise).to:])
		}
		if fixed := modern(condition + " ? " + yes + " : " + no); parses(fixed) {
			help = "write " + shown(fixed, "condition ? a : b")
		}
	}
	return m.here(m.at, "foreign-syntax", "if is not written in expressions", help)
}

// ifCall writes IF(a; b; c) as it is written here, "" if it is no such call.
func (m *misreading) ifCall() string {
	depth, from := 0, m.at+2
	var parts []string
	for i := m.at + 1; i < len(m.list); i++ {
		switch {
		case m.is(i, "(") || m.is(i, "[") || m.is(i, "{"):
			depth++
		case depth == 1 && (m.is(i, ",") || m.is(i, ";")):
			parts, from = append(parts, m.span(from, i-1)), i+1
		case m.is(i, ")") || m.is(i, "]") || m.is(i, "}"):
			if depth--; depth > 0 {
				continue
			}
			if parts = append(parts, m.span(from, i-1)); len(parts) == 2 {
				parts = append(parts, "null")
			}
			if len(parts) != 3 {
				return ""
			}
			choice := parts[0] + " ? " + parts[1] + " : " + parts[2]
			if before, behind := m.text[:m.piece(m.at).from], m.text[m.piece(i).to:]; strings.TrimSpace(before+behind) != "" {
				choice = before + "(" + choice + ")" + behind
			}
			if choice = strings.TrimSpace(modern(choice)); !parses(choice) {
				return ""
			}
			return shown(choice, "")
		}
	}
	return ""
}

// wordBehind explains a word where an operator is expected.
func (m *misreading) wordBehind(w string) *Problem {
	prior, lower := m.piece(m.at-1), strings.ToLower(w)
	if m.touches(m.at) && prior.kind == numberPiece {
		return m.unit(m.at - 1)
	}
	if m.touches(m.at) && prior.kind == textPiece {
		return m.quoteInside()
	}
	next := m.at + 1
	switch {
	case lower == "in":
		return m.here(m.at, "wrong-operator", w+" is written in small letters", m.remedy(m.at, m.at, "in"))
	case lower == "is":
		return m.isWord()
	case lower == "not" && m.is(next, "in"):
		b, a := m.before(m.at), m.after(next)
		return m.wrong(m.piece(m.at).from, m.piece(next).to, "wrong-operator", "not in is written with ! before the whole", m.replacing(b, a, "!("+m.span(b, m.at-1)+" in "+m.span(next+1, a)+")"))
	case (lower == "not" || lower == "isnt") && m.is(next, "null"):
		return m.wrong(m.piece(m.at).from, m.piece(next).to, "wrong-operator", "that something is there is asked with != null", m.remedy(m.at, next, "!= null"))
	case wordOperators[lower] != "" && lower != "not":
		if p := m.oneOf(); p != nil {
			return p
		}
		return m.here(m.at, "wrong-operator", w+" is written as "+wordOperators[lower]+" here", m.remedy(m.at, m.at, wordOperators[lower]))
	case infixWords[lower] != "" && m.piece(next).kind != endPiece:
		j := m.at
		if m.is(next, "with") {
			j = next
		}
		b, a, method := m.before(m.at), m.after(j), infixWords[lower]
		if lower == "like" && m.piece(next).kind == textPiece && a == next {
			return m.like(b)
		}
		return m.wrong(m.piece(m.at).from, m.piece(j).to, "wrong-operator", m.span(m.at, j)+" does not stand between two values",
			m.replacing(b, a, m.span(b, m.at-1)+"."+method+"("+m.span(j+1, a)+")"))
	case lower == "between":
		help := "write x >= from && x <= to"
		if and := m.after(m.at) + 1; m.is(and, "and") || m.is(and, "AND") || m.is(and, "&&") {
			b, a := m.before(m.at), m.after(and)
			help = m.replacing(b, a, m.span(b, m.at-1)+" >= "+m.span(next, and-1)+" && "+m.span(b, m.at-1)+" <= "+m.span(and+1, a))
		}
		return m.here(m.at, "foreign-syntax", w+" is no word of expressions", help)
	case lower == "then" || lower == "else" || lower == "if" || lower == "elif" || lower == "unless":
		return m.here(m.at, "foreign-syntax", w+" is no word of expressions", "write a choice as condition ? a : b")
	case lower == "for":
		return m.here(m.at, "foreign-syntax", "there are no loops in expressions", "write list.map(e, …) for a value of each element")
	case prior.kind == wordPiece && m.is(m.at-2, "."):
		return m.keyWithBlank()
	case prior.kind == wordPiece && m.isFunction(m.word(m.at-1)):
		return m.callWithoutBrackets()
	}
	return m.twoValues()
}

// like is the comparison of SQL with % for any characters.
func (m *misreading) like(b int) *Problem {
	pattern := m.word(m.at + 1)
	quote, inner := pattern[:1], pattern[1:len(pattern)-1]
	method := "contains"
	switch starts, ends := strings.HasPrefix(inner, "%"), strings.HasSuffix(inner, "%"); {
	case starts && !ends:
		method = "endsWith"
	case ends && !starts:
		method = "startsWith"
	}
	with := m.span(b, m.at-1) + "." + method + "(" + quote + strings.Trim(inner, "%") + quote + ")"
	return m.here(m.at, "wrong-operator", m.word(m.at)+" is no word of expressions", m.replacing(b, m.at+1, with))
}

// replacing is the help for the value of pieces i to j that is written otherwise.
func (m *misreading) replacing(i, j int, with string) string {
	fixed := m.text[:m.piece(i).from] + with + m.text[m.piece(j).to:]
	for _, whole := range []string{fixed, modern(fixed)} {
		if parses(whole) && shown(whole, "") != "" {
			return "write " + whole
		}
	}
	return "write " + with
}

func (m *misreading) isWord() *Problem {
	i, j, sign := m.at, m.at, "=="
	if m.is(j+1, "not") {
		j, sign = j+1, "!="
	}
	switch strings.ToLower(m.word(j + 1)) {
	case "null", "none", "nil", "undefined", "missing", "absent":
		return m.wrong(m.piece(i).from, m.piece(j+1).to, "wrong-operator", m.span(i, j+1)+" is written as "+sign+" null", m.remedy(i, j+1, sign+" null"))
	case "empty", "blank":
		b := m.before(i)
		with := "empty(" + m.span(b, i-1) + ")"
		if sign == "!=" {
			with = "!" + with
		}
		return m.wrong(m.piece(i).from, m.piece(j+1).to, "wrong-operator", "whether something is empty is asked with empty(…)", m.replacing(b, j+1, with))
	}
	return m.wrong(m.piece(i).from, m.piece(j).to, "wrong-operator", m.span(i, j)+" is written as "+sign+" here", m.remedy(i, j, sign))
}

// keyWithBlank is a path whose last key has blanks in it: traits.Sign up.
func (m *misreading) keyWithBlank() *Problem {
	last := m.at
	for k := m.at + 1; m.piece(k).kind == wordPiece || m.piece(k).kind == numberPiece; k++ {
		w := strings.ToLower(m.word(k))
		if w == "in" || wordOperators[w] != "" || infixWords[w] != "" {
			break
		}
		last = k
	}
	point := m.at - 2
	owner, from := m.path(point)
	key := m.span(m.at-1, last)
	fixed := m.text[:from] + owner + `["` + key + `"]` + m.text[m.piece(last).to:]
	p := m.wrong(m.piece(m.at-1).from, m.piece(last).to, "key-in-brackets", "a key with a blank in it stands in brackets and quotes", "write "+owner+`["`+key+`"]`)
	if strings.Count(fixed, " ") > 2+strings.Count(key, " ") || !parses(fixed) {
		p.Help += "; if two values are meant, put an operator between them"
	}
	return p
}

func (m *misreading) callWithoutBrackets() *Problem {
	name, a := m.word(m.at-1), m.after(m.at-1)
	return m.here(m.at-1, "wrong-bracket", name+" is a function, and what it works on stands in brackets", m.replacing(m.at-1, a, name+"("+m.span(m.at, a)+")"))
}

// quoteInside is a quote that ends its text too early: 'it's'.
func (m *misreading) quoteInside() *Problem {
	p := m.piece(m.at - 1)
	quote := m.text[p.to-1 : p.to]
	help := "write \\" + quote + " for a quote inside of a text"
	if quote == "'" {
		if end := strings.IndexByte(m.text[p.to:], '\''); end >= 0 {
			inner := m.text[p.from+1 : p.to+end]
			if !strings.Contains(inner, `"`) {
				help = `write "` + inner + `", or \' for a quote inside of a text`
			}
		}
	} else if end := strings.LastIndexByte(m.text, '"'); end > p.to {
		inner := m.text[p.from+1 : end]
		if !strings.Contains(inner, "'") && len(inner) < 40 {
			help = `write '` + inner + `', or \" for a quote inside of a text`
		}
	}
	return m.wrong(p.to-1, p.to, "wrong-quote", "this quote ends the text, and more follows it", help)
}

func (m *misreading) textBehind() *Problem {
	prior := m.piece(m.at - 1)
	if m.touches(m.at) && prior.kind == textPiece {
		return m.quoteInside()
	}
	if prior.kind == wordPiece && !m.is(m.at-2, ".") && m.isFunction(m.word(m.at-1)) {
		return m.callWithoutBrackets()
	}
	return m.twoValues()
}

func (m *misreading) numberBehind() *Problem {
	prior := m.piece(m.at - 1)
	switch {
	case m.touches(m.at) && prior.kind == numberPiece:
		return m.wrong(prior.from, m.piece(m.at).to, "bad-number", m.span(m.at-1, m.at)+" is no number", `write a version or an address as text: "`+m.span(m.at-1, m.at)+`"`)
	case prior.kind == numberPiece && len(m.word(m.at)) == 3:
		return m.wrong(prior.from, m.piece(m.at).to, "bad-number", "a blank stands inside of a number", "write "+m.word(m.at-1)+m.word(m.at))
	case prior.kind == wordPiece && m.is(m.at-2, "."):
		return m.keyWithBlank()
	case prior.kind == wordPiece && m.isFunction(m.word(m.at-1)):
		return m.callWithoutBrackets()
	}
	return m.twoValues()
}

// twoValues stand side by side without an operator.
func (m *misreading) twoValues() *Problem {
	p := m.piece(m.at)
	help := "put an operator between them, such as == or &&; a text goes in quotes"
	switch o := m.top(); {
	case o.kind == listOf || o.kind == call || o.kind == objectOf && o.keyed:
		help = "put a comma between them, or an operator"
		if fixed := m.text[:m.piece(m.at-1).to] + ", " + strings.TrimLeft(m.text[p.from:], " "); parses(fixed) {
			help = "put a comma between them: " + shown(fixed, ",") + "; or an operator"
		}
	case o.kind == objectOf:
		help = "put a colon between the key and its value"
	case p.kind == textPiece && m.piece(m.at-1).kind == textPiece:
		help = "join texts with +: " + m.span(m.at-1, m.at-1) + " + " + m.word(m.at)
	case p.kind == textPiece || m.piece(m.at-1).kind == textPiece:
		b, a := m.before(m.at), m.after(m.at-1)
		help = "put == between them to compare, or + to join texts: " + shown(m.span(b, m.at-1)+" + "+m.span(m.at, a), "a + b")
	case m.proseFrom(0):
		help = `put it in quotes if a text is meant: "` + strings.TrimSpace(m.text) + `"; else put an operator between the words, such as == or &&`
	}
	before := m.span(m.before(m.at), m.at-1)
	if strings.Contains(before, "\n") || len(before) > 40 {
		before = m.word(m.at - 1)
	}
	return m.here(m.at, "missing-operator", "there is no operator between "+before+" and "+m.word(m.at), help)
}

// proseFrom reports whether nothing but words stands from piece i on.
func (m *misreading) proseFrom(i int) bool {
	for ; m.piece(i).kind == wordPiece; i++ {
	}
	return m.piece(i).kind == endPiece && len(m.text) < 60
}

// unit explains a number with letters right behind it.
func (m *misreading) unit(i int) *Problem {
	number, unit := m.word(i), m.word(i+1)
	whole := m.span(i, i+1)
	from, to := m.piece(i).from, m.piece(i+1).to
	if strings.HasPrefix(unit, "_") && strings.Trim(unit, "_0123456789") == "" {
		return m.wrong(from, to, "bad-number", "a number is written without _", "write "+strings.ReplaceAll(whole, "_", ""))
	}
	if unit == "T" || strings.HasPrefix(unit, "T") && strings.Trim(unit[1:], "0123456789") == "" {
		return m.date(i)
	}
	help := `write the number alone, or the text "` + whole + `"`
	if slices.Contains([]string{"ms", "s", "m", "h", "d", "w"}, unit) {
		help = `a time span is a text: duration("` + whole + `"); in units of its own write the number alone, such as ` + number
	}
	return m.wrong(from, to, "bad-number", whole+" is no number: a unit cannot stand behind it", help)
}

// number refuses numbers that another reader would take otherwise.
func (m *misreading) number() *Problem {
	p, w := m.piece(m.at), m.word(m.at)
	if problem := m.date(m.at); problem != nil {
		return problem
	}
	next := m.piece(m.at + 1)
	switch {
	case len(w) > 1 && w[0] == '0' && w[1] >= '0' && w[1] <= '9' && !strings.ContainsAny(w, ".e"):
		plain := strings.TrimLeft(w, "0")
		if plain == "" {
			plain = "0"
		}
		return m.wrong(p.from, p.to, "bad-number", "a number does not begin with 0", "write "+plain+` for the number, "`+w+`" for the text`)
	case m.touches(m.at+1) && next.kind == wordPiece && m.word(m.at+1) != "in":
		return m.unit(m.at)
	case m.is(m.at+1, ".") && m.touches(m.at+1) && m.piece(m.at+2).kind != wordPiece:
		return m.wrong(p.from, next.to, "bad-number", "digits are missing behind the point", "write "+w+" or "+w+".0")
	case m.is(m.at+1, "%") && (m.piece(m.at+2).kind == endPiece || m.piece(m.at+2).kind == signPiece && !m.is(m.at+2, "(") && !m.is(m.at+2, "-")):
		return m.wrong(p.from, next.to, "bad-number", "% is the remainder of a division, not a percentage", "write "+percent(w)+" for "+w+" %, or "+w+" alone")
	}
	return nil
}

func percent(digits string) string {
	if len(digits) > 2 || strings.Contains(digits, ".") {
		return digits + " / 100.0"
	}
	return "0." + strings.TrimRight(strings.Repeat("0", 2-len(digits))+digits, "0")
}

// date refuses a date without quotes, which would be a subtraction.
func (m *misreading) date(i int) *Problem {
	year := i
	if strings.HasPrefix(m.word(i+1), "T") { // the day, with the time behind it
		year = i - 4
	}
	digits := func(k, n int) bool { return m.piece(k).kind == numberPiece && len(m.word(k)) == n }
	sign := m.word(year + 1)
	if year < 0 || !digits(year, 4) || sign != "-" && sign != "/" || !m.is(year+3, sign) || !m.touches(year+1) || !m.touches(year+2) || !m.touches(year+3) ||
		m.piece(year+2).kind != numberPiece || m.piece(year+4).kind != numberPiece || len(m.word(year+2)) > 2 || len(m.word(year+4)) > 2 {
		return nil
	}
	end := year + 4
	for m.touches(end+1) && (m.piece(end+1).kind == numberPiece || m.piece(end+1).kind == wordPiece || m.is(end+1, ":") || m.is(end+1, "-") || m.is(end+1, "+")) {
		end++
	}
	whole := m.span(year, end)
	return m.wrong(m.piece(year).from, m.piece(end).to, "bare-date", "without quotes this date is a calculation", `write "`+whole+`"`)
}

// thousands is a comma inside of a number.
func (m *misreading) thousands() *Problem {
	i, j := m.at-1, m.at+1
	if m.piece(i).kind != numberPiece || m.piece(j).kind != numberPiece || !m.touches(m.at) || !m.touches(j) {
		return nil
	}
	number, fraction := m.word(i), m.word(j)
	fixed := number + fraction
	if len(fraction) != 3 {
		fixed = number + "." + fraction
	}
	return m.wrong(m.piece(i).from, m.piece(j).to, "bad-number", "a number is written without a comma", "write "+fixed)
}

// operatorEnd refuses an operator that is written with a blank inside: < =.
func (m *misreading) operatorEnd() *Problem {
	w := m.word(m.at)
	if m.is(m.at+1, "=") && (w == "<" || w == ">" || w == "!") {
		return m.wrong(m.piece(m.at).from, m.piece(m.at+1).to, "wrong-operator", "a blank stands inside of the operator "+w+"=", m.remedy(m.at, m.at+1, w+"="))
	}
	if w == "%" && m.piece(m.at-1).kind == numberPiece {
		m.at--
		problem := m.number()
		m.at++
		return problem
	}
	return nil
}

// foreign explains a sign that only other languages have, nil if it is none.
func (m *misreading) foreign() *Problem {
	w := m.word(m.at)
	b := m.before(m.at)
	left := m.span(b, m.at-1)
	if m.at == 0 || m.piece(m.at-1).kind == signPiece && !m.is(m.at-1, ")") && !m.is(m.at-1, "]") && !m.is(m.at-1, "}") {
		left = ""
	}
	switch w {
	case "=", "===", "!==", "<>", "=!", "=<", ":=":
		sign := signOperators[w]
		if means := foreignNames[m.word(m.at+1)]; (means == "null" || means == "true" || means == "false") && !m.known(m.word(m.at+1)) && m.piece(m.at+1).kind == wordPiece {
			return m.here(m.at, "wrong-operator", w+" is written as "+sign+" here, and "+m.word(m.at+1)+" as "+means, m.remedy(m.at, m.at+1, sign+" "+means))
		}
		message := w + " is written as " + sign + " here"
		if w == "=" {
			message = "= does not compare; that is =="
			if m.is(m.at+1, "=") {
				return m.wrong(m.piece(m.at).from, m.piece(m.at+1).to, "wrong-operator", "a blank stands inside of the operator ==", m.remedy(m.at, m.at+1, "=="))
			}
		}
		return m.here(m.at, "wrong-operator", message, m.remedy(m.at, m.at, sign))
	case "!":
		return m.bang()
	case "&", "|":
		if m.is(m.at+1, w) {
			return m.wrong(m.piece(m.at).from, m.piece(m.at+1).to, "wrong-operator", "a blank stands inside of the operator "+w+w, m.remedy(m.at, m.at+1, w+w))
		}
		if p := m.oneOf(); p != nil {
			return p
		}
		if w == "&" {
			if p := m.ampersand(); p != nil {
				return p
			}
		}
		return m.here(m.at, "wrong-operator", map[string]string{"&": "and is written as && here", "|": "or is written as || here"}[w], m.remedy(m.at, m.at, w+w))
	case "=>", "->":
		return m.arrow()
	case "??", "?:":
		a := m.after(m.at)
		return m.here(m.at, "wrong-operator", w+" is no operator here", "write "+left+" != null ? "+left+" : "+m.span(m.at+1, a)+"; where a list may stand, also ["+left+", "+m.span(m.at+1, a)+"]")
	case "?.":
		point := "."
		if m.is(m.at+1, "[") {
			point = ""
		}
		return m.here(m.at, "wrong-operator", "no ? is needed: reading never fails, what is missing gives null", m.remedy(m.at, m.at, point))
	case "=~":
		a := m.after(m.at)
		return m.here(m.at, "wrong-operator", "patterns are compared with matches", m.replacing(b, a, left+".matches("+m.span(m.at+1, a)+")"))
	case "**", "^", "~", "<<", ">>", "++", "|>", "<=>", `\`:
		help := "the operators are == != < <= > >= && || ! + - * / % ? : and in"
		switch w {
		case "++":
			help = "numbers are added, and texts joined, with one +"
		case "**", "^":
			help = "for a power multiply: x * x"
		}
		return m.here(m.at, "wrong-operator", w+" is no operator here", help)
	case "+=", "-=", "*=", "/=", "&=", "|=":
		return m.here(m.at, "foreign-syntax", "an expression changes nothing: "+w+" is no operator here", "give the new value a name under let")
	case ";":
		if k := m.top().kind; k == call || k == listOf {
			return m.here(m.at, "foreign-syntax", "a comma stands between arguments and elements, not a semicolon", m.commas())
		}
		help := "remove it"
		if m.piece(m.at+1).kind != endPiece {
			help = "a place holds one expression; give others a name under let"
		}
		return m.here(m.at, "foreign-syntax", "no semicolon ends an expression", help)
	case "..":
		if m.touches(m.at) && m.touches(m.at+1) && m.piece(m.at+1).kind == wordPiece {
			return m.here(m.at, "bad-path", "two points follow each other", m.remedy(m.at, m.at, "."))
		}
		fallthrough
	case "...":
		return m.here(m.at, "foreign-syntax", w+" is no operator here", "write merge(a, b) for objects put together, a + b for lists, lists.range(n) for numbers")
	case "$", "@", "#":
		return m.sigil()
	}
	return nil
}

// commas is the help for what is separated by semicolons.
func (m *misreading) commas() string {
	var b strings.Builder
	at := 0
	for _, p := range m.list {
		if p.kind != textPiece && m.text[p.from:p.to] == ";" {
			b.WriteString(m.text[at:p.from] + ",")
			if at = p.to; at < len(m.text) && m.text[at] != ' ' {
				b.WriteString(" ")
			}
		}
	}
	if fixed := b.String() + m.text[at:]; parses(fixed) && shown(fixed, "") != "" {
		return "write " + strings.TrimSpace(fixed)
	}
	return "write , for each of them"
}

// ampersand is a & that joins texts, nil if none stands beside one.
func (m *misreading) ampersand() *Problem {
	texts := false
	for i := range m.list {
		texts = texts || m.is(i, "&") && (m.piece(i-1).kind == textPiece || m.piece(i+1).kind == textPiece)
	}
	if !texts {
		return nil
	}
	var b strings.Builder
	at := 0
	for i, p := range m.list {
		if m.is(i, "&") && !m.is(i-1, "&") && !m.is(i+1, "&") {
			b.WriteString(m.text[at:p.from] + "+")
			at = p.to
		}
	}
	help := "write +"
	if fixed := b.String() + m.text[at:]; parses(fixed) && shown(fixed, "") != "" {
		help = "write " + strings.TrimSpace(fixed)
	}
	return m.here(m.at, "wrong-operator", "texts are joined with + here", help)
}

// oneOf is plan == "free" or "trial", nil if that does not stand here.
func (m *misreading) oneOf() *Problem {
	means := func(i int) bool {
		w := strings.ToLower(m.word(i))
		k := m.piece(i).kind
		return (k == wordPiece || k == signPiece) && (w == "or" || w == "and" || w == "|" || w == "||" || w == "&" || w == "&&")
	}
	literal := func(i int) bool { k := m.piece(i).kind; return k == textPiece || k == numberPiece }
	sign := m.word(m.at - 2)
	if !means(m.at) || !literal(m.at-1) || signOperators[sign] == "" && sign != "==" && sign != "!=" {
		return nil
	}
	if meant := signOperators[sign]; meant != "" {
		sign = meant
	}
	values, last := []string{m.word(m.at - 1)}, m.at-1
	for means(last+1) && literal(last+2) && modern(m.span(m.at, m.at)) == modern(m.span(last+1, last+1)) {
		last += 2
		values = append(values, m.word(last))
	}
	next := m.piece(last + 1)
	if len(values) == 1 || sign != "==" && sign != "!=" || next.kind == signPiece && !means(last+1) && !m.is(last+1, ")") && !m.is(last+1, "?") && !m.is(last+1, ",") || next.kind == wordPiece && !means(last+1) {
		return nil
	}
	b := m.before(m.at - 2)
	with := m.span(b, m.at-3) + " in [" + strings.Join(values, ", ") + "]"
	if sign == "!=" {
		with = "!(" + with + ")"
	}
	return m.here(m.at, "wrong-operator", m.word(m.at)+" joins two conditions, and "+m.word(m.at+1)+" alone is none", m.replacing(b, last, with))
}

// bang explains a ! behind a value.
func (m *misreading) bang() *Problem {
	if m.is(m.at+1, "=") {
		return m.wrong(m.piece(m.at).from, m.piece(m.at+1).to, "wrong-operator", "a blank stands inside of the operator !=", m.remedy(m.at, m.at+1, "!="))
	}
	next := m.at + 1
	if m.is(next, "in") {
		b, a := m.before(m.at), m.after(next)
		return m.wrong(m.piece(m.at).from, m.piece(next).to, "wrong-operator", "! stands before the whole question", m.replacing(b, a, "!("+m.span(b, m.at-1)+" in "+m.span(next+1, a)+")"))
	}
	if m.piece(next).kind == endPiece {
		return m.here(m.at, "wrong-operator", "! stands before what it negates", m.replacing(m.before(m.at), m.at, "!"+m.span(m.before(m.at), m.at-1)))
	}
	return m.here(m.at, "missing-operator", "there is no operator before !", "put && or || before it, or write != to compare")
}

// arrow explains e => x inside of a call.
func (m *misreading) arrow() *Problem {
	w, help := m.word(m.at), "name the element as the first argument: list.map(e, lower(e))"
	if m.top().kind == call {
		p := m.piece(m.at)
		fixed := strings.TrimRight(m.text[:p.from], " ") + "," + m.text[p.to:]
		if m.is(m.at-1, ")") && m.is(m.at-3, "(") {
			fixed = m.text[:m.piece(m.at-3).from] + m.word(m.at-2) + "," + m.text[p.to:]
		}
		if parses(fixed) {
			help = "write " + shown(fixed, "the name of the element as the first argument: list.map(e, lower(e))")
		}
	} else if w == "=>" {
		return m.here(m.at, "wrong-operator", "=> is written as >= here", m.remedy(m.at, m.at, ">="))
	}
	return m.here(m.at, "foreign-syntax", w+" is no sign of expressions", help)
}

// sigil explains $x, ${x}, @x and #x.
func (m *misreading) sigil() *Problem {
	w, next := m.word(m.at), m.at+1
	p := m.piece(m.at)
	switch {
	case w == "#" && (m.at > 0 && !m.touches(m.at) || !m.touches(next)):
		return m.here(m.at, "foreign-syntax", "# begins no comment inside of an expression", "move the comment to a line of its own, or write // before it")
	case (w == "$" || w == "#") && m.touches(next) && (m.is(next, "{") || m.is(next, "(")):
		closing := strings.IndexAny(m.text[p.to:], "})")
		message := w + m.word(next) + "…" + closingOf(m.word(next)) + " stands in texts only; this is an expression already"
		if closing < 0 {
			return m.wrong(p.from, p.to+1, "needless-mark", message, "write the name alone")
		}
		inner := m.text[p.to+1 : p.to+closing]
		fixed := m.text[:p.from] + inner + m.text[p.to+closing+1:]
		help := "write " + inner
		if parses(fixed) {
			help = "write " + shown(fixed, inner)
		}
		return m.wrong(p.from, p.to+closing+1, "needless-mark", message, help)
	case m.touches(next) && m.piece(next).kind == wordPiece:
		return m.here(m.at, "bad-character", "a name is written without "+w, m.remedy(m.at, next, m.word(next)))
	case w == "$" && m.is(next, "."):
		return m.wrong(p.from, m.piece(next).to, "bad-path", "a path begins with a name, not with $", m.remedy(m.at, next, ""))
	}
	return m.here(m.at, "bad-character", "`"+w+"` is no sign of expressions", "remove it; a text goes in quotes")
}

func (m *misreading) doubleBraces() *Problem {
	from := m.piece(m.at).from
	end := strings.Index(m.text[from:], "}}")
	if end < 0 {
		return m.wrong(from, from+2, "needless-mark", "{{ }} is not read here; this is an expression already", "write the name alone")
	}
	inner := strings.TrimSpace(m.text[from+2 : from+end])
	help := "write " + inner
	if fixed := m.text[:from] + inner + m.text[from+end+2:]; parses(fixed) {
		help = "write " + shown(fixed, inner)
	}
	return m.wrong(from, from+end+2, "needless-mark", "{{ }} is not read here; this is an expression already", help)
}

func (m *misreading) signBeforeValue() *Problem {
	if m.at > 0 && m.is(m.at-1, "+") {
		return m.wrong(m.piece(m.at-1).from, m.piece(m.at).to, "missing-operand", "two + follow each other", "remove one of them")
	}
	return m.here(m.at, "missing-operand", "nothing stands before +", "remove it: a number needs no +")
}

// missingValue explains an operator, a comma or the end where a value has to be.
func (m *misreading) missingValue() *Problem {
	p, w := m.piece(m.at), m.word(m.at)
	prior := m.word(m.at - 1)
	switch {
	case m.at == 0 && w == "&&" || m.at == 0 && w == "||":
		return m.here(m.at, "missing-operand", w+" joins two conditions, and none stands before it", "remove it, or write the first condition")
	case m.at == 0:
		return m.here(m.at, "missing-operand", "nothing stands before "+w, "write a value there, such as traits.email "+w+" …, or remove it")
	case prior == "," || prior == "(" || prior == "[" || prior == "{":
		if w == "," {
			return m.here(m.at, "wrong-comma", "nothing stands before this comma", "remove it, or write a value there; null stands for none")
		}
		if p.kind == endPiece {
			if prior == "," {
				return m.here(m.at-1, "wrong-comma", "nothing follows this comma", "remove it, or go on with a value and close the brackets")
			}
			o := m.piece(m.at - 1)
			return m.wrong(o.from, o.to, "wrong-bracket", "the "+prior+" that opens here is not closed", "write what stands in it and "+closingOf(prior))
		}
		return m.here(m.at, "missing-operand", "nothing stands before "+w, "write a value there, or remove "+w)
	case p.kind == endPiece:
		help := "write what follows, or remove " + prior
		if trimmed := strings.TrimSpace(m.text[:m.piece(m.at-1).from]); parses(trimmed) {
			help = "write what follows, or remove it: " + shown(trimmed, "what stands before is sound")
		}
		return m.here(m.at-1, "missing-operand", "nothing follows "+prior, help)
	case prior == "?" && w == ":":
		return m.wrong(m.piece(m.at-1).from, p.to, "missing-operand", "no value stands between ? and :", "write a choice as condition ? a : b")
	case w == "=" && (prior == "!" || prior == "=" || prior == "<" || prior == ">" || prior == "=="):
		if prior == "==" {
			return m.wrong(m.piece(m.at-1).from, p.to, "wrong-operator", "two values are compared with ==", m.remedy(m.at-1, m.at, "=="))
		}
		return m.wrong(m.piece(m.at-1).from, p.to, "wrong-operator", "a blank stands inside of the operator "+prior+w, m.remedy(m.at-1, m.at, prior+"="))
	case w == prior || wordOperators[strings.ToLower(prior)] == w:
		help := "remove one of them"
		if fixed := m.text[:m.piece(m.at-1).to] + m.text[p.to:]; parses(fixed) {
			help = "write " + shown(fixed, "it once")
		}
		return m.wrong(m.piece(m.at-1).from, p.to, "missing-operand", w+" stands here twice", help)
	}
	return m.wrong(m.piece(m.at-1).from, p.to, "missing-operand", "no value stands between "+prior+" and "+w, "write one there, or remove "+prior+" or "+w)
}

// closedEarly explains a closing bracket where a value has to be.
func (m *misreading) closedEarly() *Problem {
	w, prior := m.word(m.at), m.word(m.at-1)
	p := m.piece(m.at)
	switch {
	case m.at == 0 || m.top().kind == topLevel && closingOf(prior) == "":
		if m.at > 0 {
			return m.here(m.at-1, "missing-operand", "nothing follows "+prior, "write what follows, or remove "+prior)
		}
		return m.here(m.at, "wrong-bracket", "the "+w+" closes nothing: no bracket is open here", "remove it, or open the bracket where it belongs")
	case prior == ",":
		fixed := m.text[:m.piece(m.at-1).from] + m.text[m.piece(m.at-1).to:]
		help := "remove it, or write one more value"
		if parses(fixed) {
			help = "remove it: " + shown(fixed, "what stands before is sound")
		}
		return m.here(m.at-1, "wrong-comma", "nothing follows this comma", help)
	case closingOf(prior) != "":
		return m.wrong(m.piece(m.at-1).from, p.to, "wrong-bracket", w+" closes here what "+m.opened(m.at-1)+" opened", "close it with "+closingOf(prior))
	}
	fixed := m.text[:m.piece(m.at-1).from] + m.text[m.piece(m.at-1).to:]
	help := "write what follows, or remove " + prior
	if parses(fixed) {
		help = "write what follows, or remove it: " + shown(strings.TrimSpace(fixed), "what stands before is sound")
	}
	return m.here(m.at-1, "missing-operand", "nothing follows "+prior, help)
}

// behindBroken is what cannot be read where an operator is expected.
func (m *misreading) behindBroken() *Problem {
	prior, broken := m.piece(m.at-1), m.broken
	if prior.kind == textPiece && broken.Code == "wrong-quote" && prior.to == m.piece(m.at).from {
		return m.quoteInside()
	}
	return broken
}
