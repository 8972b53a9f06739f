package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// explain turns an error of the YAML parser into a finding. The parser's
// messages speak of tokens and give a line that is often wrong, so the file is
// read again for the slip that most likely caused it; the parser's words are
// what remains when none is found.
func (r *reader) explain(err error) Diagnostic {
	if strings.Contains(err.Error(), "exceeded max depth") {
		return Diagnostic{Code: "yaml-too-deep", Span: r.file.Span(0, 0), Summary: tooDeep, Help: "flatten the value"}
	}
	reached := r.reached()
	s := &slips{reader: r, data: r.file.Data, limit: reached}
	if d := s.first(); d != nil {
		return *d
	}
	problem := strings.TrimPrefix(err.Error(), "yaml: ")
	line := r.file.lineOf(min(reached, max(len(r.file.Data)-1, 0)))
	if m := reportedLine.FindStringSubmatch(problem); m != nil {
		problem = problem[len(m[0]):]
		if n, err := strconv.Atoi(m[1]); err == nil && n >= 1 && n <= r.file.Lines() {
			line = n
		}
	}
	start := r.file.textStart(line)
	from := start + spaces(r.file.Data[start:r.file.lineEnd(line)])
	return Diagnostic{
		Code:    "yaml-syntax",
		Span:    r.file.Span(from, r.file.lineEnd(line)),
		Summary: "the file is not valid YAML near here: " + problem,
		Help:    "look for a missing quote, bracket or colon here and in the line above; put quotes around values with special characters",
	}
}

var reportedLine = regexp.MustCompile(`^line (\d+): `)

// reached returns how far the parser reads before it fails: the cause lies
// before. The parser reads ahead by a line at most when it is fed by the byte.
func (r *reader) reached() int {
	t := &trickle{data: spaced(r.file.Data)}
	if hasMark(t.data) {
		t.at = len(byteOrderMark)
	}
	if _, _, err := decode(t); err == nil {
		return len(t.data)
	}
	return t.at
}

type trickle struct {
	data []byte
	at   int
}

func (t *trickle) Read(p []byte) (int, error) {
	if t.at == len(t.data) {
		return 0, io.EOF
	}
	n := copy(p[:min(1, len(p))], t.data[t.at:])
	t.at += n
	return n, nil
}

// slips looks for the first common slip in a file that YAML refuses. It follows
// the file's structure roughly: where it is wrong about a valid file nobody
// asks it.
type slips struct {
	*reader
	data   []byte
	limit  int // slips behind this are none: YAML did not get so far
	levels []level
	open   bool // the last key or dash has no value yet
	valued int  // line of the last key or dash that has one
	whole  bool // a value without key or dash was read: it is the whole file
	lone   int  // where the last value in a line of its own begins, -1 if it has its key before it
	slip   *Diagnostic
}

// level is a block mapping or list that is being read.
type level struct {
	column  int
	list    bool
	start   int // offset of its first entry
	entries int
}

// errSlip ends the search: slip is set.
var errSlip = errors.New("slip found")

func (s *slips) first() *Diagnostic {
	p := 0
	s.lone = -1
	if hasMark(s.data) {
		p = len(byteOrderMark)
	}
	for p < len(s.data) {
		next, err := s.line(p)
		if err != nil {
			if s.slip.Span.Start.Offset > s.limit {
				return nil
			}
			return s.slip
		}
		p = next
	}
	return nil
}

func (s *slips) found(code string, from, to int, summary, detail, help string) error {
	s.slip = &Diagnostic{Code: code, Span: s.file.Span(from, to), Summary: summary, Detail: detail, Help: help}
	return errSlip
}

func (s *slips) lineOf(p int) int { return s.file.lineOf(p) }

