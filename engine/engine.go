// Package engine maps customer events to API requests with rules that are
// data: YAML files with CEL expressions, compiled once and run natively.
//
//	program, err := engine.Load(os.DirFS("mappings/crm"))   // compile, once
//	connection, err := program.Bind(engine.Settings{Config: c}) // per destination
//	batch := connection.Plan(events)                            // what has to be looked up?
//	for _, q := range batch.Questions() { … batch.Answer(q, …) }// the host answers
//	output := batch.Map()                                       // pure
//
// Mapping is a pure function of rules, config, lookups, time and event: the same
// input gives the same bytes on every run and machine. The package uses no
// clock, no random numbers, no network and no environment, and knows no
// destination.
package engine

import (
	"io/fs"
	"time"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Limits bounds what rules and events may cost. Zero fields mean the default.
type Limits struct {
	Event      value.Limits // size, depth and so on of one event
	Steps      int          // work of the rules for one event; default 100,000, about 20 ms
	CEL        uint64       // of them, for one expression that runs as CEL, with the names that it reads; default all
	BatchSteps int          // work of the rules for the events of one batch; default 100 times Steps
	Requests   int          // requests of one event; default 100
	Items      int          // items of one event; default 10,000
	Output     int          // bytes of the bodies of all requests of one event; default 64 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Steps == 0 {
		l.Steps = expression.DefaultSteps
	}
	if l.BatchSteps == 0 {
		l.BatchSteps = 100 * l.Steps
	}
	if l.Output == 0 {
		l.Output = 64 << 20
	}
	if l.Requests == 0 {
		l.Requests = 100
	}
	if l.Items == 0 {
		l.Items = 10_000
	}
	return l
}

type options struct {
	plan   plan.Options
	limits Limits
}

// Option changes how Load reads a mapping folder.
type Option func(*options)

// WithName sets what file names in messages start with, such as "mappings/crm".
func WithName(prefix string) Option { return func(o *options) { o.plan.Display = prefix } }

// WithEvents adds a set of event schemas that destinations may name under
// `events`: files TYPE.schema.json.
func WithEvents(name string, schemas fs.FS) Option {
	return func(o *options) { o.plan.Events[name] = schemas }
}

// WithBase lets overlays name their base destinations. display is what the
// base's file names start with in messages. known are names that messages propose
// where find knows none.
func WithBase(find func(name string) (folder fs.FS, display string, ok bool), known ...string) Option {
	return func(o *options) {
		o.plan.Bases = known
		o.plan.Base = func(name string) (fs.FS, string, bool) {
			base, display, ok := find(name)
			return folder{base}, display, ok
		}
	}
}

// WithPortal lets Load check the rules against data about an account, as --lookup
// of `celmap check` does; file is its name in messages. Events are mapped with what
// Settings give.
func WithPortal(name, file string, data []byte) Option {
	return func(o *options) { o.plan.Portal[name] = plan.PortalData{File: file, Data: data} }
}

// WithFunctions adds functions that rules may call. They have to be pure.
func WithFunctions(functions ...*function.Function) Option {
	return func(o *options) { o.plan.Functions = append(o.plan.Functions, functions...) }
}

// WithTypes has Load keep what every expression gives, for Program.Types.
func WithTypes() Option { return func(o *options) { o.plan.Explain = true } }

// WithLimits replaces the limits.
func WithLimits(limits Limits) Option { return func(o *options) { o.limits = limits } }

// Program is a compiled destination, immutable and safe for concurrent use. To
// change rules under load, Load a new one and Bind to it.
type Program struct {
	plan     *plan.Program
	limits   Limits
	warnings source.Diagnostics
}

// Load reads, checks and compiles a mapping folder, in which links that lead out of it are refused. All mistakes are found in
// one go; the error is source.Diagnostics, each with its place.
func Load(files fs.FS, with ...Option) (*Program, error) {
	o := options{plan: plan.Options{Events: map[string]fs.FS{}, Portal: map[string]plan.PortalData{}}}
	for _, w := range with {
		w(&o)
	}
	o.plan.Expression = expression.Options{Cost: o.limits.CEL, Steps: o.limits.Steps}
	p, found := plan.Compile(folder{files}, o.plan)
	if p == nil {
		return nil, found
	}
	return &Program{plan: p, limits: o.limits.withDefaults(), warnings: found}, nil
}

// Name returns the destination's name.
func (p *Program) Name() string { return p.plan.Name }

// Aliases returns the other names that the destination has.
func (p *Program) Aliases() []string { return p.plan.Aliases }

// Doc returns what the destination says about itself.
func (p *Program) Doc() string { return p.plan.Doc }

// Warnings returns what Load found doubtful but not wrong.
func (p *Program) Warnings() source.Diagnostics { return p.warnings }

// Typed tells what an expression gives, as far as it is known at load.
type Typed = plan.Typed

// Types tells what every expression gives, in the order of the files. It is
// empty unless Load was asked for it, see WithTypes.
func (p *Program) Types() []Typed { return p.plan.Typed }

// Rules returns every named rule, in the order of the files.
func (p *Program) Rules() []*Rule { return p.plan.Rules }

// Plan returns the compiled rules, for tools that read them.
func (p *Program) Plan() *plan.Program { return p.plan }

// ConfigSchema returns the schema of the destination's config, nil if it has none.
func (p *Program) ConfigSchema() *schema.Schema { return p.plan.Config }

// Secrets returns the texts of the values in a config (JSON) that the rules mark
// as secret, in the order of the document; none for what is no JSON.
func (p *Program) Secrets(config []byte) (secrets []string) {
	arena := value.NewArena()
	n, err := value.Parse(arena, config, p.limits.Event)
	if err != nil || p.plan.Config == nil {
		return nil
	}
	var visit func(n *value.Node)
	visit = func(n *value.Node) {
		if n.Secret() && n.IsScalar() && !n.IsEmpty() {
			secrets = append(secrets, n.Text())
		}
		for m := n.First(); m != nil; m = m.Next() {
			visit(m)
		}
	}
	visit(p.plan.Config.MarkSecrets(arena, n))
	return secrets
}

// Portals returns the names of the data about the account that Settings.Portal may give.
func (p *Program) Portals() []string {
	var out []string
	for _, d := range p.plan.Portals {
		out = append(out, d.Name)
	}
	return out
}

// Portal returns what the rules say about fetching data about the account: how
// long it may be kept (0: not at all), whether to fetch it again where it lacks
// something that an event names, and whether they say how to fetch it at all.
func (p *Program) Portal(name string) (ttl time.Duration, refreshOnMiss, fetched bool) {
	for _, d := range p.plan.Portals {
		if d.Name == name {
			return d.TTL, d.RefreshOnMiss, d.Request != nil
		}
	}
	return 0, false, false
}

// Lookups returns the names of the lookups that mappings may ask, sorted.
func (p *Program) Lookups() []string { return sortedKeys(p.plan.Lookups) }
