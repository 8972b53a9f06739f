package expression

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
)

// forms are the forms of what is no function of the table.
var forms = map[string]string{
	"first": "first(list, e, condition)", "has": "has(traits.email)", "size": "size(x)",
	"exists": "list.exists(e, condition)", "all": "list.all(e, condition)", "exists_one": "list.exists_one(e, condition)",
	"filter": "list.filter(e, condition)", "map": "list.map(e, value)", "sortBy": "list.sortBy(e, value)",
	"transformMap": "object.transformMap(k, v, value)", "transformList": "object.transformList(k, v, value)",
	"transformMapEntry": "list.transformMapEntry(i, v, {key: value})",
}

// synonyms are functions of other languages, in lower case and without _: what
// is written here instead. {0} and so on are what the author wrote as arguments.
var synonyms = collect([][2]string{
	{"size({0})", "len length count strlen charlength cardinality"},
	{"lower({0})", "tolowercase lowercase lcase tolower downcase strtolower casefold"},
	{"upper({0})", "touppercase uppercase ucase toupper upcase strtoupper"},
	{"trim({0})", "strip ltrim rtrim lstrip rstrip trimstart trimend chomp squish"},
	{"text({0})", "tostring str tochar totext asstring stringvalue"},
	{"json({0})", "stringify tojson jsonencode jsonstringify todictionary dumps"},
	{"parseJSON({0})", "jsonparse jsondecode fromjson loads readjson"},
	{"decimal({0})", "parseint toint tonumber number parsefloat float tofloat todouble numeric parsedouble integer asnumber todecimal num parsenumber cint"},
	{"boolean({0})", "tobool toboolean parsebool asboolean"},
	{"empty({0})", "isempty isblank blank isnullorempty"},
	{"!empty({0})", "isnotempty notempty isnotblank ispresent nonempty"},
	{"{0} == null", "isnull isnil isnone isundefined ismissing isabsent"},
	{"{0} != null", "isnotnull notnull isset isdefined defined present exist isnotnil"},
	{"{0} != null ? {0} : {1}", "coalesce default ifnull nvl firstnonnull firstnotnull orelse ifempty getordefault ordefault orvalue fallback isnulldefault"},
	{"{0} == {1} ? null : {0}", "nullif"},
	{"{0} ? {1} : {2}", "if iif ifelse choose cond ternary"},
	{"{0} && {1}", "and"},
	{"{0} || {1}", "or"},
	{"!{0}", "not"},
	{"{0} == {1}", "equals eq isequal equal"},
	{joined, "concat concatenate strcat"},
	{"{0} + {1}", "append push addall"},
	{"{0}.contains({1})", "includes contain instring strcontains hassubstring containstext"},
	{"{0}.startsWith({1})", "beginswith hasprefix startwith"},
	{"{0}.endsWith({1})", "hassuffix endwith"},
	{"{0}.matches({1})", "test regexp regexmatch match ismatch matchesregex regexlike rlike regextest"},
	{"{0}.indexOf({1})", "strpos charindex instr find position"},
	{"regexReplace({0}, {1}, {2})", "replaceall gsub regexreplaceall replaceregex pregreplace"},
	{"{0}.replace({1}, {2})", "replace strreplace substitute"},
	{"slice({0}, {1}, {2})", "substr mid sublist"},
	{"slice({0}, 0, {1})", "left take truncate head limit"},
	{"slice({0}, -{1})", "right tail"},
	{"{0}[size({0}) - 1]", "last lastelement"},
	{"split({0}, {1})", "explode tokenize"},
	{"joinText({0}, {1})", "implode arrayjoin joinstrings stringjoin"},
	{"now", "currenttimestamp getdate sysdate utcnow currenttime gettime"},
	{"slice(now, 0, 10)", "today currentdate curdate"},
	{"instant({0})", "date todate parsedate todatetime strtotime toiso8601 toisostring datetime parsetime isodate totimestamp fromiso"},
	{"epoch({0})", "unix unixtimestamp timestampms toepoch tounix unixtime valueof"},
	{"formatTime({0}, {1})", "dateformat formatdate strftime formatdatetime todatestring datestring"},
	{"kind({0})", "typeof type instanceof gettype classof"},
	{`kind({0}) == "text"`, "isstring istext"},
	{`kind({0}) == "number"`, "isnumber isnumeric isint isinteger isfloat"},
	{`kind({0}) == "list"`, "isarray islist"},
	{`kind({0}) == "object"`, "isobject ismap isdict"},
	{`kind({0}) == "boolean"`, "isboolean isbool"},
	{"{1} in {0}", "haskey containskey hasownproperty hasproperty"},
	{"{0} in {1}", "inarray isin oneof"},
	{"math.least({*})", "min minimum least"},
	{"math.greatest({*})", "max maximum greatest"},
	{"math.abs({0})", "abs absolute"},
	{"math.ceil({0})", "ceil ceiling roundup"},
	{"math.floor({0})", "floor rounddown"},
	{"round({0}, {1})", "tofixed fixed rounded"},
	{"sum({0}) / size({0})", "avg average mean"},
	{"{0}.map(e, …)", "foreach each collect pluck select flatmap"},
	{"{0}.exists(e, …)", "some any anymatch"},
	{"{0}.all(e, …)", "every allmatch"},
	{"{0}.filter(e, …)", "where findall reject"},
	{"first({0}, e, …)", "firstwhere detect findfirst"},
	{"{0}.distinct()", "unique uniq dedupe dedup distinctvalues"},
	{"{0}.reverse()", "reverse reversed"},
	{"{0}.sort()", "sorted sort orderby asort"},
	{"entries({0}).map(e, e.value)", "values objectvalues"},
	{"keys({0})", "objectkeys getkeys"},
	{"merge({0}, {1})", "assign extend mergeobjects combine union mergedeep"},
	{"omit({0}, {1})", "without exclude removekeys except delete"},
	{"pick({0}, {1})", "only selectkeys include"},
	{"sha256({0})", "hash sha hashsha256 sha2"},
	{"base64({0})", "base64encode btoa tobase64 encodebase64"},
	{"uuidFrom({0})", "uuid guid newid uuidv4 randomuuid"},
	{"upper(slice({0}, 0, 1)) + slice({0}, 1)", "capitalize titlecase propercase initcap ucfirst"},
	{"indexBy({0}, {1})", "keyby tomap associateby"},
})

