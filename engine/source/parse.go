package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/celmap/celmap/engine/value"
)

// What a file may be at most. Rules of a destination are a small part of it;
// more is a mistake or an attack.
const (
	MaxBytes = 1 << 20
	MaxDepth = 64
)

// Words for what both the reader of valid YAML and the search for slips find.
const (
	questionMark     = "a `?` with a blank after it begins a key in YAML"
	questionMarkHelp = "put quotes around the whole value if it is an expression"
	noKey            = "there is no key before the colon"
	noKeyHelp        = "write a key, or put quotes around the whole value"
	twoDocuments     = "a second document begins here; a file holds one"
	commaCutDetail   = "between { } and [ ] a comma ends a value"
	twoDocumentsHelp = "put it into a file of its own, or remove this line"
)

var tooDeep = fmt.Sprintf("values are nested more than %d deep", MaxDepth)

// maxFindings bounds how many findings Parse reports for one file.
const maxFindings = 50

const byteOrderMark = "\uFEFF"

func hasMark(data []byte) bool { return bytes.HasPrefix(data, []byte(byteOrderMark)) }

// Parse reads a file. The node is nil if there is any error; every span of the
// node and of the diagnostics lies inside the file. data must not change
// afterwards.
func Parse(name string, data []byte) (*Node, Diagnostics) {
	f := NewFile(name, data)
	r := &reader{file: f, cursor: cursor{file: f}, seen: map[int]bool{}}
	r.limits()
	if len(r.found) == 0 {
		r.directives()
	}
	if len(r.found) > 0 {
		return nil, r.found
	}
	root := r.document()
	if root == nil {
		return nil, r.found
	}
	n := r.node(root, 1, false)
	r.found.Sort()
	if r.found.HasErrors() {
		return nil, r.found
	}
	return n, r.found
}

type reader struct {
	file   *File
	cursor cursor
	found  Diagnostics
	seen   map[int]bool // places of refusals that a node and its first child share
	deep   bool         // too deep a value was found
}

func (r *reader) refuse(code string, from, to int, summary, detail, help string) {
	if len(r.found) < maxFindings {
		r.found.Add(Diagnostic{Code: code, Span: r.file.Span(from, to), Summary: summary, Detail: detail, Help: help})
	}
}

// limits checks what must hold before a YAML parser may see the data.
func (r *reader) limits() {
	data := r.file.Data
	if len(data) > MaxBytes {
		r.refuse("yaml-too-big", 0, 0,
			fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), MaxBytes),
			"", "split the file, or move data that is no rule out of it")
		return
	}
	for i := 0; i < len(data); {
		if c := data[i]; c < utf8.RuneSelf {
			switch {
			case c == '\r' && (i+1 == len(data) || data[i+1] != '\n'):
				r.refuse("yaml-line-break", i, i+1, "a carriage return stands alone, without a line feed", "",
					"end lines with LF or CRLF")
				return
			case c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7F:
				r.character(i, 1, rune(c))
				return
			}
			i++
			continue
		}
		c, n := utf8.DecodeRune(data[i:])
		switch {
		case c == utf8.RuneError && n == 1:
			help := "save the file as UTF-8"
			if bytes.HasPrefix(data, []byte("\xFF\xFE")) || bytes.HasPrefix(data, []byte("\xFE\xFF")) {
				help = "the file looks like UTF-16: save it as UTF-8"
			}
			r.refuse("yaml-encoding", i, i+1, fmt.Sprintf("byte 0x%02X is not valid UTF-8", data[i]), "", help)
			return
		case c == 0x85 || c == 0x2028 || c == 0x2029:
			r.refuse("yaml-line-break", i, i+n, fmt.Sprintf("the character U+%04X is a line break to some readers of YAML and none to others", c), "",
				fmt.Sprintf(`remove it, or write it in double quotes as "\u%04x"`, c))
			return
		case c != 0xFEFF && unicode.IsSpace(c) && r.shapes(i):
			r.refuse("yaml-character", i, i+n, fmt.Sprintf("the blank here is not the plain one, but U+%04X", c), "it looks the same, but YAML takes it for a letter", "delete it and type a plain blank")
			return
		case c == 0x200B || c == 0x2060 || c < 0xA0 || c == 0xFFFE || c == 0xFFFF || c == 0xFEFF && i > 0:
			r.character(i, n, c)
			return
		}
		i += n
	}
}

