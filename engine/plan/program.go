package plan

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Program is a compiled destination. It never changes after Compile, so it may
// be shared, and swapped for another, at any time.
type Program struct {
	Name    string
	Aliases []string
	Doc     string
	Config  *schema.Schema            // nil: any config
	Events  map[string]*schema.Schema // by event type; nil: any event

	Headers   []Field
	Routes    []*Route
	Auth      []*Auth
	Hosts     map[string]*Host
	Portals   []*Portal
	Lookups   map[string]*Lookup
	Requests  map[string]*Request
	Mappings  map[string]*Mapping
	Functions []FunctionDoc
	Delivery  Delivery
	Learning  []*Lookup // those that learn, by name

	Slots []Slot  // every name that an expression can read
	Rules []*Rule // every named rule, in the order of the files
	Typed []Typed // what every expression gives, where Options.Explain asks for it
}

// Typed tells what an expression gives, as far as it is known at load.
type Typed struct {
	Span source.Span
	Text string
	Type string
	Why  string // why nothing is known of it, or of a part
}

// SlotKind tells how a name gets its value.
type SlotKind uint8

// The kinds of name.
const (
	InputSlot    SlotKind = iota // the whole event
	FieldSlot                    // one field of the event
	ConfigSlot                   // the destination's config
	NowSlot                      // the time of the run, RFC 3339
	LetSlot                      // a named value, computed on demand
	ObjectSlot                   // an object, built on demand
	TableSlot                    // the chosen row of a table
	PortalSlot                   // data about the account
	AskSlot                      // the answer to a question
	VariableSlot                 // set by the construct that is being evaluated
)

// Slot is one name that expressions read. Slots are numbered by their index in
// Program.Slots; different names of different files may be equal.
type Slot struct {
	Kind   SlotKind
	Name   string
	Let    *Let
	Object *Object
	Table  *Table
	Ask    *Ask
	Portal int // index in Program.Portals

	// Static values depend on config and portal data alone, so one computation
	// serves all events of a connection.
	Static bool
}

// Expr is an expression with its place.
type Expr struct {
	*expression.Program
	node   *source.Node
	offset int // where the expression starts in the node's text
}

// Span returns the place of the bytes [from, to) of the expression.
func (e *Expr) Span(from, to int) source.Span { return e.node.At(e.offset+from, e.offset+to) }

// Value is a list of alternatives; the first that gives a value wins. A single
// alternative gives what it gives, also null.
type Value []*Expr

// Let is a named value.
type Let struct {
	*Rule
	Value Value
}

// Template is a value with computed parts. Exactly one of the fields is set; a
// template of none gives null.
type Template struct {
	Constant *value.Node
	Expr     *Expr
	Text     []Part
	Fields   []Field
	Items    []*Template
	kind     templateKind
}

type templateKind uint8

const (
	constantTemplate templateKind = iota
	exprTemplate
	textTemplate
	objectTemplate
	listTemplate
)

// IsObject tells a template of members, whose Fields may be empty, from others.
func (t *Template) IsObject() bool { return t.kind == objectTemplate }

// IsList tells a template of elements, whose Items may be empty, from others.
func (t *Template) IsList() bool { return t.kind == listTemplate }

// Field is a member of a template.
type Field struct {
	Name  string
	Value *Template
}

// Part is a piece of text: literal, or computed.
type Part struct {
	Literal string
	Expr    *Expr
	Rules   bool // in URLs: comes from a table, so it is inserted as it is
}

// Route is one entry of the list that decides where an event goes: To, Reject
// or Filter.
type Route struct {
	*Rule
	When   *Expr
	To     *Mapping
	Reject *Reject
	Filter *Template
}

// Reject is a condition that rejects an event.
type Reject struct {
	*Rule
	When    *Expr
	Code    string
	Status  int
	Message *Template
	At      string
}

// Filter is a condition that drops an event on purpose.
type Filter struct {
	*Rule
	When   *Expr
	Reason *Template
}

// Need is a path that has to be present.
type Need struct {
	*Rule
	Path *Expr
}

// Mapping says how one kind of event becomes items to send.
type Mapping struct {
	*Rule
	Name string
	Doc  string

	Deprecated string // why it should not be used any more; "" if it may

	Needs  []Need
	Reject []*Reject
	Early  []*Reject // those of Reject that depend on no answer
	Filter []*Filter
	Asks   []*Ask // those that depend on no other first
	Sends  []*Send
}

