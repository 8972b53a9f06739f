package expression

import (
	"strings"

	"github.com/google/cel-go/common/ast"
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
	{"{0} + {1}", "concat concatenate append push strcat addall"},
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
	{"{1} in {0}", "haskey containskey hasownproperty hasproperty inarray isin oneof"},
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
	"jsonparse":          "a text with JSON in it cannot be taken apart here",
	"parsejson":          "a text with JSON in it cannot be taken apart here",
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
	var all []string
	for i, placeholder := range []string{"{0}", "{1}", "{2}"} {
		written := []string{"x", "y", "z"}[i]
		if i < len(args) {
			written = c.textOf(args[i])
			all = append(all, written)
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
	form = strings.Replace(form, "{*}", strings.Join(all, ", "), 1)
	return shown(form, strings.NewReplacer("{0}", "x", "{1}", "y", "{2}", "z", "{*}", "x, y").Replace(synonyms[name]))
}