// shapes reports whether what stands at i gives the file its shape: it is
// part of an indentation, or follows a colon or a dash.
func (r *reader) shapes(i int) bool {
	start, before := r.file.textStart(r.file.lineOf(i)), r.file.Data[:i]
	before = bytes.TrimRight(before[start:], " \t\u00a0\u3000")
	return len(before) == 0 || i == start+len(before) && bytes.IndexByte(before, ':') == len(before)-1 && !bytes.ContainsAny(before, "\"'[{#|") || string(before) == "-"
}

func (r *reader) character(i, n int, c rune) {
	r.refuse("yaml-character", i, i+n, fmt.Sprintf("the invisible character U+%04X cannot stand in a file", c), "",
		fmt.Sprintf(`remove it, or write it in double quotes as "\u%04x"`, c))
}

// directives refuses %YAML and %TAG lines, which can only come first.
func (r *reader) directives() {
	for n := 1; n <= r.file.Lines(); n++ {
		line := r.file.Line(n)
		if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if line[0] == '%' {
			start := r.file.textStart(n)
			r.refuse("yaml-directive", start, start+len(line), fmt.Sprintf("a YAML directive (%s) is not read", quoted(line)), "", "remove the line")
		}
		return
	}
}

// document runs the YAML parser and returns the root of the only document, nil
// if there is none.
func (r *reader) document() *yaml.Node {
	text := r.file.Data
	if hasMark(text) {
		text = text[len(byteOrderMark):]
	}
	first, second, err := decode(bytes.NewReader(spaced(text)))
	switch {
	case errors.Is(err, io.EOF):
		r.refuse("yaml-empty", 0, 0, "the file is empty", "", "")
		return nil
	case err != nil:
		r.found.Add(r.explain(err))
		return nil
	case second != nil:
		at := r.cursor.offset(second.Line, second.Column)
		r.refuse("yaml-documents", at, at+len("---"), twoDocuments, "", twoDocumentsHelp)
		return nil
	}
	return first.Content[0]
}

// spaced returns data as the YAML parser takes it: JSON may be indented with
// tabs, at which the parser stumbles. Where the whole file is in brackets, white
// space at the start of a line is never content, so tabs become spaces there.
func spaced(data []byte) []byte {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' || bytes.IndexByte(data, '\t') < 0 {
		return data
	}
	data = bytes.Clone(data)
	indent := true
	for i, c := range data {
		switch {
		case c == '\n':
			indent = true
		case c == '\t' && indent:
			data[i] = ' '
		case c != ' ':
			indent = false
		}
	}
	return data
}

// decode reads the first document, and the second if there is one. io.EOF says
// that there is none at all.
func decode(in io.Reader) (first, second *yaml.Node, err error) {
	defer func() {
		// The parser is known to panic on some odd placements of comments.
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	d := yaml.NewDecoder(in)
	first, second = new(yaml.Node), new(yaml.Node)
	if err := d.Decode(first); err != nil {
		return nil, nil, err
	}
	if err := d.Decode(second); err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return first, nil, err
	}
	return first, second, nil
}

// node converts a node. flow tells whether it stands between brackets.
func (r *reader) node(y *yaml.Node, depth int, flow bool) *Node {
	start := r.cursor.offset(y.Line, y.Column)
	at := r.cursor.position(start)
	if depth > MaxDepth {
		if !r.deep {
			r.deep = true
			r.refuse("yaml-too-deep", start, start, tooDeep, "", "flatten the value")
		}
		return &Node{Span: Span{r.file, at, at}}
	}
	if r.indicated(start) {
		return &Node{Span: Span{r.file, at, at}}
	}
	flow = flow || y.Style&yaml.FlowStyle != 0
	var n *Node
	var end int
	switch y.Kind {
	case yaml.MappingNode:
		n, end = r.mapping(y, start, depth, flow)
	case yaml.SequenceNode:
		n, end = r.sequence(y, start, depth, flow)
	default:
		n, end = r.scalar(y, start, flow)
	}
	n.Span = Span{r.file, at, r.cursor.position(end)}
	return n
}