// Ask is a question to a lookup.
type Ask struct {
	*Rule
	Name   string
	Lookup *Lookup
	With   []Field
	Key    Value
	When   *Expr
	Level  int // 1, or 2 where it depends on another ask
	Slot   int
}

// Send is an entry of `send`: a request, or the alternatives of a choose.
type Send struct {
	*Rule
	When    *Expr
	Needs   []Need
	Request *Request
	Array   int         // index in Request.Arrays
	With    []*Template // in the order of Request.Args
	Each    *Expr
	Item    *Template
	Choose  []*Send

	// Fixed: address, headers, bounds and the parameters that are not of an item are
	// the same for all events.
	Fixed bool
}

// Object builds an object, or a list of objects.
type Object struct {
	*Rule
	Name   string
	Under  []*Expr
	Set    []*SetLine
	Rest   *Rest
	Each   *Expr
	As     *Expr
	Value  *Expr
	When   *Expr
	Reject []*Reject
	Type   Value
	Nulls  Nulls
	Types  *Types

	// TypeFixed: the type follows from the target (and config and portal data).
	TypeFixed bool

	Targets map[string]*SetLine // Set by target
	Read    map[string]bool     // keys below the roots that a set line reads
}

// IsList reports whether the object is a list of objects.
func (o *Object) IsList() bool { return o.Each != nil && o.As == nil }

// Nulls says what stands for a null or empty source.
type Nulls struct {
	Value *Template // nil: left out
	Keep  bool      // it is sent as it is
}

// SetLine fills one target of an object.
type SetLine struct {
	*Rule
	Target  *value.Node // text
	Sources []Source
	Value   *Expr
	Default *value.Node
	When    *Expr
	Type    *Expr
	KeepAny bool
	Nulls   *Nulls
	Nested  *Object

	key      *source.Node
	fallback *source.Node // of Default
}

// Source is where a value may come from: a path below the object's roots, or an expression.
type Source struct {
	Path expression.Path
	Expr *Expr
	Any  bool // lists and objects fit: it is an object of the rules
	node *source.Node
}

// Rest is the rule for the keys that no set line has read.
type Rest struct {
	*Rule
	When   *Expr
	Of     Value
	Except map[string]bool
	Again  bool // also the keys that set lines read
	As     *Expr
	Keep   *Expr
	Warn   string
	Left   *Rule // the place behind a warning that a key is left out

	// Refreshed is what Keep reads, directly or through names that follow from it, of
	// portal data that is fetched again where it lacks a target.
	Refreshed []*Portal

	// KeyOnly: target, keep and type follow from the key (and config and portal
	// data) alone, so they are computed once for each distinct key.
	KeyOnly bool
}

// Types is a table of conversions.
type Types struct {
	Rows map[string]*TypeRow
	Else *TypeRow
}

// Row returns the conversion for a type, nil if values stay as they are.
func (t *Types) Row(name string) *TypeRow {
	if t == nil {
		return nil
	}
	if r := t.Rows[name]; r != nil {
		return r
	}
	return t.Else
}

// TypeRow converts the values of one type.
type TypeRow struct {
	*Rule
	Name      string
	Value     *Expr
	When      *Expr
	Reject    string
	MaxLength int // characters of a converted text; 0: no bound
	WarnWhen  *Expr
	Warn      string
	Doubt     *Rule // the place behind a warning

	// Text: the value is converted by text(value) and nothing else, which leaves
	// texts as they are.
	Text bool
}

// Overlong says of a converted text that has more characters than the row
// allows how many they are; it is empty for all other values.
func (r *TypeRow) Overlong(v *value.Node) string {
	if r.MaxLength == 0 || v.Kind() != value.String || len(v.Text()) <= r.MaxLength {
		return ""
	}
	if n := utf8.RuneCountInString(v.Text()); n > r.MaxLength {
		return fmt.Sprintf("it has %d characters, at most %d are allowed", n, r.MaxLength)
	}
	return ""
}

// Table is a table of constants, of which one row is chosen.
type Table struct {
	*Rule
	Name   string
	By     *Expr
	Absent string
	Rows   *value.Node // object of rows

	Deprecated map[string]string // rows that should not be chosen any more: why
}

// Host is a host that requests may go to.
type Host struct {
	*Rule
	Name   string
	Base   string    // fixed address, without a trailing slash
	URL    *Template // or: address from the config
	Within string
}

