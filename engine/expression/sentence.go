package expression

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/value"
)

// Sentences say which value does not fit where, what does, and what to write.

// sentence puts a failure into words whose operands say it all, and tells which
// of them is to blame, -1 if that is not clear.
func (f *failure) sentence() (text string, blamed int) {
	switch name := f.at.name; name {
	case "+", "-", "*", "/", "%":
		return f.arithmetic(name)
	case "<", "<=", ">", ">=":
		return f.order(name)
	case "&&", "||", "!", "?", "condition":
		return f.truth(name)
	case "in":
		remedy := "give a list such as [\"a\", \"b\"]"
		if f.value(1).Kind() == value.String {
			remedy = "to look into a text write " + f.written(1) + ".contains(" + f.written(0) + ")"
		}
		return "in looks into a list or an object; " + f.is(1) + ": " + remedy, 1
	case "size":
		return "size counts the elements of a list, the keys of an object or the characters of a text; " + f.is(0) + ": write size(text(" + f.written(0) + ")) to count its characters", 0
	case "walk":
		return "only the elements of a list or the keys of an object can be walked; " + f.is(0) + ": ask for kind(" + f.written(0) + ") == \"list\" before", 0
	case "sortBy":
		return "sortBy orders by numbers or by texts, not by both and by nothing else: give each element a key of the same kind, such as text(e.name)", -1
	case "sort":
		return "sort orders numbers or texts, not both and nothing else; " + f.is(0) + ": write .sortBy(e, text(e))", 0
	case "keys":
		return "the keys of an object are texts: write text(x) for what may be a number, and ask whether it is there", -1
	case "entry":
		return "transformMapEntry needs an object for each element: write {key: value}", -1
	default:
		return f.unfit(name)
	}
}

// takes says what functions of CEL take, each with a remedy for an argument.
var takes = map[string]struct{ what, remedy string }{
	"int":           {"int takes a number, or a whole number as text such as \"12\"", "round(%s) takes numbers with a fraction as text too"},
	"uint":          {"uint takes a number from 0 on, or one as text such as \"12\"", ""},
	"double":        {"double takes a number, or one as text such as \"1.5\"", "decimal(%s) takes what is missing too"},
	"bool":          {"bool takes true and false, also as text", "boolean(%s) takes more words for them"},
	"string":        {"string takes text, numbers and booleans", "text(%s) takes everything"},
	"bytes":         {"bytes takes text", "write bytes(text(%s))"},
	"timestamp":     {"timestamp takes a time such as \"2024-03-05T10:00:00Z\"", "write timestamp(instant(%s)) for other ways to write a time"},
	"duration":      {"duration takes a span of time such as \"1h30m\" or \"90s\"", ""},
	"charAt":        {"charAt takes a text and a position from 0 to its length", "write slice(text(%s), position, position + 1)"},
	"substring":     {"substring takes a text and positions from 0 to its length, the smaller one first", "slice(%s, from, to) takes any"},
	"slice":         {"slice takes a list and positions from 0 to its length, the smaller one first", "slice(%s, from, to) takes any"},
	"lowerAscii":    {"lowerAscii works on text", "lower(%s) takes what is missing too"},
	"upperAscii":    {"upperAscii works on text", "upper(%s) takes what is missing too"},
	"trim":          {"trim works on text", "trim(%s) takes what is missing too"},
	"split":         {"split works on text", "split(%s, separator) takes what is missing too"},
	"reverse":       {"reverse turns a list or a text round", ""},
	"strings.quote": {"strings.quote works on text", "write strings.quote(text(%s))"},
	"base64.encode": {"base64.encode takes bytes", "base64(%s) takes text"},
	"base64.decode": {"base64.decode takes text in base64", ""},
	"optMap":        {"optMap works on an optional value such as traits.?age", ""},
	"optFlatMap":    {"optFlatMap works on an optional value such as traits.?age", ""},
	"orValue":       {"orValue works on an optional value such as traits.?age", ""},
	"hasValue":      {"hasValue works on an optional value such as traits.?age", "write %s != null"},
	"value":         {"value() needs an optional value that is there", "write .orValue(something)"},
	"first":         {"first() takes the first element of a list", "write %s[0]"},
	"last":          {"last() takes the last element of a list", "write %s[size(%s) - 1]"},
	"sortBy":        {"sortBy orders a list", ""},
}