// indicated refuses tags, anchors and aliases, which begin with a character
// that nothing else begins with.
func (r *reader) indicated(start int) bool {
	c := r.byteAt(start)
	if c != '!' && c != '&' && c != '*' {
		return false
	}
	if !r.seen[start] && len(r.found) < maxFindings {
		r.seen[start] = true
		r.found.Add(r.indicator(start))
	}
	return true
}

// indicator explains a value that begins with !, & or *.
func (r *reader) indicator(start int) Diagnostic {
	end, _ := lineBounds(r.file.Data, start)
	word := r.file.Data[start:end]
	if i := bytes.IndexAny(word, " \t"); i >= 0 {
		word = word[:i]
	}
	d := Diagnostic{Span: r.file.Span(start, start+len(word))}
	switch word[0] {
	case '!':
		d.Code = "yaml-tag"
		d.Summary = fmt.Sprintf("the value begins with `!`, which makes %s a YAML tag and not a text", quoted(string(word)))
	case '&':
		d.Code = "yaml-anchor"
		d.Summary = fmt.Sprintf("the value begins with `&`, which makes %s a YAML anchor and not a text", quoted(string(word)))
	default:
		d.Code = "yaml-alias"
		d.Summary = fmt.Sprintf("the value begins with `*`, which makes %s a YAML alias and not a text", quoted(string(word)))
	}
	d.Detail = "tags, anchors and aliases are not read"
	d.Help = "if a text or an expression is meant, put quotes around the whole value"
	if all := string(r.file.Data[start:end]); !strings.ContainsAny(all, "#,]}") || strings.Contains(all, "(") && unclosed(all) == 0 && !strings.Contains(all, "#") {
		d.Help += inQuotes(all)
	}
	if word[0] != '!' {
		d.Help += "; if a value is to be used twice, write it twice or give it a name with `let`"
	}
	return d
}

func (r *reader) mapping(y *yaml.Node, start, depth int, flow bool) (n *Node, end int) {
	n = &Node{Kind: Mapping}
	own := y.Style&yaml.FlowStyle != 0
	if own && r.byteAt(start) != '{' {
		r.refuse("yaml-flow-pair", start, start, "a `: ` inside [ ] makes this list entry a mapping", "",
			"put quotes around the entry if it is a text or an expression, or { } if it is a mapping")
		return n, start
	}
	first := map[string]*Node{}
	last := start
	cut := false // by a comma in an expression: what follows it are no keys
	for i := 0; i+1 < len(y.Content); i += 2 {
		yk, yv := y.Content[i], y.Content[i+1]
		if yk.Kind != yaml.ScalarNode && yk.Kind != yaml.AliasNode {
			at := r.cursor.offset(yk.Line, yk.Column)
			r.refuse("yaml-complex-key", at, at, "a list or mapping cannot be a key", "",
				"put quotes around it if a text or an expression is meant")
			break
		}
		before := len(r.found)
		key := r.node(yk, depth+1, flow)
		rest := cut && yv.Kind == yaml.ScalarNode && yv.Value == "" && yv.Style == 0
		if len(r.found) == before && !rest {
			r.key(key, yv, own)
			if key.Text == "<<" && key.Style == Plain {
				r.refuse("yaml-merge", key.Span.Start.Offset, key.Span.End.Offset, "`<<` merges mappings in some versions of YAML; it is not read", "",
					"write the entries out, or put them into a fragment")
			}
			if earlier := first[key.Text]; earlier != nil {
				r.refuse("yaml-duplicate-key", key.Span.Start.Offset, key.Span.End.Offset,
					fmt.Sprintf("the key %s is here twice", quoted(key.Text)),
					fmt.Sprintf("it was first written in line %d", earlier.Span.Start.Line), "remove or rename one of the two")
			} else {
				first[key.Text] = key
			}
		}
		before = len(r.found)
		value := r.node(yv, depth+1, flow)
		r.plainValue(value, before)
		for _, d := range r.found[before:] {
			cut = cut || d.Code == "yaml-flow-expression"
		}
		n.Entries = append(n.Entries, Entry{Key: key, Value: value})
		last = max(last, key.Span.End.Offset, value.Span.End.Offset)
	}
	return n, r.close(start, last, own, '}')
}

