package value

// Limits bounds what Parse accepts, so that no event can exhaust memory or the
// stack. A field that is not positive stands for its default.
type Limits struct {
	Bytes  int // size of the event
	Depth  int // lists and objects inside each other
	Nodes  int // values of any kind, the event itself included
	Keys   int // keys of one object; where more Nodes are allowed, by default a tenth of them
	Key    int // bytes of one key, after its escapes are resolved
	String int // bytes of one text, likewise
	Number int // bytes of one number literal
}

// DefaultLimits returns the limits that hold where none are given. They are far
// above real events: 4 MiB, 64 levels, 100,000 values, 10,000 keys in an object,
// keys of 4 KiB, texts of 1 MiB, and number literals of 308 bytes.
func DefaultLimits() Limits {
	return Limits{Bytes: 4 << 20, Depth: 64, Nodes: 100_000, Keys: 10_000, Key: 4 << 10, String: 1 << 20, Number: 308}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	d.Keys = max(d.Keys, l.Nodes/10)
	for _, f := range [...]struct{ limit, fallback *int }{
		{&l.Bytes, &d.Bytes}, {&l.Depth, &d.Depth}, {&l.Nodes, &d.Nodes}, {&l.Keys, &d.Keys}, {&l.Key, &d.Key},
		{&l.String, &d.String}, {&l.Number, &d.Number},
	} {
		if *f.limit <= 0 {
			*f.limit = *f.fallback
		}
	}
	return l
}