// line reads what begins at a line's start and returns where the next begins.
func (s *slips) line(start int) (int, error) {
	end, next := lineBounds(s.data, start)
	p := s.blanks(start)
	if p == end || s.data[p] == '#' {
		return next, nil
	}
	if isMarker(s.data[start:end]) {
		if s.data[start] == '.' || len(s.levels) > 0 {
			return s.marker(next, start)
		}
		p = s.blanks(start + 3)
		if p == end || s.data[p] == '#' {
			return next, nil
		}
	}
	if err := s.tab(start, p); err != nil {
		return 0, err
	}
	dash := false
	for {
		column := p - start
		switch {
		case s.indicator(p, '-'):
			if err := s.settle(p, column, true); err != nil {
				return 0, err
			}
			dash, s.open = true, true
			after := s.blanks(p + 1)
			if after == end || s.data[after] == '#' {
				return next, nil
			}
			if err := s.tab(p+1, after); err != nil {
				return 0, err
			}
			p = after
		case s.indicator(p, '?'):
			return 0, s.found("yaml-complex-key", p, p+1, questionMark, "", questionMarkHelp)
		case !dash && s.glued(p, end):
			return 0, s.found("yaml-list", p, p+1, "there is no blank behind the dash, so it begins no list entry", "", "put a blank behind the `-`")
		default:
			return s.entry(p, column, dash)
		}
	}
}

// glued reports whether a line begins with a dash that most likely begins a list entry, but has no blank behind it.
func (s *slips) glued(p, end int) bool {
	return s.data[p] == '-' && p+1 < end && (isWord(s.data[p+1]) && (s.data[p+1] < '0' || s.data[p+1] > '9') || strings.IndexByte("\"'[{=", s.data[p+1]) >= 0)
}

// marker handles a `---` or `...` after content.
func (s *slips) marker(next, start int) (int, error) {
	if s.data[start] == '-' || s.skip(next) < len(s.data) {
		return 0, s.found("yaml-documents", start, start+3, twoDocuments, "", twoDocumentsHelp)
	}
	return next, nil
}

func isMarker(line []byte) bool {
	return (bytes.HasPrefix(line, []byte("---")) || bytes.HasPrefix(line, []byte("..."))) &&
		(len(line) == 3 || line[3] == ' ' || line[3] == '\t')
}

// tab refuses tabs among the blanks of an indentation.
func (s *slips) tab(from, to int) error {
	i := bytes.IndexByte(s.data[from:to], '\t')
	if i < 0 {
		return nil
	}
	n := leading(s.data[from+i:to], '\t')
	return s.found("yaml-tab", from+i, from+i+n, "a tab stands in the indentation", "YAML takes spaces only", "replace each tab by spaces, and set the editor to insert spaces")
}

// entry reads `key: value`, or a value that stands alone.
func (s *slips) entry(p, column int, dash bool) (int, error) {
	end, err := s.key(p)
	if err != nil {
		return 0, err
	}
	if end < 0 { // no key
		bare := !dash && len(s.levels) > 0 && (!s.open || column <= s.top().column)
		root := !dash && len(s.levels) == 0 && !strings.ContainsRune("[{\"'|>", rune(s.data[p]))
		if bare || root {
			if i := bytes.IndexAny(s.data[p:p+1], "!&*"); i == 0 {
				d := s.reader.indicator(p)
				s.slip = &d
				return 0, errSlip
			}
			return 0, s.noKey(p)
		}
		s.lone = p
		return s.value(p, column)
	}
	if s.data[p] == ':' {
		return 0, s.found("yaml-empty-key", p, p+1, noKey, "", noKeyHelp)
	}
	if err := s.settle(p, column, false); err != nil {
		return 0, err
	}
	return s.value(end, column)
}