// key refuses keys that are most likely a slip: without a name, or without a
// colon after them.
func (r *reader) key(key *Node, value *yaml.Node, own bool) {
	data := r.file.Data
	from, to := key.Span.Start.Offset, key.Span.End.Offset
	before := bytes.TrimRight(data[r.file.textStart(key.Span.Start.Line):from], " \t")
	if bytes.HasSuffix(before, []byte("?")) {
		mark := r.file.textStart(key.Span.Start.Line) + len(before) - 1
		r.refuse("yaml-complex-key", mark, to, questionMark, "", questionMarkHelp)
		return
	}
	if key.Style == Plain && unopened(key.Text) {
		r.refuse("yaml-quote", from, to, fmt.Sprintf("the key %s ends with a quote that is not opened", quoted(key.Text)), "", "put a quote before it, or remove the one behind it")
		return
	}
	if key.Text == "" && key.Style == Plain {
		r.refuse("yaml-empty-key", from, to, noKey, "", noKeyHelp)
		return
	}
	if own && value.Kind == yaml.ScalarNode && value.Value == "" && value.Style == 0 && r.byteAt(r.skip(to)) != ':' {
		r.flowKey(key.Text, from, to)
	}
}

// flowKey refuses a key between { } that has no value.
func (r *reader) flowKey(text string, from, to int) {
	name, value, colon := strings.Cut(text, ":")
	before := bytes.TrimRight(r.file.Data[:from], " \t\r\n")
	switch {
	case colon && name != "" && value != "" && !strings.HasPrefix(value, "/"):
		r.refuse("yaml-flow-key", from, to, fmt.Sprintf("no blank stands behind the colon of %s", quoted(text)), "YAML reads it as one word", "write "+name+": "+value)
	case bytes.HasSuffix(before, []byte("{")) && r.byteAt(r.skip(to)) == '}':
		r.refuse("yaml-flow-key", from, to, fmt.Sprintf("%s between { } has no colon and value", quoted(text)), "",
			"for an entry write a key, a colon and a value; for the value of an expression write ="+text+"; for a text put quotes around all of it")
	default:
		r.refuse("yaml-flow-key", from, to, fmt.Sprintf("%s has no value, because the comma before it or after it ends an entry of { }", quoted(text)), "",
			"put quotes around a text or an expression that contains a comma")
	}
}

func (r *reader) sequence(y *yaml.Node, start, depth int, flow bool) (n *Node, end int) {
	n = &Node{Kind: Sequence}
	last := start
	for _, item := range y.Content {
		before := len(r.found)
		v := r.node(item, depth+1, flow)
		r.plainValue(v, before)
		n.Items = append(n.Items, v)
		last = max(last, v.Span.End.Offset)
	}
	return n, r.close(start, last, y.Style&yaml.FlowStyle != 0, ']')
}

// close returns where a list or mapping ends whose last content ends at last:
// in flow style behind the bracket.
func (r *reader) close(start, last int, own bool, bracket byte) int {
	if !own {
		return last
	}
	p := last
	if p == start { // empty: behind the opening bracket
		p++
	}
	for {
		p = r.skip(p)
		switch r.byteAt(p) {
		case ',', ':':
			p++
		case bracket:
			return p + 1
		default:
			return last
		}
	}
}

// skip returns the offset of what follows white space and comments.
func (r *reader) skip(p int) int {
	data := r.file.Data
	for p < len(data) {
		switch data[p] {
		case ' ', '\t', '\r', '\n':
			p++
		case '#':
			_, p = lineBounds(data, p)
		default:
			return p
		}
	}
	return p
}

func (r *reader) byteAt(p int) byte {
	if p < len(r.file.Data) {
		return r.file.Data[p]
	}
	return 0
}