// structured are functions whose remedy takes lists and objects too.
var structured = map[string]bool{"string": true, "bytes": true, "slice": true, "first": true, "last": true, "strings.quote": true, "base64.encode": true, "hasValue": true}

// unfit is sentence for a function.
func (f *failure) unfit(name string) (string, int) {
	known, ok := takes[name]
	if !ok {
		switch {
		case name == "":
			return "this fails with the values that it is given: ask for x != null or kind(x) before", -1
		case strings.HasPrefix(name, "math."):
			known.what = name + " takes numbers"
			known.remedy = "write decimal(%s)"
		case strings.HasPrefix(name, "get") && f.special(0) && len(f.at.operands) == 2:
			return name + " takes a time zone such as \"Europe/Berlin\" or \"+01:00\"; " + f.written(1) + " is none: correct it", 1
		case strings.HasPrefix(name, "get"):
			known.what = name + " works on an instant, and takes a time zone such as \"Europe/Berlin\""
			known.remedy = "write timestamp(%s)." + name + "()"
		default:
			known.what = name + " does not take what it is given"
		}
	}
	if text := f.outside(name); text != "" {
		return text, 0
	}
	blamed, all := f.blame(name), make([]string, 0, len(f.at.operands))
	for i := range f.at.operands {
		if !f.at.operands[i].literal || blamed == i {
			all = append(all, f.is(i))
		}
	}
	if len(all) == 0 && len(f.at.operands) > 0 {
		all = append(all, f.is(0))
	}
	text := known.what
	if len(all) > 0 {
		text += "; " + strings.Join(all, " and ")
	}
	switch {
	case blamed >= 0 && f.missing(blamed):
		text += ": ask for " + f.written(blamed) + " != null before"
	case known.remedy != "" && blamed >= 0 && (structured[name] || f.value(blamed).Kind() < value.List):
		text += ": " + strings.ReplaceAll(known.remedy, "%s", f.written(blamed))
	case blamed >= 0 && !f.at.operands[blamed].literal:
		text += ": ask for kind(" + f.written(blamed) + ") before, or correct the value where it comes from"
	}
	return text, blamed
}

// outside is sentence for a position that a text or list does not have.
func (f *failure) outside(name string) string {
	v := f.value(0)
	count, noun := utf8.RuneCountInString(v.Text()), "character"
	switch {
	case v.Secret() || f.special(0) || len(f.at.operands) < 2:
		return ""
	case name == "slice" && v.Kind() == value.List:
		count, noun = v.Len(), "element"
	case (name == "substring" || name == "charAt") && v.Kind() == value.String:
	default:
		return ""
	}
	for i := 1; i < len(f.at.operands); i++ {
		if f.value(i).Kind() != value.Number {
			return ""
		}
	}
	if count != 1 {
		noun += "s"
	}
	text := fmt.Sprintf("%s takes positions from 0 to the length, the smaller one first; %s has %d %s", name, f.written(0), count, noun)
	for i := 1; i < len(f.at.operands); i++ {
		if !f.at.operands[i].literal {
			text += " and " + f.is(i)
		}
	}
	return text + ": slice(" + f.written(0) + ", from, to) takes any"
}

// blame finds the operand that is the likeliest reason: the first that is
// missing, or of a kind that the function never takes.
func (f *failure) blame(name string) int {
	if strings.HasPrefix(name, "math.") {
		for i := range f.at.operands {
			if f.value(i).Kind() != value.Number && !f.unknown(i) {
				return i
			}
		}
	}
	for i := range f.at.operands {
		if f.missing(i) {
			return i
		}
	}
	if len(f.at.operands) > 0 {
		return 0
	}
	return -1
}

