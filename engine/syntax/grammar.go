package syntax

// The kinds of rule file, as their header names them: `celmap: destination/v1`.
const (
	DestinationKind = "destination/v1"
	FragmentKind    = "fragment/v1"
	MappingKind     = "mapping/v1"
	OverlayKind     = "overlay/v1"
	FixtureKind     = "fixture/v1" // read by the golden runner
)

// Kinds lists the kinds of file that a mapping folder may hold.
var Kinds = []string{DestinationKind, FragmentKind, MappingKind, OverlayKind, FixtureKind}

var (
	when = Key{Name: "when", Type: expression, Doc: "Condition; without it the entry always applies."}
	doc  = Key{Name: "doc", Type: text, Doc: "What it is for, for readers."}

	deprecated = Key{Name: "deprecated", Type: text, Doc: "Why it should not be used any more, and what to use instead. Who uses it gets this as a warning."}
)

// FileShape returns the grammar of a kind of file, nil if there is no such kind.
func FileShape(kind string) *Shape {
	switch kind {
	case DestinationKind:
		return destination
	case FragmentKind:
		return fragment
	case MappingKind:
		return mapping
	case OverlayKind:
		return overlay
	}
	return nil
}

func header(kind string) []Key {
	return []Key{
		{Name: "celmap", Type: oneOf{[]string{kind}}, Doc: "Kind and version of this file.", Required: true},
		{Name: "name", Type: name, Doc: "Name by which other files refer to it.", Required: true},
		doc,
	}
}

var destination = &Shape{
	Name: "destination",
	Doc:  "A destination: what it is configured with, which events go where, and how its API is spoken to.",
	Keys: append(header(DestinationKind), []Key{
		{Name: "aliases", Type: names, Doc: "Other names that hosts may use for it."},
		{Name: "config", Type: file, Doc: "JSON Schema of the destination's config; marks secrets."},
		{Name: "events", Type: name, Doc: "Set of event schemas: rudderstack, or a folder with TYPE.schema.json files."},
		{Name: "hosts", Type: mapOf{either{scalar: text, mapping: host}, "host"}, Doc: "The only hosts that requests may go to.", Required: true},
		{Name: "headers", Type: mapOf{template, "header"}, Doc: "Headers of every request."},
		{Name: "routes", Type: listOf{route}, Doc: "Which events go where; the first that applies.", Required: true},
		{Name: "let", Type: lets, Doc: "Named values, for all mappings."},
		{Name: "tables", Type: mapOf{table, "table"}, Doc: "Tables of constants, read by a key."},
		{Name: "auth", Type: listOf{auth}, Doc: "How requests prove who sends them; the first that applies."},
		{Name: "portal", Type: mapOf{portal, "portal data"}, Doc: "What is known of the account before any event is mapped."},
		{Name: "lookups", Type: mapOf{lookup, "lookup"}, Doc: "What mappings may ask, one key an event."},
		{Name: "requests", Type: mapOf{request, "request"}, Doc: "The requests that mappings may send.", Required: true},
		{Name: "answers", Type: mapOf{listOf{answer}, "list of answer rules"}, Doc: "What the API's answers mean."},
		{Name: "functions", Type: functions, Doc: "Functions in CEL; they see their arguments only."},
		{Name: "types", Type: types, Doc: "Conversions for objects that have none of their own."},
		{Name: "delivery", Type: delivery, Doc: "What a host has to know that delivers the requests itself, as celmap send does."},
		{Name: "deprecated", Type: listOf{outdated}, Doc: "Addresses and parameters of the API that rules should not use any more."},
	}...),
}