func (r *reader) scalar(y *yaml.Node, start int, flow bool) (n *Node, end int) {
	n = &Node{Kind: Scalar, Style: styleOf(y), Text: y.Value}
	end = start
	if al, ok := align(r.file.Data, start, n.Style, n.Text); ok {
		end = al.last
	}
	if n.Style == Plain && n.Text != "" {
		r.swallowed(start, end)
		r.cutShort(n.Text, start, end, flow)
	}
	return n, end
}

// swallowed refuses a plain scalar of several lines of which one begins with
// `- `: it reads like a list, but is one text.
func (r *reader) swallowed(start, end int) {
	data := r.file.Data
	for from := start; ; {
		lineEnd, next := lineBounds(data, from)
		if lineEnd >= end || next >= end {
			return
		}
		p := next + leading(data[next:end], ' ')
		if p+1 < end && data[p] == '-' && data[p+1] == ' ' {
			first := bytes.TrimLeft(data[r.file.textStart(r.file.lineOf(start)):start], " ")
			if len(first) == 0 {
				r.refuse("yaml-list", start, lineEnd, "the line does not begin with `- `, but the entries below it do", "", "begin it with `- `, or put quotes around a text that goes over several lines")
			} else {
				end, _ := lineBounds(data, p)
				r.refuse("yaml-list", p, end, fmt.Sprintf("the line begins with `- `, but goes on with the text that begins in line %d", r.file.lineOf(start)), "", "begin the list in a line of its own under its key, or put quotes around a text that goes over several lines")
			}
			return
		}
		from = next
	}
}

func styleOf(y *yaml.Node) Style {
	switch {
	case y.Style&yaml.SingleQuotedStyle != 0:
		return Single
	case y.Style&yaml.DoubleQuotedStyle != 0:
		return Double
	case y.Style&yaml.LiteralStyle != 0:
		return Literal
	case y.Style&yaml.FoldedStyle != 0:
		return Folded
	}
	return Plain
}

// cutShort refuses a plain scalar that ends in the middle of a quoted text or
// of brackets because a comment, or a comma between brackets, ends it.
func (r *reader) cutShort(text string, from, to int, flow bool) {
	open := unclosed(text)
	if open == 0 {
		return
	}
	rest := r.file.Data[to:]
	blanks := len(rest) - len(bytes.TrimLeft(rest, " \t"))
	if blanks > 0 && blanks < len(rest) && rest[blanks] == '#' {
		comment, _ := lineBounds(r.file.Data, to)
		r.refuse("yaml-cut-comment", to+blanks, comment, fmt.Sprintf("a comment begins here and cuts off the value %s before its closing `%c`", quoted(text), closing(open)),
			"a `#` with a blank before it begins a comment", quoteHelp(text+string(rest[:comment-to]))+", or move the comment to a line of its own")
		return
	}
	if flow && r.byteAt(r.skip(to)) == ',' {
		r.refuse("yaml-flow-expression", from, to, commaCut(text), commaCutDetail, quoteHelp(wholeValue(r.file.Data, from, to)))
	}
}

// plainValue looks at a value without quotes of which nothing was found yet.
func (r *reader) plainValue(n *Node, before int) {
	if n.Kind != Scalar || n.Style != Plain || len(r.found) > before {
		return
	}
	to := n.Span.End.Offset
	if k := len(n.Text) - 2; unopened(n.Text) && k >= 0 && n.Text[k+1] == '"' && (n.Text[k] < '0' || n.Text[k] > '9') {
		r.refuse("yaml-quote", to-1, to, "the value ends with a quote that is not opened", "", "put a quote before it, or remove the one behind it")
		return
	}
	r.commented(n.Text, to)
}

