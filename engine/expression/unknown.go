package expression

import (
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"

	"github.com/celmap/celmap/engine/source"
)

// Fields is what a Scope may also know: where a field stands that is looked for
// without what is before it.
type Fields interface {
	// Where returns the paths at which a field of that name, or one spelt much
	// like it, is known.
	Where(name string) []string
}

// Outside is what a Scope may also know: names that are known elsewhere.
type Outside interface {
	// OfEvent reports whether a name is a field of the event, or computed from it,
	// and therefore not known here.
	OfEvent(name string) bool
}

// foreignNames are names of other languages.
var foreignNames = map[string]string{
	"True": "true", "TRUE": "true", "yes": "true", "Yes": "true", "YES": "true", "on": "true",
	"False": "false", "FALSE": "false", "no": "false", "No": "false", "NO": "false", "off": "false",
	"None": "null", "nil": "null", "NULL": "null", "Null": "null", "undefined": "null", "nothing": "null", "none": "null", "Nil": "null",
	"NaN": "null", "Infinity": "a number", "this": "value", "self": "value", "today": "slice(now, 0, 10)", "NOW": "now", "Now": "now", "current_date": "slice(now, 0, 10)",
}

func (c *compiler) unknownName(e ast.Expr, name string) {
	if strings.HasPrefix(name, ".") {
		at := c.span(e)
		point := strings.LastIndexByte(c.text[:at.to], '.')
		c.problem(point, point+1, "bad-path", "a path does not begin with a point", "remove it")
		return
	}
	if p := c.slipOfName(e, name); p != nil {
		c.problems = append(c.problems, *p)
		return
	}
	names := append(slices.Clone(c.locals), c.scope.Names()...)
	help := source.Choices(name, names)
	if len(c.scope.Names()) == 0 && len(c.locals) > 0 {
		help = "a function sees its arguments only: " + strings.Join(c.locals, ", ")
	}
	if o, ok := c.scope.(Outside); ok && len(c.scope.Names()) > 0 && o.OfEvent(name) {
		has := func(name string) bool { return slices.Contains(names, name) }
		if help = "what is of the event is not known here; " + help; has("item") && !has("key") && !has("status") { // of a request, not of an answer
			help = "what is of the event comes in the item, or under with; " + source.Choices(name, names)
		}
	}
	if _, ok := c.scope.Slot("input"); ok {
		help = "write input." + name + " for a field of the event that its schema does not name"
	}
	if f, ok := c.scope.(Fields); ok {
		if paths := f.Where(name); len(paths) > 0 {
			help = "did you mean " + paths[0] + "?"
		}
	}
	if near := source.Suggest(name, names); near != "" {
		help = "did you mean " + near + "?"
	}
	if c.standsAlone(e) {
		help = `write "` + name + `" if the text is meant; else ` + help
	}
	c.at(e, "unknown-name", "nothing here is called "+name, help)
}

// slipOfName finds what was meant by a name that nothing has: a word of another
// language, a part of a key with a hyphen, a function, a comment.
func (c *compiler) slipOfName(e ast.Expr, name string) *Problem {
	at := c.span(e)
	list, problem := pieces(c.text)
	m := &misreading{text: c.text, scope: c.scope, list: list, broken: problem}
	i := slices.IndexFunc(list, func(p piece) bool { return p.kind == wordPiece && p.from == at.from })
	if i < 0 {
		return nil
	}
	if m.is(i+1, ":") && (m.is(i-1, "{") || m.is(i-1, ",")) {
		return m.here(i, "bad-key", "nothing here is called "+name+"; the key of an object is a text", `put it in quotes: "`+name+`"`)
	}
	if p := m.hyphenated(i); p != nil {
		return p
	}
	if means := foreignNames[name]; means != "" {
		message, help := name+" is written as "+means+" here", m.remedy(i, i, means)
		if means == "null" {
			message = "what is missing is called null here, not " + name
		}
		if means == "value" || means == "a number" {
			message, help = "nothing here is called "+name, "write "+means
		}
		return m.here(i, "unknown-name", message, help)
	}
	if c.scope.Function(name) != nil || c.scope.Builtin(name) != nil {
		return m.here(i, "unknown-name", name+" is a function, and works on what stands in brackets", "write "+name+"(…)")
	}
	return nil
}