var delivery = &Shape{
	Name: "delivery",
	Doc:  "What a host has to know that delivers the requests itself.",
	Keys: []Key{
		{Name: "order", Type: mapOf{alternatives, "key"}, Doc: "Values that say whom an event is about: events that have one in common are applied one after the other. All that are not empty count, each under its name; userId and anonymousId unless written."},
		{Name: "config", Type: mapOf{constant, "setting"}, Doc: "Settings that hold where the host delivers itself and the config does not say otherwise."},
		{Name: "limits", Type: mapOf{limit, "limit"}, Doc: "How many requests the API takes, by a name of your choice; requests, lookups and portal data name those that they count for under limits."},
	},
	Any: [][]string{{"order", "config", "limits"}},
}

var limit = &Shape{
	Name: "limit",
	Doc:  "How many requests the API takes in a time.",
	Keys: []Key{
		doc,
		{Name: "per", Type: duration, Doc: "The time, such as 10s or 24h.", Required: true},
		{Name: "max", Type: either{scalar: integer, mapping: mapOf{integer, "tier"}}, Doc: "Requests in that time, at most: a number, or one for each tier that the API sells. Unless the operator names a tier, the first holds until an answer says more.", Required: true},
		{Name: "says", Type: &Shape{
			Name: "says",
			Keys: []Key{
				{Name: "max", Type: expression, Doc: "Requests that the API takes in that time."},
				{Name: "left", Type: expression, Doc: "Requests that it takes until the time is over."},
				{Name: "reset", Type: expression, Doc: "When it takes all of them again: a time span from now, such as 10s."},
				{Name: "reached", Type: expression, Doc: "Whether this answer is a refusal, because of this limit."},
			},
			Any: [][]string{{"max", "left", "reset", "reached"}},
		}, Doc: "What an answer of the API says of the limit; from status, headers and body. What gives null is not said."},
	},
}

var learn = &Shape{
	Name: "learn",
	Doc:  "What the host remembers of an event, for those that come later.",
	Keys: []Key{
		when,
		{Name: "keys", Type: alternatives, Doc: "Under what it is remembered: all that are not empty, each by itself.", Required: true},
		{Name: "value", Type: alternatives, Doc: "What is remembered, a single value; of a list the first with a value. Where it is empty, nothing is.", Required: true},
	},
}

var outdated = &Shape{
	Name: "outdated part of the API",
	Doc:  "An address or a parameter that requests should not use any more. Those that are marked deprecated themselves may.",
	Keys: []Key{
		{Name: "url", Type: text, Doc: "Addresses, with the host; * stands for any characters, ? for one."},
		{Name: "param", Type: name, Doc: "A query parameter."},
		{Name: "because", Type: text, Doc: "Why, and what to use instead.", Required: true},
	},
	Any: [][]string{{"url", "param"}},
}

var fragment = &Shape{
	Name: "fragment",
	Doc:  "Objects, types and functions that several mappings share.",
	Keys: append(header(FragmentKind), []Key{
		deprecated,
		{Name: "let", Type: lets, Doc: "Named values, private to this file."},
		{Name: "objects", Type: objects, Doc: "Objects that mappings may use."},
		{Name: "types", Type: types, Doc: "How the values of these objects are converted."},
		{Name: "functions", Type: functions, Doc: "Functions in CEL; they see their arguments only."},
	}...),
}

var mapping = &Shape{
	Name: "mapping",
	Doc:  "How one kind of event becomes items to send.",
	Keys: append(header(MappingKind), []Key{
		deprecated,
		{Name: "use", Type: names, Doc: "Fragments whose objects this mapping uses."},
		{Name: "needs", Type: listOf{expression}, Doc: "Paths that have to be present, or the event is rejected."},
		{Name: "let", Type: lets, Doc: "Named values, computed once where they are used."},
		{Name: "objects", Type: objects, Doc: "Objects built from the event."},
		{Name: "types", Type: types, Doc: "How the values of these objects are converted."},
		{Name: "ask", Type: mapOf{ask, "answer"}, Doc: "What is looked up for the event."},
		{Name: "reject", Type: mapOf{reject, "rejection"}, Doc: "Conditions that reject the event; the first that applies."},
		{Name: "filter", Type: mapOf{filter, "filter"}, Doc: "Conditions that drop the event on purpose; the first that applies."},
		{Name: "send", Type: listOf{sendEntry}, Doc: "What is sent: all entries that apply, in this order."},
		{Name: "functions", Type: functions, Doc: "Functions in CEL; they see their arguments only."},
	}...),
	Any: [][]string{{"send", "reject", "filter"}},
}