func collect(table [][2]string) map[string]string {
	out := map[string]string{}
	for _, row := range table {
		for name := range strings.FieldsSeq(row[1]) {
			out[name] = row[0]
		}
	}
	return out
}

// explained are functions of other languages that need none here, and why.
var explained = map[string]string{
	"format":             `put texts together with +, such as "Order " + text(x); write numbers with round(x, places), times with formatTime(x, "%Y-%m-%d")`,
	"sprintf":            `put texts together with +, such as "Order " + text(x); write numbers with round(x, places), times with formatTime(x, "%Y-%m-%d")`,
	"urlencode":          "none is needed: what stands in ${…} of a URL is escaped",
	"encodeuricomponent": "none is needed: what stands in ${…} of a URL is escaped",
	"encodeuri":          "none is needed: what stands in ${…} of a URL is escaped",
	"lookup":             "what has to be looked up is asked for under ask, and a table is read by its name",
	"vlookup":            "what has to be looked up is asked for under ask, and a table is read by its name",
	"env":                "settings come from config, such as config.token",
	"getenv":             "settings come from config, such as config.token",
	"print":              "nothing can be printed; celmap map --format text shows what comes out",
	"reduce":             "write sum(list) for a sum, or first(list, e, …) for one element",
	"fold":               "write sum(list) for a sum, or first(list, e, …) for one element",
	"random":             "rules give the same for the same event; uuidFrom(messageId) makes an id of it",
}

// foldedName is the name of a function without the ways of spelling it.
func foldedName(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	return name[strings.LastIndexByte(name, '.')+1:]
}

// libraries are what other languages write before their functions.
var libraries = map[string]bool{"Math": true, "JSON": true, "Object": true, "Array": true, "Date": true, "String": true, "Number": true, "Boolean": true, "_": true, "moment": true, "dayjs": true, "strings": true, "math": true, "util": true, "datetime": true, "re": true, "json": true}

// foreignFunction returns the call as it is written here, "" if the name is
// that of no function of another language.
func (c *compiler) foreignFunction(e ast.Expr, name string, args []ast.Expr) string {
	name = foldedName(name)
	if len(args) > 0 && e.AsCall().IsMemberFunction() && args[0].Kind() == ast.IdentKind && libraries[args[0].AsIdent()] {
		args = args[1:]
	}
	if len(args) == 0 && (name == "date" || name == "datetime" || name == "newdate") {
		return "now"
	}
	form := synonyms[name]
	if form == "" {
		return ""
	}
	args = c.laidOut(name, args)
	if len(args) > 0 {
		if all := c.chain(e, form, args); all != "" {
			return shown(all, placeholders.Replace(synonyms[name]))
		}
	}
	if strings.Contains(form, ".contains(") && len(args) == 2 && args[0].Kind() == ast.ListKind {
		form = "{1} in {0}"
	}
	places := strings.Count(form, "{")
	for i := range 3 {
		if strings.Contains(form, fmt.Sprintf("{%d}", i)) {
			places = i + 1
		}
	}
	for i, placeholder := range []string{"{0}", "{1}", "{2}"} {
		written := []string{"x", "y", "z"}[i]
		if i < len(args) {
			written = c.textOf(args[i])
			if text, ok := literalOf(args[i]).(types.String); ok && i == 1 && strings.HasPrefix(form, "formatTime(") {
				written = written[:1] + layoutOf(string(text)) + written[:1]
			}
			if k := args[i].Kind(); k == ast.CallKind && !strings.HasSuffix(written, ")") && !strings.HasSuffix(written, "]") && !strings.HasPrefix(form, placeholder+")") {
				if !strings.Contains(form, "("+placeholder) && !strings.Contains(form, ", "+placeholder) {
					written = "(" + written + ")"
				}
			}
		} else if i == 2 && strings.HasPrefix(form, "slice(") {
			form = strings.Replace(form, ", {2}", "", 1)
		}
		form = strings.ReplaceAll(form, placeholder, written)
	}
	if form = strings.Replace(form, "{*}", c.listed(args), 1); strings.Contains(synonyms[name], "{*}") || strings.Contains(form, "…") {
		places = len(args)
	}
	for _, x := range args[min(places, len(args)):] {
		form += "; " + c.textOf(x) + " has no place there"
	}
	return shown(form, placeholders.Replace(synonyms[name]))
}