func (f *failure) arithmetic(op string) (string, int) {
	if len(f.at.operands) == 1 {
		return "- turns the sign of a number; " + f.is(0) + ": " + f.number(0, f.sign()), 0
	}
	l, r := f.value(0), f.value(1)
	if l.Kind() == value.Number && r.Kind() == value.Number && !f.special(0) && !f.special(1) {
		zero := r.Float() == 0
		switch _, whole := l.Int(); {
		case zero && (op == "/" || op == "%") && f.at.operands[1].literal:
			return "nothing can be divided by zero: correct the " + f.written(1), -1
		case zero && (op == "/" || op == "%"):
			return op + " by zero is not possible; " + f.is(1) + ": ask for " + f.written(1) + " != 0 before", 1
		case op == "%" && !(whole && isInt(r)):
			return "% takes whole numbers; " + f.both() + ": write round(x)", -1
		}
		return "the result of " + op + " is too large; " + f.both() + ": whole numbers have 64 bits, double(x) computes with larger ones, not exactly", -1
	}
	does := map[string]string{"+": "+ adds two numbers, or joins two texts or two lists", "-": "- takes one number from another", "*": "* multiplies two numbers", "/": "/ divides two numbers", "%": "% divides two whole numbers and gives the rest"}[op]
	blamed, remedy := f.twoNumbers(op)
	return does + "; " + f.both() + remedy, blamed
}

func isInt(n *value.Node) bool { _, ok := n.Int(); return ok }

// twoNumbers finds which of two operands is no number, and the remedy.
func (f *failure) twoNumbers(op string) (blamed int, remedy string) {
	kinds := [2]value.Kind{f.value(0).Kind(), f.value(1).Kind()}
	if f.value(0).Secret() || f.value(1).Secret() {
		return -1, ""
	}
	for i := range kinds {
		if f.missing(i) {
			return i, ": " + f.guard(i)
		}
	}
	for i := range kinds {
		other := kinds[1-i]
		if kinds[i] != value.String || f.special(i) {
			continue
		}
		if other == value.Number {
			words := [2]string{f.written(0), f.written(1)}
			words[i] = "decimal(" + words[i] + ")"
			remedy = ": write " + words[0] + " " + op + " " + words[1]
			switch {
			case numeric(f.value(i)):
			case op != "+":
				remedy = ": " + f.noNumber(i)
			default:
				words = [2]string{f.written(0), f.written(1)}
				words[1-i] = "text(" + words[1-i] + ")"
				remedy = ": to join them write " + words[0] + " + " + words[1]
			}
			return i, remedy
		}
		if op == "+" && other == value.Bool {
			words := [2]string{f.written(0), f.written(1)}
			words[1-i] = "text(" + words[1-i] + ")"
			return 1 - i, ": write " + words[0] + " + " + words[1]
		}
	}
	for i := range kinds {
		if kinds[i] != value.Number && !f.unknown(i) {
			return i, ": ask for kind(" + f.written(i) + ") before"
		}
	}
	return -1, ""
}

// numeric reports whether a text is a number.
func numeric(n *value.Node) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(n.Text()), 64)
	return err == nil
}

// noNumber is the remedy for a text that is no number.
func (f *failure) noNumber(i int) string {
	return "ask for kind(" + f.written(i) + ") == \"number\" before, or correct the text where it comes from"
}

func (f *failure) order(op string) (string, int) {
	blamed, remedy := -1, ""
	switch l, r := f.value(0), f.value(1); {
	case f.missing(0):
		blamed, remedy = 0, ": "+f.guard(0)
	case f.missing(1):
		blamed, remedy = 1, ": "+f.guard(1)
	case l.Secret() || r.Secret():
	case !f.special(0) && !f.special(1) && l.Kind() != r.Kind() && (l.Kind() == value.String || l.Kind() == value.Number) && (r.Kind() == value.String || r.Kind() == value.Number):
		words := [2]string{f.written(0), f.written(1)}
		if r.Kind() == value.String {
			blamed = 1
		} else {
			blamed = 0
		}
		words[blamed] = "decimal(" + words[blamed] + ")"
		remedy = ": write " + words[0] + " " + op + " " + words[1]
		if !numeric(f.value(blamed)) {
			remedy = ": " + f.noNumber(blamed)
		}
	case l.Kind() != value.Number && l.Kind() != value.String:
		blamed, remedy = 0, ": ask for kind("+f.written(0)+") before"
	case r.Kind() != value.Number && r.Kind() != value.String:
		blamed, remedy = 1, ": ask for kind("+f.written(1)+") before"
	}
	return op + " compares two numbers or two texts; " + f.both() + remedy, blamed
}