var overlay = &Shape{
	Name: "overlay",
	Doc:  "A team's changes to a base destination: named rules added, replaced, removed or moved.",
	Keys: append(header(OverlayKind), []Key{
		{Name: "base", Type: name, Doc: "The destination that is changed.", Required: true},
		{Name: "changes", Type: listOf{change}, Doc: "The changes, applied in this order.", Required: true},
	}...),
}

var change = &Shape{
	Name: "change",
	Doc:  "One change of one named rule. Exactly one of add, replace, remove and move.",
	Keys: []Key{
		{Name: "rule", Type: name, Doc: "FILE/SECTION/NAME of the rule, such as identify/reject/invalid-email.", Required: true},
		{Name: "add", Type: template, Doc: "A rule that the base does not have."},
		{Name: "replace", Type: template, Doc: "What stands in the rule's place from now on."},
		{Name: "remove", Type: boolean, Doc: "true removes the rule."},
		{Name: "move", Type: boolean, Doc: "true moves the entry of a list before or after another."},
		{Name: "digest", Type: text, Doc: "Digest of the rule that is replaced or removed, as printed by celmap check."},
		{Name: "before", Type: name, Doc: "The entry of a list before which it stands."},
		{Name: "after", Type: name, Doc: "The entry of a list after which it stands."},
		doc,
	},
	Any: [][]string{{"add", "replace", "remove", "move"}},
}

var host = &Shape{
	Name: "host",
	Doc:  "A host whose address comes from the config.",
	Keys: []Key{
		{Name: "url", Type: template, Doc: "Address, with ${config.…} in it.", Required: true},
		{Name: "within", Type: text, Doc: "Where it may lie: a host, *.example.com, or any.", Required: true},
	},
}

var route = &Shape{
	Name: "route",
	Doc:  "One way that an event can go: to a mapping, rejected, or filtered.",
	Keys: []Key{
		{Name: "name", Type: name, Doc: "Name of the route; the mapping's name or the code unless written."},
		when,
		{Name: "to", Type: name, Doc: "The mapping that takes the event."},
		{Name: "reject", Type: &Shape{
			Name: "reject", Doc: "Rejects the event.",
			Keys: []Key{
				{Name: "code", Type: name, Doc: "Stable code of the rejection.", Required: true},
				{Name: "message", Type: template, Doc: "What is wrong and what to do.", Required: true},
				{Name: "status", Type: integer, Doc: "HTTP status that the sender sees; 400 unless written."},
				{Name: "at", Type: text, Doc: "Path in the event that it is about."},
			},
		}, Doc: "Rejects the event."},
		{Name: "filter", Type: template, Doc: "Drops the event on purpose; the text is the reason."},
		doc, deprecated,
	},
	Any: [][]string{{"to", "reject", "filter"}},
}

var (
	lets      = mapOf{alternatives, "value"}
	functions = mapOf{function, "function"}
	objects   = mapOf{objectShape, "object"}
	types     = mapOf{either{scalar: expression, mapping: typeRow}, "type"}
	members   = either{scalar: computed, mapping: mapOf{template, "member"}}
)

var function = &Shape{
	Name: "function",
	Keys: []Key{
		doc,
		{Name: "args", Type: names, Doc: "Names of the arguments.", Required: true},
		{Name: "value", Type: expression, Doc: "The result; sees the arguments only.", Required: true},
	},
}

