package schema

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// keyword compiles one member m of the schema n into r.
func (c *compiler) keyword(r *rule, at place, n, m *value.Node) {
	name := m.Key()
	at = at.key(name)
	compile, known := keywords[name]
	switch {
	case !known && strings.HasPrefix(name, "x-"):
	case !known:
		message := fmt.Sprintf("unknown keyword %q", name)
		if near := nearest(name, slices.Collect(maps.Keys(keywords))); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		} else {
			message += ": remove it, or begin its name with x- if it is an annotation of your own"
		}
		c.reportKey(at, message)
	case compile == nil:
	case name != "$ref" && !standsBesideRef[name] && n.Get("$ref") != nil:
		c.reportKey(at, fmt.Sprintf("draft-07 ignores %q beside $ref: put both into allOf, or remove one", name))
	default:
		compile(c, r, at, m)
	}
}

type keyword func(c *compiler, r *rule, at place, m *value.Node)

// keywords are all that a schema may hold; nil for annotations.
var keywords map[string]keyword

// standsBesideRef are the keywords with a meaning of their own beside a $ref.
var standsBesideRef = map[string]bool{"definitions": true, "secret": true, "$id": true}

func init() { // the table refers to itself through compiler.rule
	keywords = map[string]keyword{
		"$schema": nil, "$comment": nil, "title": nil, "description": nil, "default": nil,
		"examples": nil, "readOnly": nil, "writeOnly": nil,

		"$id":         compileID,
		"$ref":        compileRef,
		"definitions": func(c *compiler, _ *rule, at place, m *value.Node) { c.eachRule(at, m, nil) },
		"secret":      compileSecret,

		"type":   compileType,
		"enum":   compileEnum,
		"const":  func(_ *compiler, r *rule, _ place, m *value.Node) { r.equal = append(r.equal, []*value.Node{m}) },
		"format": compileFormat,

		"minLength": count(func(r *rule) *int { return &r.forText().min }),
		"maxLength": count(func(r *rule) *int { return &r.forText().max }),
		"pattern": func(c *compiler, r *rule, at place, m *value.Node) {
			r.forText().pattern = c.pattern(at, m.Text())
		},

		"multipleOf":       number(func(r *rule) **value.Node { return &r.forNumber().multiple }),
		"minimum":          number(func(r *rule) **value.Node { return &r.forNumber().min }),
		"maximum":          number(func(r *rule) **value.Node { return &r.forNumber().max }),
		"exclusiveMinimum": number(func(r *rule) **value.Node { return &r.forNumber().above }),
		"exclusiveMaximum": number(func(r *rule) **value.Node { return &r.forNumber().below }),

		"items":           compileItems,
		"additionalItems": one(func(r *rule) **rule { return &r.forList().more }),
		"contains":        one(func(r *rule) **rule { return &r.forList().contains }),
		"minItems":        count(func(r *rule) *int { return &r.forList().min }),
		"maxItems":        count(func(r *rule) *int { return &r.forList().max }),
		"uniqueItems":     func(_ *compiler, r *rule, _ place, m *value.Node) { r.forList().unique = m.Bool() },

		"properties":           compileProperties,
		"required":             compileRequired,
		"patternProperties":    compilePatterns,
		"additionalProperties": one(func(r *rule) **rule { return &r.forObject().rest }),
		"propertyNames":        one(func(r *rule) **rule { return &r.forObject().names }),
		"dependencies":         compileDependencies,
		"minProperties":        count(func(r *rule) *int { return &r.forObject().min }),
		"maxProperties":        count(func(r *rule) *int { return &r.forObject().max }),

		"allOf": several(func(r *rule) *[]*rule { return &r.all }),
		"anyOf": several(func(r *rule) *[]*rule { return &r.any }),
		"oneOf": several(func(r *rule) *[]*rule { return &r.one }),
		"not":   one(func(r *rule) **rule { return &r.not }),
		"if":    one(func(r *rule) **rule { return &r.when }),
		"then":  one(func(r *rule) **rule { return &r.then }),
		"else":  one(func(r *rule) **rule { return &r.or }),
	}
}

func (r *rule) forText() *textRule {
	if r.text == nil {
		r.text = &textRule{max: -1}
	}
	return r.text
}

func (r *rule) forNumber() *numberRule {
	if r.number == nil {
		r.number = &numberRule{}
	}
	return r.number
}

func (r *rule) forList() *listRule {
	if r.list == nil {
		r.list = &listRule{max: -1}
	}
	return r.list
}

func (r *rule) forObject() *objectRule {
	if r.object == nil {
		r.object = &objectRule{max: -1}
	}
	return r.object
}

// one compiles a keyword that holds a schema.
func one(field func(*rule) **rule) keyword {
	return func(c *compiler, r *rule, at place, m *value.Node) { *field(r) = c.rule(at, m) }
}

// several compiles a keyword that holds a list of schemas.
func several(field func(*rule) *[]*rule) keyword {
	return func(c *compiler, r *rule, at place, m *value.Node) { *field(r) = c.listed(at, m) }
}