// truth is sentence for what has to be true or false.
func (f *failure) truth(op string) (string, int) {
	wrong := -1
	for i := range f.at.operands {
		if i < 2 && f.value(i).Kind() != value.Bool && !f.unknown(i) || i == 0 && (op == "!" || op == "?" || op == "condition") {
			wrong = i
			break
		}
	}
	what := map[string]string{
		"!": "! turns true and false round", "?": "what stands before ? has to be true or false", "condition": "a condition has to be true or false",
	}[op]
	if what == "" {
		what = op + " takes true and false on both sides"
	}
	if wrong < 0 {
		return what + ": compare what stands there with something", -1
	}
	name, remedy := f.written(wrong), ""
	switch missing := f.missing(wrong); {
	case op == "!" && missing:
		remedy = "empty(" + name + "), or " + name + " != true where true or false is sent"
	case op == "!":
		remedy = "empty(" + name + ")"
	case missing:
		remedy = name + " == true, or !empty(" + name + ") where no true or false is sent"
	case f.value(wrong).Kind() == value.Bool:
		remedy = name + " == true"
	default:
		remedy = "!empty(" + name + ")"
	}
	return what + "; " + f.is(wrong) + ": write " + remedy, wrong
}

// refusal is a refused argument in words.
func (f *failure) refusal(r *refused) string {
	if r.arg >= len(f.at.operands) || r.arg >= len(f.values) {
		return r.Error()
	}
	text := r.takes + "; " + f.is(r.arg)
	switch {
	case r.within:
		text = r.takes + "; in " + f.written(r.arg) + " there is " + value.Preview(r.v)
	case f.missing(r.arg):
		return text + ": ask for " + f.written(r.arg) + " != null before"
	}
	if r.remedy == "" {
		return text
	}
	return text + ": " + strings.ReplaceAll(r.remedy, "%s", f.written(r.arg))
}

// sign is the remedy for what has no sign.
func (f *failure) sign() string {
	if v := f.value(0); v.Kind() == value.String && !v.Secret() && !numeric(v) {
		return f.noNumber(0)
	}
	return "write -decimal(" + f.written(0) + ")"
}

// number is the remedy for an operand that has to be a number.
func (f *failure) number(i int, remedy string) string {
	if f.missing(i) {
		return f.guard(i)
	}
	return remedy
}

// guard is the remedy for an operand that is missing.
func (f *failure) guard(i int) string { return "ask for " + f.written(i) + " != null before" }

func (f *failure) both() string { return f.is(0) + " and " + f.is(1) }

// is says what an operand is.
func (f *failure) is(i int) string {
	g, name := given{unknown: true}, f.written(i)
	if i < len(f.values) {
		g = f.values[i]
	}
	switch {
	case g.unknown:
		return name + " is something else"
	case i < len(f.at.operands) && f.at.operands[i].literal && g.as == "":
		switch k := g.v.Kind(); k {
		case value.Null:
			return "null is nothing"
		default:
			return name + " is a " + k.String()
		}
	case g.either:
		return name + " is null or missing"
	case g.as == "" && g.v == nil:
		return name + " is missing"
	}
	return name + " is " + g.String()
}

// written is an operand as the rule has it.
func (f *failure) written(i int) string {
	if i >= len(f.at.operands) {
		return "it"
	}
	return f.at.source(f.at.operands[i].span)
}

func (f *failure) value(i int) *value.Node {
	if i >= len(f.values) {
		return nil
	}
	return f.values[i].v
}

func (f *failure) unknown(i int) bool { return i >= len(f.values) || f.values[i].unknown }

// special reports an operand that JSON does not have.
func (f *failure) special(i int) bool { return f.unknown(i) || f.values[i].as != "" }

func (f *failure) missing(i int) bool { return !f.special(i) && f.value(i).IsNull() }