// noKey reports the line at p, which has no key.
func (s *slips) noKey(p int) error {
	lineEnd, _ := lineBounds(s.data, p)
	text := strings.TrimSpace(string(s.data[p:lineEnd]))
	help := "write it as `key: value`; if it belongs to the line above, indent it further"
	key, value, colon := strings.Cut(text, ":")
	first, rest, _ := strings.Cut(text, " ")
	switch wide := strings.Index(text, "："); {
	case strings.HasPrefix(text, "//") || strings.HasPrefix(text, "--") || strings.HasPrefix(text, ";"):
		help = "a comment begins with #"
	case colon && value != "":
		help = fmt.Sprintf("put a blank after the colon: `%s: %s`", key, value)
	case colon:
		help = "put a blank after the colon"
	case wide > 0:
		help = "： is the wide colon of East Asian writing; write `" + text[:wide] + ": " + strings.TrimSpace(text[wide+len("："):]) + "`"
	case strings.HasPrefix(rest, "= "):
		help = fmt.Sprintf("write a colon instead of the equals sign: `%s: %s`", first, rest[2:])
	case rest != "" && !strings.Contains(rest, " "):
		help = fmt.Sprintf("write it as `%s: %s`; if it belongs to the line above, indent it further", first, rest)
	case rest == "":
		help = fmt.Sprintf("write `%s:`; if it belongs to the line above, indent it further", first)
	}
	return s.found("yaml-key", p, lineEnd, fmt.Sprintf("the line %s has no key and colon", quoted(text)), "", help)
}

// key returns the offset behind the colon of a key at p, -1 if there is none.
func (s *slips) key(p int) (int, error) {
	lineEnd, _ := lineBounds(s.data, p)
	switch s.data[p] {
	case '[', '{', '|', '>', '!', '&', '*':
		return -1, nil
	case '"', '\'':
		end, err := s.quote(p)
		if err != nil {
			return -1, err
		}
		if end > lineEnd {
			return -1, nil
		}
		if q := s.blanks(end); s.indicator(q, ':') {
			return q + 1, nil
		}
		return -1, nil
	}
	if i := s.colon(p, lineEnd); i >= 0 {
		return i + 1, nil
	}
	return -1, nil
}

// colon returns the offset of the first `: ` of a plain text, -1 if there is none.
func (s *slips) colon(p, lineEnd int) int {
	for i := p; i < lineEnd; i++ {
		if s.data[i] == '#' && i > p && isBlank(s.data[i-1]) {
			return -1
		}
		if s.indicator(i, ':') {
			return i
		}
	}
	return -1
}

// settle finds the level that a key or dash at a column belongs to.
func (s *slips) settle(p, column int, list bool) error {
	lineEnd, _ := lineBounds(s.data, p)
	deeper := len(s.levels) > 0 && s.top().column < column
	left := level{column: -1} // the outermost level that ends here
	for len(s.levels) > 0 && s.top().column > column {
		left = s.top()
		s.levels = s.levels[:len(s.levels)-1]
		s.open = false
	}
	lone := s.lone
	s.lone = -1
	if len(s.levels) == 0 && s.whole {
		return s.found("yaml-key", p, lineEnd, fmt.Sprintf("a key stands behind line %d, whose value is the whole file", s.valued), "", "remove one of the two, or put a key before the value")
	}
	if len(s.levels) == 0 && (s.valued > 0 || s.open) {
		return s.found("yaml-indent", p, lineEnd, "the line is indented less than the first line of the file", "", "give both the same indentation")
	}
	switch {
	case len(s.levels) == 0, deeper && s.open:
		s.levels = append(s.levels, level{column, list, p, 1})
		return nil
	case list && s.top().column < column && !left.list && left.column == column+2:
		return s.beside(left.start, true)
	case deeper:
		return s.further(p, column, lone, list)
	case s.top().column < column && s.awry(column):
		return s.misplaced(p, column)
	case s.top().column < column && left.list == list && (left.column-column < column-s.top().column || left.column-column == 1):
		return s.found("yaml-indent", p, lineEnd, fmt.Sprintf("the line begins in column %d, and line %d, which it most likely belongs beside, in column %d", column+1, s.lineOf(left.start), left.column+1), "",
			fmt.Sprintf("begin it in column %d", left.column+1))
	case s.top().column < column:
		return s.found("yaml-indent", p, lineEnd, fmt.Sprintf("the line begins in column %d, where no line above that it could belong to does", column+1), "",
			fmt.Sprintf("begin it in column %d, or further right under a key without a value", s.top().column+1))
	case list && !s.top().list:
		if !s.open {
			return s.found("yaml-list", p, lineEnd, "a list entry stands among the keys of a mapping", "", "put it under a key without a value, or remove the `- `")
		}
		s.levels = append(s.levels, level{column, true, p, 0}) // a list may stand right under its key
	case !list && s.top().list:
		n := len(s.levels)
		if n < 2 || s.levels[n-2].column != column {
			return s.found("yaml-list", p, lineEnd, "a key stands among the entries of a list", "", "begin the line with `- `, or indent it further if it belongs to the entry above")
		}
		s.levels = s.levels[:n-1]
	}
	s.levels[len(s.levels)-1].entries++
	return nil
}