func (c *compiler) listed(at place, m *value.Node) (all []*rule) {
	i := 0
	for x := m.First(); x != nil; x = x.Next() {
		all = append(all, c.rule(at.index(i), x))
		i++
	}
	return all
}

func (c *compiler) eachRule(at place, m *value.Node, visit func(name string, r *rule)) {
	for x := m.First(); x != nil; x = x.Next() {
		if r := c.rule(at.key(x.Key()), x); visit != nil {
			visit(x.Key(), r)
		}
	}
}

// count compiles a keyword that holds a size.
func count(field func(*rule) *int) keyword {
	return func(c *compiler, r *rule, at place, m *value.Node) {
		d, ok := parseDecimal(m.Text())
		for ; ok && d.exponent > 0 && d.digits <= maxCount; d.exponent-- {
			d.digits *= 10
		}
		if !ok || d.digits > maxCount {
			c.report(at, fmt.Sprintf("%s is too large: at most %d", value.Preview(m), maxCount))
			return
		}
		*field(r) = int(d.digits)
	}
}

// number compiles a keyword that holds a number.
func number(field func(*rule) **value.Node) keyword {
	return func(_ *compiler, r *rule, _ place, m *value.Node) { *field(r) = m }
}

// pattern compiles a regular expression; where it cannot, the answer is never used.
func (c *compiler) pattern(at place, text string) *regexp.Regexp {
	p, err := regexp.Compile(text)
	if err != nil {
		c.report(at, fmt.Sprintf("pattern %q: %s: patterns are written in RE2 syntax, which has no look-around and no back references", text, err))
	}
	return p
}

func compileID(c *compiler, _ *rule, at place, m *value.Node) {
	if at.pointer != "/$id" {
		c.report(at, "$id below the top would change what references mean: remove it, and refer by JSON pointer")
	}
}

func compileRef(c *compiler, r *rule, at place, m *value.Node) {
	c.refs = append(c.refs, reference{r, at, m.Text()})
}

func compileSecret(c *compiler, r *rule, at place, m *value.Node) {
	if m.Kind() != value.Bool {
		c.report(at, fmt.Sprintf("found %s, expected true or false: secret says whether the value must never be shown", value.Preview(m)))
	}
	r.secret = m.Bool()
}

func compileType(_ *compiler, r *rule, _ place, m *value.Node) {
	r.types = kindsByName[m.Text()]
	for x := m.First(); x != nil; x = x.Next() {
		r.types |= kindsByName[x.Text()]
	}
}

func compileEnum(_ *compiler, r *rule, _ place, m *value.Node) {
	var set []*value.Node
	for x := m.First(); x != nil; x = x.Next() {
		set = append(set, x)
	}
	r.equal = append(r.equal, set)
}

func compileFormat(c *compiler, r *rule, at place, m *value.Node) {
	if r.format = formats[m.Text()]; r.format != nil {
		return
	}
	names := slices.Sorted(maps.Keys(formats))
	message := fmt.Sprintf("unknown format %q", m.Text())
	if near := nearest(m.Text(), names); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	c.report(at, message+" (known are "+strings.Join(names, ", ")+")")
}

func compileItems(c *compiler, r *rule, at place, m *value.Node) {
	if m.Kind() != value.List {
		r.forList().each = c.rule(at, m)
		return
	}
	r.forList().tuple, r.list.isTuple = c.listed(at, m), true
}

func compileProperties(c *compiler, r *rule, at place, m *value.Node) {
	c.eachRule(at, m, func(name string, x *rule) {
		r.forObject().declared = append(r.object.declared, member{name: name, rule: x})
	})
}

func compileRequired(_ *compiler, r *rule, _ place, m *value.Node) {
	for x := m.First(); x != nil; x = x.Next() {
		r.forObject().required = append(r.object.required, x.Text())
	}
}

func compilePatterns(c *compiler, r *rule, at place, m *value.Node) {
	c.eachRule(at, m, func(name string, x *rule) {
		r.forObject().patterns = append(r.object.patterns, patternRule{c.pattern(at.key(name), name), x})
	})
}

func compileDependencies(c *compiler, r *rule, at place, m *value.Node) {
	for x := m.First(); x != nil; x = x.Next() {
		d := dependency{key: x.Key()}
		if x.Kind() == value.List {
			for y := x.First(); y != nil; y = y.Next() {
				d.others = append(d.others, y.Text())
			}
		} else {
			d.rule = c.rule(at.key(x.Key()), x)
		}
		r.forObject().needs = append(r.object.needs, d)
	}
}

// finish builds the table of members, once properties and required are known.
func (o *objectRule) finish() {
	entries := slices.Clone(o.declared)
	for _, name := range o.required {
		i := slices.IndexFunc(entries, func(e member) bool { return e.name == name })
		if i < 0 {
			i = len(entries)
			entries = append(entries, member{name: name})
		}
		entries[i].required = true
	}
	if entries != nil {
		o.members = newMembers(entries)
	}
}