// commented doubts a comment that most likely was meant as a part of the value:
// a hash with something right behind it.
func (r *reader) commented(text string, to int) {
	rest := r.file.Data[to:]
	blanks := len(rest) - len(bytes.TrimLeft(rest, " \t"))
	if blanks == len(rest) || rest[blanks] != '#' || blanks+1 == len(rest) || !isWord(rest[blanks+1]) && rest[blanks+1] != '{' {
		return
	}
	if text == "" && (to == 0 || !isBlank(r.file.Data[to-1]) && blanks == 0) {
		return
	}
	end, _ := lineBounds(r.file.Data, to)
	comment := string(rest[blanks : end-to])
	if text == "" {
		r.refuse("yaml-cut-comment", to+blanks, end, fmt.Sprintf("there is no value, because %s is a comment", quoted(comment)), "a `#` with a blank before it begins a comment",
			"put quotes around the value"+inQuotes(comment)+"; if a comment is meant, put a blank behind the #")
		return
	}
	if len(r.found) < maxFindings {
		d := r.found.Warnf("yaml-cut-comment", r.file.Span(to+blanks, end), "%s is a comment, and no part of the value", quoted(comment))
		d.Detail = "a `#` with a blank before it begins a comment"
		d.Help = quoteHelp(text+string(rest[:end-to])) + "; if a comment is meant, put a blank behind the #"
	}
}

func commaCut(text string) string {
	return fmt.Sprintf("a comma cuts off the value %s before its closing `%c`", quoted(text), closing(unclosed(text)))
}

// unclosed returns the quote or bracket that is open at the end of a text, 0 if
// there is none. An apostrophe inside a word is no quote.
func unclosed(text string) byte {
	var open []byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if k := len(open) - 1; k >= 0 && (open[k] == '"' || open[k] == '\'') {
			switch c {
			case '\\':
				i++
			case open[k]:
				open = open[:k]
			}
			continue
		}
		switch c {
		case '"':
			open = append(open, c)
		case '\'':
			if i == 0 || !isWord(text[i-1]) || i+1 == len(text) || !isWord(text[i+1]) {
				open = append(open, c)
			}
		case '(', '[', '{':
			open = append(open, c)
		case ')', ']', '}':
			if k := len(open) - 1; k >= 0 && closing(open[k]) == c {
				open = open[:k]
			}
		}
	}
	if len(open) == 0 {
		return 0
	}
	return open[len(open)-1]
}

func isWord(c byte) bool {
	return c >= utf8.RuneSelf || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func closing(open byte) byte {
	switch open {
	case '(':
		return ')'
	case '[':
		return ']'
	case '{':
		return '}'
	}
	return open
}

// unopened reports whether a text ends with a quote that nothing in it opens.
func unopened(text string) bool {
	n := len(text)
	return n > 0 && (text[n-1] == '"' || text[n-1] == '\'') && strings.IndexByte(text, text[n-1]) == n-1
}

// quoteHelp says how to quote a value that may have quotes inside.
func quoteHelp(value string) string {
	switch {
	case !strings.Contains(value, "'"):
		return "put single quotes around the whole value" + inQuotes(value)
	case !strings.ContainsAny(value, "\"\\"):
		return "put double quotes around the whole value" + inQuotes(value)
	}
	return "put single quotes around the whole value and double each one inside, or write it in the next line under a `|`"
}

// inQuotes is a value in quotes, as the end of a help; nothing if it is too long to be shown.
func inQuotes(value string) string {
	value = strings.TrimRight(value, " \t\r\n")
	switch {
	case len(value) > 90 || strings.ContainsAny(value, "\r\n"):
		return ""
	case !strings.Contains(value, "'"):
		return ": '" + value + "'"
	case !strings.ContainsAny(value, "\"\\"):
		return ": \"" + value + "\""
	}
	return ": '" + strings.ReplaceAll(value, "'", "''") + "'"
}

// wholeValue returns a text between brackets that a comma cut off, up to where
// its own brackets and quotes are closed.
func wholeValue(data []byte, from, to int) string {
	end, _ := lineBounds(data, from)
	for at := to; at <= end; at++ {
		if text := string(data[from:at]); unclosed(text) == 0 {
			return text
		}
	}
	return string(data[from:max(to, from)])
}

// quoted shows a text of the file in a message: one line, not too long.
func quoted(text string) string {
	return "`" + value.Shorten(strings.Join(strings.Fields(text), " "), 40) + "`"
}