// listed returns what was written for arguments.
func (c *compiler) listed(args []ast.Expr) string {
	all := make([]string, len(args))
	for i, x := range args {
		all[i] = c.textOf(x)
	}
	return strings.Join(all, ", ")
}

// joined is the form of texts put together: it takes any number of arguments,
// and what is missing among them.
const joined = `joinText([{*}], "")`

var placeholders = strings.NewReplacer("{0}", "x", "{1}", "y", "{2}", "z", "{*}", "x, y")

// chain writes forms that take any number of arguments, "" for others.
func (c *compiler) chain(e ast.Expr, form string, args []ast.Expr) string {
	all := make([]string, len(args))
	for i, x := range args {
		if all[i] = c.textOf(x); x.Kind() == ast.CallKind && !strings.HasSuffix(all[i], ")") && !strings.HasSuffix(all[i], "]") && form != joined {
			all[i] = "(" + all[i] + ")"
		}
	}
	switch form {
	case joined:
		if e.AsCall().IsMemberFunction() && len(all) > 1 {
			return strings.Join(all, " + ")
		}
		between := ""
		for i := 1; i < len(args); i += 2 {
			if s, ok := literalOf(args[i]).(types.String); !ok || len(args)%2 == 0 || i > 1 && c.textOf(args[i]) != between || s == "" {
				return "joinText([" + strings.Join(all, ", ") + `], "")`
			}
			between = c.textOf(args[i])
		}
		if between == "" {
			return "text(" + all[0] + ")"
		}
		var parts []string
		for i := 0; i < len(all); i += 2 {
			parts = append(parts, all[i])
		}
		return "joinText([" + strings.Join(parts, ", ") + "], " + between + ")"
	case "{0} && {1}", "{0} || {1}", "{0} + {1}":
		if len(all) > 2 {
			return strings.Join(all, form[3:len(form)-3])
		}
	case "{0} in {1}":
		if len(all) > 2 || len(all) == 2 && literalOf(args[1]) != nil {
			return all[0] + " in [" + strings.Join(all[1:], ", ") + "]"
		}
	case "{0} != null ? {0} : {1}":
		if len(all) > 2 {
			out := ""
			for _, x := range all[:len(all)-1] {
				out += x + " != null ? " + x + " : "
			}
			return out + all[len(all)-1]
		}
	case "{0} ? {1} : {2}":
		switch {
		case len(all) == 2:
			return all[0] + " ? " + all[1] + " : null"
		case len(all) > 3: // a condition and a value in turns
			out := ""
			for i := 0; i+1 < len(all); i += 2 {
				out += all[i] + " ? " + all[i+1] + " : "
			}
			if len(all)%2 == 0 {
				return out + "null"
			}
			return out + all[len(all)-1]
		}
	}
	return ""
}

// laidOut returns arguments of formatTime in its order.
func (c *compiler) laidOut(name string, args []ast.Expr) []ast.Expr {
	if synonyms[name] != "formatTime({0}, {1})" || len(args) != 2 {
		return args
	}
	if _, text := literalOf(args[0]).(types.String); text && literalOf(args[1]) == nil {
		return []ast.Expr{args[1], args[0]}
	}
	return args
}

var (
	layoutWord  = regexp.MustCompile(`[A-Za-z]+`)
	layoutWords = map[string]string{"YYYY": "%Y", "yyyy": "%Y", "MM": "%m", "DD": "%d", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "SSS": "%L", "T": "T", "Z": "Z",
		"YYYYMMDD": "%Y%m%d", "yyyyMMdd": "%Y%m%d", "DDTHH": "%dT%H", "ddTHH": "%dT%H", "ssZ": "%SZ", "SSSZ": "%LZ"}
)

// layoutOf turns DD.MM.YYYY into %d.%m.%Y, and what formatTime has nothing for
// into a layout that it takes.
func layoutOf(layout string) string {
	if strings.Contains(layout, "%") {
		return layout
	}
	if !strings.Contains(layout, "MM") && !strings.Contains(layout, "mm:") && !strings.Contains(layout, ":mm") {
		layout = strings.ReplaceAll(layout, "mm", "MM")
	}
	layout = layoutWord.ReplaceAllStringFunc(strings.ReplaceAll(layout, "'", ""), func(word string) string {
		with := layoutWords[word]
		if with == "" {
			return "?"
		}
		return with
	})
	if !strings.Contains(layout, "%") || strings.Contains(layout, "?") {
		return "%Y-%m-%d"
	}
	return layout
}