// further reports the key or dash at p, which stands deeper than a line above that has a value already.
// lone is that value if it stands in a line without a key.
func (s *slips) further(p, column, lone int, list bool) error {
	switch {
	case lone >= 0 && s.data[p] != '"' && s.data[p] != '\'' && (list || column >= lone-s.file.textStart(s.lineOf(lone))):
		return s.beside(lone, list)
	case s.awry(column):
		return s.misplaced(p, column)
	}
	help := "give it the indentation of the line that it belongs beside"
	if column == s.top().column+1 && s.top().list == list {
		help = fmt.Sprintf("begin it in column %d", s.top().column+1)
	}
	return s.found("yaml-indent", p, s.lineEnd(p), fmt.Sprintf("the line is indented further than line %d, which has a value already", s.valued), "",
		help+", or put quotes around a value that goes over several lines")
}

// beside reports the line at p, which lacks what makes it an entry beside the ones that follow.
func (s *slips) beside(p int, list bool) error {
	if list {
		return s.found("yaml-list", p, s.lineEnd(p), "the line does not begin with `- `, but the entries below it do", "", "begin it with `- `, or remove those below")
	}
	return s.noKey(p)
}

// awry reports whether the innermost level, which has one entry so far, most
// likely begins in the wrong column: the line in this column fits the steps of
// indentation, and the entry does not.
func (s *slips) awry(column int) bool {
	n := len(s.levels)
	if n > 2 && s.levels[n-2].list && s.levels[n-1].column == s.levels[n-2].column+2 { // `- key: value`
		n, column = n-1, column-2
	}
	if n < 2 || s.levels[n-1].entries > 1 {
		return false
	}
	step, outer := s.levels[n-1].column-s.levels[n-2].column, column-s.levels[n-2].column
	return step%2 != 0 && (outer == 2 || outer == 4)
}

// misplaced reports the entry that awry found; the line at p stands beside it.
func (s *slips) misplaced(p, column int) error {
	start := s.top().start
	return s.found("yaml-indent", start, s.lineEnd(start), fmt.Sprintf("the line begins in column %d, and line %d, which stands beside it, in column %d", s.top().column+1, s.lineOf(p), column+1), "",
		"give both the same indentation")
}

func (s *slips) lineEnd(p int) int {
	end, _ := lineBounds(s.data, p)
	return end
}

func (s *slips) top() level { return s.levels[len(s.levels)-1] }