// Auth is a way to prove who sends a request.
type Auth struct {
	*Rule
	Name string

	Deprecated string // why it should not be used any more; "" if it may

	When     *Expr
	Needs    []Need
	Headers  []Field
	Params   []Field
	User     *Template // basic authentication, with Password
	Password *Template
}

// Portal is data about the account.
type Portal struct {
	*Rule
	Name          string
	Doc           string
	Request       *HTTP
	Answer        []PortalAnswer
	TTL           time.Duration
	RefreshOnMiss bool
	Outdated      *Expr // of an answer to any request: the data is out of date
	Failure       []Failure
	Limits        []*Limit
	Builtin       []byte // JSON, nil if there is none
	Item          *schema.Schema
	Slot          int
}

// PortalAnswer is one form that the data can have.
type PortalAnswer struct {
	When   *Expr
	Value  *Expr
	Extend bool
}

// HTTP is a request that a host makes to answer a question.
type HTTP struct {
	Method  string
	Host    *Host
	URL     *Template
	Headers []Field
	Params  []Field
	Body    *Template
}

// Lookup is a question that mappings may ask.
type Lookup struct {
	*Rule
	Name      string
	Doc       string
	Args      []string
	MaxKeys   int  // in one request; 0: no bound is known
	Fold      bool // keys are compared in lower case
	PerSecond int
	Request   *HTTP
	Keyed     bool  // the request names the keys, so each needs another one
	Pages     *Expr // nil: the answer is one page
	Answer    *Expr
	Matches   *Expr // nil: all items answer the one key
	Gives     *Expr // nil: the item itself
	Value     *Expr // in place of Answer, Matches, Gives and Pages
	Item      *schema.Schema
	Host      bool // answered by the host's own means
	Learn     *Learn
	Limits    []*Limit
	TTL       time.Duration
	Failure   []Failure

	// Compared is what Matches compares the key with: an item for which none of it
	// holds does not match. nil: nothing is known.
	Compared []expression.Comparison
}

// usualKeys is how many keys go into one request where the rules do not say.
const usualKeys = 100

// MostKeys is how many keys one request takes: as many as there are, where it does
// not name them.
func (l *Lookup) MostKeys() int {
	switch {
	case !l.Keyed:
		return math.MaxInt
	case l.MaxKeys == 0:
		return usualKeys
	}
	return l.MaxKeys
}

// Lists reports whether an answer is a list of what each item gives.
func (l *Lookup) Lists() bool { return !l.Host && l.Value == nil }

// Failure says what a failed request of a lookup or for portal data means for the
// events that need its answer.
type Failure struct {
	When    *Expr
	Do      string // empty, reject, retry, refresh-credentials
	After   time.Duration
	AfterOf *Expr
	Because *Template
}

// Request says how items travel.
type Request struct {
	*Rule
	Name       string
	Doc        string
	Method     string
	Host       *Host
	URL        *Template
	Args       []string
	ArgSlots   []int
	Headers    *Template
	Params     *Template
	Auth       []*Auth
	Encode     string // json, form, xml, text
	Envelope   *Template
	Single     bool  // the envelope is made of one item
	UsesItem   bool  // something of it is made of items
	Max        *Expr // nil: no bound
	Arrays     []Array
	MaxBytes   int
	TraceField string
	TraceWhen  *Expr
	Same       *Expr
	Duplicates string
	Answers    []*Answer
	Limits     []*Limit

	Portals    []int // what Envelope, Params and Same read of Program.Portals
	SharedArgs []int // of Args: those that the envelope or parameters of many items read

	// fixed: address, headers, bounds and the parameters that are not of an item follow
	// from config, portal data and the arguments targetArgs alone.
	fixed      bool
	targetArgs []int
}

// Merges reports whether items that are the same become one.
func (r *Request) Merges() bool {
	return r.Same != nil && r.Duplicates != "" && r.Duplicates != "keep"
}

// Array is one of several lists that the items of a request are told apart by.
type Array struct {
	Name string
	Max  *Expr // nil: no bound of its own
}

// Answer is a rule on what an answer means for a record.
type Answer struct {
	*Rule
	When    *Expr
	Do      string
	After   time.Duration
	AfterOf *Expr
	Because *Template
}

// FunctionDoc describes a function written in rules.
type FunctionDoc struct {
	Name string
	Args []string
	Doc  string
}

// FoldKey writes a key the way the lookup compares keys.
func (l *Lookup) FoldKey(key string) string {
	if l.Fold {
		return function.Lower(key)
	}
	return key
}