var table = &Shape{
	Name: "table",
	Doc:  "Rows of constants; the name of the table stands for the row that is chosen.",
	Keys: []Key{
		doc,
		{Name: "by", Type: expression, Doc: "Chooses the row.", Required: true},
		{Name: "absent", Type: name, Doc: "The row that is taken where `by` gives nothing; an unknown row always rejects."},
		{Name: "rows", Type: mapOf{constant, "row"}, Doc: "The rows.", Required: true},
		{Name: "deprecated", Type: mapOf{text, "row"}, Doc: "Rows that should not be chosen any more: why, and what to choose instead. Settings that choose one get this as a warning."},
	},
}

var auth = &Shape{
	Name: "auth",
	Doc:  "One way to prove who sends a request.",
	Keys: []Key{
		{Name: "name", Type: name, Doc: "Name of the way.", Required: true},
		doc, deprecated, when,
		{Name: "needs", Type: listOf{expression}, Doc: "Paths that have to be present, or the event is rejected."},
		{Name: "headers", Type: mapOf{template, "header"}, Doc: "Headers that it adds."},
		{Name: "params", Type: mapOf{template, "parameter"}, Doc: "Query parameters that it adds."},
		{Name: "basic", Type: &Shape{Name: "basic", Doc: "HTTP basic authentication.", Keys: []Key{
			{Name: "user", Type: template, Doc: "User name.", Required: true},
			{Name: "password", Type: template, Doc: "Password.", Required: true},
		}}, Doc: "HTTP basic authentication."},
	},
}

var lookupRequest = &Shape{
	Name: "lookup request",
	Keys: []Key{
		{Name: "method", Type: oneOf{[]string{"GET", "POST"}}, Doc: "HTTP method.", Required: true},
		{Name: "host", Type: name, Doc: "One of `hosts`.", Required: true},
		{Name: "url", Type: template, Doc: "Path below the host.", Required: true},
		{Name: "headers", Type: mapOf{template, "header"}, Doc: "Headers."},
		{Name: "params", Type: mapOf{template, "parameter"}, Doc: "Query parameters."},
		{Name: "body", Type: template, Doc: "Body, as JSON."},
	},
}

var portal = &Shape{
	Name: "portal data",
	Doc:  "Data about the account; its name stands for the data.",
	Keys: []Key{
		doc,
		{Name: "request", Type: lookupRequest, Doc: "How the host fetches it."},
		{Name: "answer", Type: either{scalar: expression, list: listOf{&Shape{
			Name: "portal answer",
			Keys: []Key{
				when,
				{Name: "value", Type: expression, Doc: "The data, from body.", Required: true},
				{Name: "extend", Type: boolean, Doc: "true adds to the built-in data instead of replacing it."},
			},
		}}}, Doc: "What of the answer's body is the data; of a list the first that applies."},
		{Name: "item", Type: file, Doc: "JSON Schema of one element of the data."},
		{Name: "ttl", Type: duration, Doc: "How long the data may be kept."},
		{Name: "refreshOnMiss", Type: boolean, Doc: "Fetch again when an event names something that the data lacks."},
		{Name: "outdated", Type: expression, Doc: "Whether an answer of the API, to any request, shows that the data is out of date; from status, body and headers."},
		{Name: "failure", Type: failures("portal failure", "reject", "retry", "refresh-credentials"), Doc: "What a refused or broken request means; the first that applies."},
		{Name: "limits", Type: either{scalar: name, list: names}, Doc: "The limits of delivery that its request counts for."},
		{Name: "builtin", Type: file, Doc: "Data that is used where none is given; in the form of the answer's body."},
	},
}

// failures are rules on a request of the host that was refused or broke.
func failures(name string, do ...string) Type {
	return listOf{&Shape{
		Name: name,
		Keys: []Key{
			when,
			{Name: "do", Type: oneOf{do}, Doc: "What becomes of the events that need the answer.", Required: true},
			{Name: "after", Type: expression, Doc: "How long the API is not asked again: a time span such as 10s, or an expression."},
			{Name: "because", Type: template, Doc: "Message of the rejection."},
		},
	}}
}