// value reads what follows a colon or a dash, over as many lines as it takes.
func (s *slips) value(p, column int) (int, error) {
	lineEnd, next := lineBounds(s.data, p)
	p = s.blanks(p)
	s.open = p == lineEnd || s.data[p] == '#'
	if s.open {
		return next, nil
	}
	s.valued = s.lineOf(p)
	parent := -1
	if s.whole = len(s.levels) == 0; !s.whole {
		parent = s.top().column
	}
	switch c := s.data[p]; {
	case c == '"' || c == '\'':
		end, err := s.quote(p)
		if err != nil {
			return 0, err
		}
		return s.after(p, end)
	case c == '[' || c == '{':
		end, err := s.flow(p, parent)
		if err != nil {
			return 0, err
		}
		return s.after(p, end)
	case c == '|' || c == '>':
		return s.block(p, parent)
	case s.indicator(p, '-'):
		return 0, s.found("yaml-list", p, lineEnd, "a list cannot begin in the line of its key", "", "begin it in the next line, or put quotes around the value if it is a text")
	case s.indicator(p, '?'):
		return 0, s.found("yaml-complex-key", p, p+1, questionMark, "", questionMarkHelp)
	}
	if err := s.forbidden(p); err != nil {
		return 0, err
	}
	text := string(s.data[p:lineEnd])
	if i := s.colon(p, lineEnd); i >= 0 {
		return 0, s.found("yaml-colon", i, i+1, fmt.Sprintf("a colon with a blank after it stands inside the value %s", quoted(text)),
			"YAML reads it as the end of a key", quoteHelp(text))
	}
	if strings.Contains(text, " #") || strings.Contains(text, "\t#") {
		return next, nil // a comment ends the text
	}
	return s.continuation(p, next, parent)
}

// continuation skips the further lines of the plain text at value.
func (s *slips) continuation(value, start, parent int) (int, error) {
	for start < len(s.data) {
		lineEnd, next := lineBounds(s.data, start)
		p := s.blanks(start)
		if p == lineEnd {
			if i := bytes.IndexByte(s.data[start:p], '\t'); i >= 0 {
				return 0, s.found("yaml-tab", start+i, p, "a tab stands in an empty line", "YAML takes spaces only", "empty the line")
			}
			start = next
			continue
		}
		if err := s.tab(start, p); err != nil {
			return 0, err
		}
		if p-start <= parent || s.data[p] == '#' {
			return start, nil
		}
		if s.colon(p, lineEnd) >= 0 {
			lone := -1
			if s.lone == value {
				lone = value
			}
			return 0, s.further(p, p-start, lone, s.indicator(p, '-'))
		}
		start = next
	}
	return start, nil
}

// forbidden refuses characters with which no plain text begins.
func (s *slips) forbidden(p int) error {
	switch c := s.data[p]; c {
	case '!', '&', '*':
		d := s.reader.indicator(p)
		s.slip = &d
		return errSlip
	case '@', '`', '%', ',', ']', '}':
		return s.found("yaml-reserved", p, p+1, fmt.Sprintf("a value cannot begin with %c", c), "", "put quotes around the whole value"+s.quotedLine(p))
	}
	return nil
}

// quotedLine is what stands from p to the end of its line, in quotes, as the end of a help.
func (s *slips) quotedLine(p int) string {
	text := strings.TrimRight(string(s.data[p:s.lineEnd(p)]), " \t")
	if len(text) > 2 && text[0] == '`' && text[len(text)-1] == '`' {
		return inQuotes(text[1 : len(text)-1]) // instead of these
	}
	if strings.Contains(text, " #") || unclosed(text) != 0 || strings.ContainsAny(text[:1], ",]}") {
		return ""
	}
	return inQuotes(text)
}

// after checks what stands in the line behind a closing quote or bracket.
func (s *slips) after(start, end int) (int, error) {
	lineEnd, next := lineBounds(s.data, end)
	p := s.blanks(end)
	if p == lineEnd || s.data[p] == '#' && p > end {
		return next, nil
	}
	if s.lineOf(start) != s.lineOf(end) && (s.data[start] == '"' || s.data[start] == '\'') {
		return 0, s.closedLate(start, p)
	}
	rest := quoted(string(s.data[p:lineEnd]))
	switch text := strings.TrimSpace(string(s.data[p:lineEnd])); {
	case text == "," || text == ";":
		return 0, s.found("yaml-comma", p, lineEnd, fmt.Sprintf("a `%s` stands behind the value", text), "lines of YAML end without a sign", "remove it")
	case strings.HasPrefix(text, "//"):
		return 0, s.found("yaml-bracket", p, lineEnd, fmt.Sprintf("%s stands behind the value", rest), "", "a comment begins with #, and a blank before it")
	case strings.Trim(text, "]})") == "":
		return 0, s.found("yaml-bracket", p, lineEnd, fmt.Sprintf("the `%s` closes nothing: no bracket is open here", text), "", "remove it")
	}
	switch s.data[start] {
	case '"':
		return 0, s.found("yaml-quote", p, lineEnd, fmt.Sprintf("%s stands behind the closing quote", rest), "",
			"put single quotes around the whole value, or write \\\" for a quote inside of double quotes")
	case '\'':
		return 0, s.found("yaml-quote", p, lineEnd, fmt.Sprintf("%s stands behind the closing quote", rest), "",
			"put double quotes around the whole value"+inner(string(s.data[start:lineEnd]))+", or write '' for a quote inside of single quotes")
	}
	return 0, s.found("yaml-bracket", p, lineEnd, fmt.Sprintf("%s stands behind the closing `%c`", rest, s.data[end-1]), "",
		"put quotes around the whole value if it is a text or an expression")
}