// hyphenated explains traits.first-name, of which piece i is the last part.
func (m *misreading) hyphenated(i int) *Problem {
	first, last := i, i
	for m.is(first-1, "-") && m.touches(first) && m.touches(first-1) && m.piece(first-2).kind == wordPiece {
		first -= 2
	}
	for m.is(last+1, "-") && m.touches(last+1) && m.touches(last+2) && m.piece(last+2).kind == wordPiece {
		last += 2
	}
	if first == i && (last == i || m.is(i-1, ".")) {
		return nil
	}
	key := m.span(first, last)
	owner := ""
	switch {
	case m.is(first-1, "."):
		owner, _ = m.path(first - 1)
	case m.known("input"):
		owner = "input"
	default:
		return nil
	}
	return m.wrong(m.piece(first).from, m.piece(last).to, "key-in-brackets", "without brackets "+key+" is a subtraction", "write "+owner+`["`+key+`"]`)
}

// standsAlone reports whether a name is compared as a whole, as a text would be.
func (c *compiler) standsAlone(e ast.Expr) bool {
	at := c.span(e)
	before, behind := strings.TrimRight(c.text[:at.from], " "), strings.TrimLeft(c.text[at.to:], " ")
	for _, sign := range []string{"==", "!="} {
		if strings.HasSuffix(before, sign) && (behind == "" || strings.IndexByte(")&|?:,]}", behind[0]) >= 0) {
			return true
		}
	}
	return strings.HasSuffix(before, "[") && strings.Contains(before, " in ") || strings.HasSuffix(before, ",") && strings.Contains(before, " in [")
}

// known reports whether CEL has a function of that name, and complains if not.
func (c *compiler) known(e ast.Expr, name string) bool {
	if environment().HasFunction(name) && name != "type" && name != "format" {
		return true
	}
	var help string
	_, args := c.called(e, nil)
	switch form, why := c.foreignFunction(e, name, args), explained[foldedName(name)]; {
	case why != "":
		help = why
	case form != "":
		help = "write " + form
	case forms[name] != "":
		help = "its form is " + forms[name]
	case c.isValue(name):
		help = name + " is a value and no function: write it without brackets"
	case c.scope.Builtin(name) != nil || c.scope.Function(name) != nil:
		help = "write it before what it works on: " + c.asCall(name, args)
	default:
		near := source.Suggest(name, c.functionNames())
		switch {
		case near == "":
			help = "docs/functions.md lists the functions; others can be written under functions"
		case strings.EqualFold(near, name) || forms[near] == "":
			help = "did you mean " + near + "(…)?"
		default:
			help = "did you mean " + forms[near] + "?"
		}
	}
	from, to := c.nameOf(e)
	c.problem(from, to, "unknown-function", "there is no function "+name, help)
	return false
}

func (c *compiler) isValue(name string) bool {
	_, ok := c.scope.Slot(name)
	return ok || slices.Contains(c.locals, name)
}

func (c *compiler) functionNames() []string {
	names := append(append(c.scope.Functions(), c.scope.Builtins()...), "size", "startsWith", "endsWith", "contains")
	for name := range methods {
		names = append(names, name)
	}
	for name := range forms {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nameOf is where the name of a function stands in its call.
func (c *compiler) nameOf(e ast.Expr) (from, to int) {
	s := c.span(e)
	r, ok := c.source.GetOffsetRange(e.ID())
	if !ok {
		return s.from, s.to
	}
	name := e.AsCall().FunctionName()
	end := c.offset(int(r.Start))
	if i := strings.LastIndex(c.text[s.from:min(max(end, s.from), s.to)], name); i >= 0 {
		return s.from + i, s.from + i + len(name)
	}
	return s.from, s.to
}

// asCall writes the call of a function as rules do.
func (c *compiler) asCall(name string, args []ast.Expr) string {
	texts := make([]string, len(args))
	for i, x := range args {
		texts[i] = c.textOf(x)
	}
	return shown(name+"("+strings.Join(texts, ", ")+")", name+"(…)")
}