var lookup = &Shape{
	Name: "lookup",
	Doc:  "A question that mappings may ask, with one key an event. The host asks for many events at once.",
	Keys: []Key{
		doc, deprecated,
		{Name: "args", Type: names, Doc: "Arguments that an ask gives besides its key."},
		{Name: "keys", Type: &Shape{Name: "keys", Keys: []Key{
			{Name: "max", Type: integer, Doc: "Keys in one request, at most."},
			{Name: "fold", Type: oneOf{[]string{"lower"}}, Doc: "lower: keys are compared in lower case."},
		}}, Doc: "How keys are gathered."},
		{Name: "rate", Type: &Shape{Name: "rate", Keys: []Key{
			{Name: "perSecond", Type: integer, Doc: "Requests a second, at most.", Required: true},
		}}, Doc: "How fast the API may be asked."},
		{Name: "request", Type: lookupRequest, Doc: "The request, from keys, page and the arguments."},
		{Name: "pages", Type: expression, Doc: "What the answer says of its next page, which the next request gets as page; null or empty after the last."},
		{Name: "answer", Type: expression, Doc: "The list of items in the answer's body."},
		{Name: "matches", Type: expression, Doc: "Whether an item answers a key."},
		{Name: "gives", Type: expression, Doc: "What an item gives to the event."},
		{Name: "value", Type: expression, Doc: "What the body as a whole gives to the event that asked, in place of answer, matches, gives and pages; for one key a request (keys: {max: 1})."},
		{Name: "item", Type: file, Doc: "JSON Schema of one element of the answer."},
		{Name: "host", Type: boolean, Doc: "true: the host answers by its own means."},
		{Name: "learn", Type: learn, Doc: "With host: true, what the host remembers of events, and answers with."},
		{Name: "limits", Type: either{scalar: name, list: names}, Doc: "The limits of delivery that its requests count for."},
		{Name: "ttl", Type: duration, Doc: "How long an answer may be kept."},
		{Name: "failure", Type: failures("failure", "empty", "reject", "retry", "refresh-credentials"), Doc: "What a refused or broken request means; the first that applies."},
	},
	Any: [][]string{{"request", "host"}},
}

var request = &Shape{
	Name: "request",
	Doc:  "A request: how the items that mappings make travel.",
	Keys: []Key{
		doc, deprecated,
		{Name: "method", Type: oneOf{[]string{"GET", "POST", "PUT", "PATCH", "DELETE"}}, Doc: "HTTP method.", Required: true},
		{Name: "host", Type: name, Doc: "One of `hosts`.", Required: true},
		{Name: "url", Type: template, Doc: "Path below the host; ${…} in it is escaped, except values of tables.", Required: true},
		{Name: "args", Type: names, Doc: "Names that senders give under `with`."},
		{Name: "headers", Type: members, Doc: "Headers of this request: a mapping, or =expression that gives an object."},
		{Name: "params", Type: members, Doc: "Query parameters: a mapping, or =expression that gives an object."},
		{Name: "auth", Type: either{list: names, scalar: oneOf{[]string{"none"}}}, Doc: "Which entries of `auth` it may use; all unless written, none for none."},
		{Name: "encode", Type: oneOf{[]string{"json", "form", "xml", "text"}}, Doc: "How the envelope is written; json unless written."},
		{Name: "envelope", Type: template, Doc: "The body, from item (one a request) or items (many)."},
		{Name: "max", Type: either{scalar: expression}, Doc: "Items in one request, at most: a number or an expression."},
		{Name: "arrays", Type: mapOf{&Shape{
			Name: "array",
			Keys: []Key{
				doc,
				{Name: "max", Type: either{scalar: expression}, Doc: "Items of this array in one request, at most: a number or an expression."},
			},
		}, "array"}, Doc: "Arrays that the items of one request are told apart by; items.NAME is the list of one."},
		{Name: "maxBytes", Type: integer, Doc: "Bytes of a body, at most."},
		{Name: "trace", Type: either{scalar: name, mapping: &Shape{
			Name: "trace",
			Keys: []Key{
				{Name: "field", Type: name, Doc: "Field of an item.", Required: true}, when,
			},
		}}, Doc: "Field in which the engine writes the item's identity, by which the answer names it; index where the API names positions."},
		{Name: "same", Type: expression, Doc: "Items with equal values are the same; null is never the same."},
		{Name: "duplicates", Type: oneOf{[]string{"merge", "replace", "union", "keep"}}, Doc: "What becomes of items that are the same."},
		{Name: "limits", Type: either{scalar: name, list: names}, Doc: "The limits of delivery that it counts for."},
		{Name: "answers", Type: either{scalar: name, list: names}, Doc: "Rules for its answers; of several lists the first rule that applies."},
	},
}