// inner is a value in single quotes with one inside, in double quotes.
func inner(text string) string {
	text = strings.TrimRight(text, " \t")
	if len(text) < 3 || !strings.HasSuffix(text, "'") || strings.ContainsAny(text, "\"\\\n") || len(text) > 90 {
		return ""
	}
	return `: "` + text[1:len(text)-1] + `"`
}

// quote returns the offset behind the quote that closes the one at p.
func (s *slips) quote(p int) (int, error) {
	q := s.data[p]
	for i := p + 1; i < len(s.data); {
		switch c := s.data[i]; {
		case c == q && q == '\'' && i+1 < len(s.data) && s.data[i+1] == q:
			i += 2
		case c == q:
			return i + 1, nil
		case c == '\\' && q == '"':
			n, err := s.escape(i)
			if err != nil {
				return 0, err
			}
			i += n
		case c == '\n':
			i++
			if end, _ := lineBounds(s.data, i); isMarker(s.data[i:end]) {
				return 0, s.unclosedQuote(p)
			}
		default:
			i++
		}
	}
	return 0, s.unclosedQuote(p)
}

func (s *slips) unclosedQuote(p int) error {
	return s.found("yaml-quote", p, p+1, fmt.Sprintf("the quote that begins here (%c) is never closed", s.data[p]), "", "close it at the end of the value")
}

// escapes are the characters behind a backslash that the YAML parser knows.
const escapes = "0abt\tnvfre \"'\\N_LPxuU\r\n"

func (s *slips) escape(p int) (int, error) {
	if p+1 == len(s.data) {
		return 1, nil
	}
	const help = "put single quotes around the value, in which a backslash is just that, or write two backslashes"
	_, n := escape(s.data[p:])
	if strings.IndexByte(escapes, s.data[p+1]) < 0 {
		n = 0
	}
	if n > 0 {
		return n, nil
	}
	end, _ := lineBounds(s.data, p)
	shown := min(p+2, end)
	switch s.data[p+1] {
	case 'u':
		shown = min(p+6, end)
	case 'U':
		shown = min(p+10, end)
	case 'x':
		shown = min(p+4, end)
	}
	for !utf8Boundary(s.data, shown) {
		shown++
	}
	text := string(s.data[p:shown])
	if text == `\/` {
		return 0, s.found("yaml-escape", p, shown, "`\\/` is an escape of JSON that is not read here", "", "write / without the backslash")
	}
	if len(text) == 6 && (text[2] == 'd' || text[2] == 'D') && text[3] >= '8' {
		return 0, s.found("yaml-escape", p, shown, fmt.Sprintf("%s is half a character", quoted(text)), "", "write the character itself, or \\U with its eight digits")
	}
	return 0, s.found("yaml-escape", p, shown, fmt.Sprintf("%s is no escape that double quotes know", quoted(text)), "", help)
}

func utf8Boundary(data []byte, p int) bool { return p >= len(data) || data[p]&0xC0 != 0x80 }

var blockHeader = regexp.MustCompile(`^[|>]([1-9]?[+-]?|[+-][1-9])([ \t]+#.*|[ \t]*)$`)

// block skips a | or > scalar.
func (s *slips) block(p, parent int) (int, error) {
	lineEnd, start := lineBounds(s.data, p)
	if header := s.data[p:lineEnd]; !blockHeader.Match(header) {
		return 0, s.found("yaml-block", p, lineEnd, fmt.Sprintf("the value begins with `%c`, which begins a text of several lines, but more follows it", s.data[p]), "",
			"put quotes around the whole value"+s.quotedLine(p)+"; or begin the text in the next line")
	}
	content := -1 // indentation of the first line with content
	for start < len(s.data) {
		end, next := lineBounds(s.data, start)
		q := s.blanks(start)
		indent := spaces(s.data[start:end])
		if q < end && indent <= parent {
			if q > start+indent {
				return 0, s.tab(start, q)
			}
			return start, nil
		}
		if q < end && indent == 0 && s.data[start] == '\t' {
			return 0, s.tab(start, q)
		}
		if q < end && indent < content {
			return 0, s.found("yaml-indent", q, end, "the line is indented less than the first line of its text", "", "indent all lines of a text at least like its first")
		}
		if q < end && content < 0 && !bytes.ContainsAny(s.data[p:lineEnd], "123456789") {
			content = indent
		}
		start = next
	}
	return start, nil
}

// flow reads a value in brackets and returns the offset behind it.
func (s *slips) flow(p, parent int) (int, error) {
	var open []int      // offsets of the brackets that are not closed yet
	var colons []int    // colons of the current entry of each
	prior := byte(0)    // what came last: v a value, p plain text, or the character itself
	plain := p          // where the last plain text begins
	quote := -1         // where the last quoted text begins, if it goes over several lines
	line := s.lineOf(p) // line of p
	for p < len(s.data) {
		c := s.data[p]
		if isBlank(c) || c == '\r' {
			p++
			continue
		}
		if c == '\n' {
			p++
			line++
			end, _ := lineBounds(s.data, p)
			q := p + spaces(s.data[p:end])
			if q < end && q-p <= parent && !strings.ContainsRune("]}#,", rune(s.data[q])) {
				break // the block goes on: the bracket was forgotten
			}
			continue
		}
		if c == '#' && isSpace(s.data[p-1]) {
			p, _ = lineBounds(s.data, p)
			continue
		}
		value := prior == 'v' || prior == 'p'
		switch {
		case c == '[' || c == '{':
			if prior == 'p' {
				return 0, s.found("yaml-bracket", p, p+1, fmt.Sprintf("a `%c` cannot stand inside a text between brackets", c), "", "put quotes around the whole value")
			}
			if value {
				return 0, s.behind(quote, p)
			}
			open, colons = append(open, p), append(colons, 0)
			prior = c
			p++
		case c == ']' || c == '}':
			if begin := s.data[open[len(open)-1]]; closing(begin) != c {
				return 0, s.found("yaml-bracket", p, p+1, fmt.Sprintf("`%c` closes here what `%c` in line %d opened", c, begin, s.lineOf(open[len(open)-1])), "",
					fmt.Sprintf("close it with `%c`", closing(begin)))
			}
			open, colons = open[:len(open)-1], colons[:len(colons)-1]
			prior = 'v'
			p++
			if len(open) == 0 {
				return p, nil
			}
		case c == ',':
			if prior == ',' || prior == '[' || prior == '{' {
				return 0, s.found("yaml-comma", p, p+1, "there is no value before this comma", "", "remove the comma, or write null for an empty value")
			}
			if text := string(s.data[plain:p]); prior == 'p' && unclosed(text) != 0 {
				return 0, s.commaCut(text, plain, p)
			}
			colons[len(colons)-1] = 0
			prior = c
			p++
		case s.indicator(p, ':') || c == ':' && prior == 'v':
			if prior != 'v' && prior != 'p' && prior != ':' {
				return 0, s.found("yaml-empty-key", p, p+1, noKey, "", noKeyHelp)
			}
			k := len(colons) - 1
			if colons[k]++; colons[k] > 1 {
				help := "put quotes around the whole value, or a comma between two entries"
				if words := strings.Fields(string(s.data[plain:p])); prior == 'p' && len(words) > 1 {
					help = "put a comma before " + words[len(words)-1] + ", or quotes around the whole value"
				}
				return 0, s.found("yaml-colon", p, p+1, "a second colon stands in one entry between brackets", "YAML reads a colon with a blank after it as the end of a key", help)
			}
			prior = c
			p++
		case (c == '"' || c == '\'') && prior != 'p': // inside a plain text quotes are signs like others
			if value {
				return 0, s.behind(quote, p)
			}
			end, err := s.quote(p)
			if err != nil {
				return 0, err
			}
			if quote = -1; s.lineOf(end) != line {
				quote = p
			}
			p, line, prior = end, s.lineOf(end), 'v'
		case c == '?' && prior == 'p':
			return 0, s.found("yaml-flow-expression", p, p+1, "a `?` cannot stand inside a text between brackets", "", "put quotes around the whole value")
		case s.indicator(p, '-') || s.indicator(p, '?'):
			return 0, s.found("yaml-reserved", p, p+1, fmt.Sprintf("a value between brackets cannot begin with %c", c), "", "put quotes around the whole value")
		default:
			if prior == 'v' {
				return 0, s.behind(quote, p)
			}
			if prior != 'p' {
				if err := s.forbidden(p); err != nil {
					return 0, err
				}
				plain = p
			}
			p++
			for p < len(s.data) && !isSpace(s.data[p]) && !strings.ContainsRune(",?[]{}", rune(s.data[p])) && !s.indicator(p, ':') {
				p++
			}
			prior = 'p'
		}
	}
	last := open[len(open)-1]
	return 0, s.found("yaml-bracket", last, last+1, fmt.Sprintf("the bracket `%c` that opens here is not closed", s.data[last]), "",
		fmt.Sprintf("write `%c` behind its last entry, in line %d", closing(s.data[last]), s.lineOf(last+len(bytes.TrimRight(s.data[last:min(p, len(s.data))], " \t\r\n"))-1)))
}