var answer = &Shape{
	Name: "answer rule",
	Doc:  "What an answer means for a record.",
	Keys: []Key{
		{Name: "name", Type: name, Doc: "Name of the rule.", Required: true},
		doc, when,
		{Name: "do", Type: oneOf{[]string{"done", "done-with-warning", "retry", "retry-alone", "give-up", "pause-destination", "refresh-credentials"}}, Doc: "What happens to the record.", Required: true},
		{Name: "after", Type: expression, Doc: "How long to wait before the retry: a time span such as 10s, or an expression."},
		{Name: "because", Type: template, Doc: "The reason that is reported."},
	},
}

var ask = &Shape{
	Name: "ask",
	Doc:  "A question about the event; its name is the answer.",
	Keys: []Key{
		doc,
		{Name: "lookup", Type: name, Doc: "One of the destination's lookups.", Required: true},
		{Name: "with", Type: mapOf{template, "argument"}, Doc: "Arguments of the lookup."},
		{Name: "key", Type: alternatives, Doc: "What is looked up.", Required: true},
		when,
	},
}

var reject = &Shape{
	Name: "rejection",
	Keys: []Key{
		doc, when,
		{Name: "message", Type: template, Doc: "What is wrong and what to do.", Required: true},
		{Name: "code", Type: name, Doc: "Stable code; the name with _ for - unless written."},
		{Name: "status", Type: integer, Doc: "HTTP status that the sender sees; 400 unless written."},
		{Name: "at", Type: text, Doc: "Path in the event that it is about."},
	},
}

var filter = &Shape{
	Name: "filter",
	Keys: []Key{
		doc, when,
		{Name: "reason", Type: template, Doc: "Why it is dropped.", Required: true},
	},
}

var sendKeys = []Key{
	{Name: "name", Type: name, Doc: "Name of the entry."},
	doc, deprecated, when,
	{Name: "needs", Type: listOf{expression}, Doc: "Paths that have to be present where it applies, or the event is rejected."},
	{Name: "request", Type: name, Doc: "One of the destination's requests."},
	{Name: "array", Type: name, Doc: "The array of the request that the item goes to, where the request has several."},
	{Name: "with", Type: mapOf{template, "argument"}, Doc: "Arguments of the request."},
	{Name: "each", Type: expression, Doc: "One item for each element; value, key and index stand for it."},
	{Name: "item", Type: template, Doc: "The item."},
}

var sendEntry = &Shape{
	Name: "send entry",
	Keys: append(sendKeys, Key{Name: "choose", Type: listOf{&Shape{Name: "alternative", Keys: sendKeys, Any: [][]string{{"request"}}}}, Doc: "Of these the first that applies."}),
	Any:  [][]string{{"request", "choose"}},
}