func (s *slips) commaCut(text string, from, to int) error {
	return s.found("yaml-flow-expression", from, to, commaCut(text), commaCutDetail, quoteHelp(wholeValue(s.data, from, to)))
}

func (s *slips) comma(p int) error {
	end, _ := lineBounds(s.data, p)
	return s.found("yaml-comma", p, end, fmt.Sprintf("there is no comma before %s", quoted(string(s.data[p:end]))), "",
		"put a comma between two entries, or quotes around the whole value if it is one")
}

// behind reports what stands at p right behind a value between brackets. Where
// that is a quoted text of several lines, which begins at quote, its closing quote was forgotten.
func (s *slips) behind(quote, p int) error {
	if quote >= 0 {
		return s.closedLate(quote, p)
	}
	return s.comma(p)
}

// closedLate reports the quote at start, which is closed in a later line, before what stands at p.
func (s *slips) closedLate(start, p int) error {
	return s.found("yaml-quote", start, start+1, fmt.Sprintf("the quote that begins here is closed only in line %d", s.lineOf(p)),
		fmt.Sprintf("there, %s follows it", quoted(string(s.data[p:s.lineEnd(p)]))), fmt.Sprintf("close it in line %d", s.lineOf(start)))
}

// blanks returns the offset of what follows blanks.
func (s *slips) blanks(p int) int {
	for p < len(s.data) && isBlank(s.data[p]) {
		p++
	}
	return p
}

// indicator reports whether c stands at p with white space, or nothing, after it.
func (s *slips) indicator(p int, c byte) bool {
	return p < len(s.data) && s.data[p] == c && (p+1 == len(s.data) || isSpace(s.data[p+1]))
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
func isSpace(c byte) bool { return isBlank(c) || c == '\r' || c == '\n' }