var objectShape = &Shape{
	Name: "object",
	Doc:  "An object, or with each and without as a list of objects, built from the event.",
	Keys: []Key{
		doc,
		{Name: "under", Type: listOf{expression}, Doc: "Roots of the paths below: all sources under the first, then under the next."},
		{Name: "set", Type: mapOf{either{scalar: path, list: listOf{path}, mapping: setLine}, "target"}, Doc: "Target: where its value comes from; the first source that fits."},
		{Name: "rest", Type: rest, Doc: "One rule for every other key."},
		{Name: "each", Type: expression, Doc: "The list or object whose elements are walked; value, key and index stand for them."},
		{Name: "as", Type: expression, Doc: "With each: the target of an element."},
		{Name: "value", Type: expression, Doc: "With each and as: the value of an element."},
		{Name: "when", Type: expression, Doc: "With each: whether the element is taken. Without: whether there is an object at all."},
		{Name: "reject", Type: mapOf{reject, "rejection"}, Doc: "With each: conditions on an element that reject the event."},
		{Name: "type", Type: either{scalar: expression, list: listOf{expression}}, Doc: "Name of the row of types that converts a value, from target."},
		{Name: "nulls", Type: template, Doc: "What stands for a trait that is null or empty: a constant, drop (leave it out, unless written) or keep (send it as it is)."},
	},
	Any: [][]string{{"set", "rest", "each"}},
}

var rest = &Shape{
	Name: "rest",
	Doc:  "What becomes of every key that no set line reads.",
	Keys: []Key{
		doc, when,
		{Name: "of", Type: alternatives, Doc: "The object whose keys are walked: the first with members; the first of under unless written."},
		{Name: "except", Type: names, Doc: "Keys that are left out without a warning."},
		{Name: "again", Type: boolean, Doc: "true walks the keys that set lines read, too, for receivers that know some of them by their own names."},
		{Name: "as", Type: expression, Doc: "The target, from key."},
		{Name: "keep", Type: expression, Doc: "Whether it is sent, from key, target and value."},
		{Name: "warn", Type: text, Doc: "Warning for what is left out; without it nothing is said."},
	},
}

var typeRow = &Shape{
	Name: "type",
	Keys: []Key{
		doc,
		{Name: "value", Type: expression, Doc: "The converted value, from value.", Required: true},
		{Name: "when", Type: expression, Doc: "Whether the value is acceptable; false rejects the event."},
		{Name: "maxLength", Type: integer, Doc: "Characters of a converted text, at most; a longer one rejects the event."},
		{Name: "reject", Type: text, Doc: "Why it is not acceptable."},
		{Name: "warn", Type: &Shape{Name: "warn", Keys: []Key{
			{Name: "when", Type: expression, Doc: "Condition, from value.", Required: true},
			{Name: "message", Type: text, Doc: "The warning.", Required: true},
		}}, Doc: "A doubt about the value, which is sent all the same."},
	},
}

// setLine is the long form of a line under set. It nests, so its keys follow.
var setLine = &Shape{
	Name: "set line",
	Any:  [][]string{{"from", "value", "default", "set", "rest", "each"}},
}

func init() {
	setLine.Keys = []Key{
		{Name: "from", Type: sources, Doc: "Sources; the first that fits."},
		{Name: "value", Type: expression, Doc: "What becomes of the source, which is value."},
		{Name: "default", Type: constant, Doc: "Value where no source fits."},
		{Name: "type", Type: expression, Doc: "Name of the row of types that converts it."},
		{Name: "keep", Type: oneOf{[]string{"any", "scalar"}}, Doc: "any: lists and objects fit too."},
		{Name: "nulls", Type: template, Doc: "What stands for a null source here."},
		doc, when,
		{Name: "under", Type: listOf{expression}, Doc: "Nested object: roots of its paths."},
		{Name: "set", Type: mapOf{either{scalar: path, list: listOf{path}, mapping: setLine}, "target"}, Doc: "Nested object: its targets."},
		{Name: "rest", Type: rest, Doc: "Nested object: every other key."},
		{Name: "each", Type: expression, Doc: "Nested list: one object an element."},
		{Name: "as", Type: expression, Doc: "With each: the target of an element."},
		{Name: "reject", Type: mapOf{reject, "rejection"}, Doc: "With each: conditions on an element that reject the event."},
	}
}
