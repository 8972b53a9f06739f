package input_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing/iotest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/input"
)

// read returns what a reader gives, one "line: JSON" or "line! problem" each.
func read(r *input.Reader) ([]string, error) {
	var items []string
	for {
		item, err := r.Next()
		if err == io.EOF {
			return items, nil
		}
		if err != nil {
			return items, err
		}
		Expect(item.Index).To(Equal(len(items)))
		if item.Problem != nil {
			items = append(items, fmt.Sprintf("%d! %s", item.Line, item.Problem.Message))
		} else {
			items = append(items, fmt.Sprintf("%d: %s", item.Line, item.JSON))
		}
	}
}

func events(text string) []string {
	GinkgoHelper()
	whole, err := read(input.NewReader(0, input.Stream("stdin", strings.NewReader(text))))
	Expect(err).NotTo(HaveOccurred())
	single, err := read(input.NewReader(0, input.Stream("stdin", iotest.OneByteReader(strings.NewReader(text)))))
	Expect(err).NotTo(HaveOccurred())
	Expect(single).To(Equal(whole), "the same, byte by byte")
	return whole
}

func compress(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

var _ = Describe("Reader", func() {
	DescribeTable("finds the events of a stream",
		func(text string, want ...string) { Expect(events(text)).To(Equal(want)) },
		Entry("one a line", "{\"a\":1}\n{\"b\":2}\n", `1: {"a":1}`, `2: {"b":2}`),
		Entry("without a last line break", "{\"a\":1}\n{\"b\":2}", `1: {"a":1}`, `2: {"b":2}`),
		Entry("with Windows line breaks", "{\"a\":1}\r\n{\"b\":2}\r\n", `1: {"a":1}`, `2: {"b":2}`),
		Entry("past blank lines", "\n\n{\"a\":1}\n  \t\n\n{\"b\":2}\n\n", `3: {"a":1}`, `6: {"b":2}`),
		Entry("behind a byte order mark", "\xef\xbb\xbf{\"a\":1}", `1: {"a":1}`),
		Entry("in an array", `[{"a":[1,{"x":"]"}]}, {"b":"\"}"},3]`, `1: {"a":[1,{"x":"]"}]}`, `1: {"b":"\"}"}`, `1: 3`),
		Entry("in an array over several lines", "[\n  {\"a\":1},\n  {\n \"b\":2}\n]\n", `2: {"a":1}`, "3: {\n \"b\":2}"),
		Entry("in several arrays", `[1,2][3]`+"\n[]\n[4]", `1: 1`, `1: 2`, `1: 3`, `3: 4`),
		Entry("in a batch", `{"batch":[{"a":1},{"b":2}]}`, `1: {"a":1}`, `1: {"b":2}`),
		Entry("in a batch among other keys", `{"sentAt":"2024","x":{"batch":[9]},"batch":[{"a":1}],"y":[1]}`+"\n{\"b\":2}", `1: {"a":1}`, `2: {"b":2}`),
		Entry("in a batch a line", "{\"batch\":[1]}\n{\"batch\":[]}\n{\"batch\":[2]}", `1: 1`, `3: 2`),
		Entry("in a pretty-printed batch", "{\n  \"batch\": [\n    {\"a\":1},\n    {\"b\":2}\n  ]\n}\n{\"c\":3}", `3: {"a":1}`, `4: {"b":2}`, `7: {"c":3}`),
		Entry("in a batch with events that begin a line", "{\"batch\":[\n{\"a\":1},\n{\"b\":2}]}", `2: {"a":1}`, `3: {"b":2}`),
		Entry("pretty-printed one after another", "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n{\n  \"c\": 2\n}\n", "1: {\n  \"a\": {\n    \"b\": 1\n  }\n}", "6: {\n  \"c\": 2\n}"),
		Entry("whose key batch is no list of events", `{"batch":"b-1","type":"track"}`, `1: {"batch":"b-1","type":"track"}`),
		Entry("whose text is a batch", `{"a":"{\"batch\":[1]}"}`, `1: {"a":"{\"batch\":[1]}"}`),
	)

	It("finds nothing in nothing", func() {
		for _, text := range []string{"", "\n\n", "[]", "\xef\xbb\xbf", `{"batch":[]}`} {
			Expect(events(text)).To(BeEmpty(), text)
		}
	})

	DescribeTable("lets no broken event harm its neighbours",
		func(text string, want ...string) { Expect(events(text)).To(Equal(want)) },
		Entry("a line that is no JSON", "{\"a\":1}\nnot json\n{\"b\":2}", `1: {"a":1}`, `2: not json`, `3: {"b":2}`),
		Entry("a line that is cut off in a text", "{\"a\":\"x\n{\"b\":2}", `1: {"a":"x`, `2: {"b":2}`),
		Entry("a line that is cut off behind a bracket", "{\"a\":{\n{\"b\":2}", `1: {"a":{`, `2: {"b":2}`),
		Entry("an element with the wrong bracket", `[{"a":1],{"b":2}]`, `1: {"a":1]`, `1: {"b":2}`),
		Entry("an element that is a word", `[nope,{"b":2}]`, `1: nope`, `1: {"b":2}`),
		Entry("a missing comma", `[{"a":1} {"b":2}]`, `1: {"a":1}`, `1! found '{' behind an event of a list, expected a comma: add it`, `1: {"b":2}`),
		Entry("a comma too many", `[{"a":1},,{"b":2}]`, `1: {"a":1}`, `1! found a comma where an event of a list should be: remove it`, `1: {"b":2}`),
		Entry("a comma before the end", "[{\"a\":1},\n]", `1: {"a":1}`, `2! found a comma before the end of the list: remove it`),
		Entry("an array that is cut off in an element", "[{\"a\":1},\n{\"b\":", `1: {"a":1}`, `2: {"b":`),
		Entry("an array that is cut off between two", "\n[{\"a\":1},\n", `2: {"a":1}`, `3! the input ends inside of the list that begins on line 2: it may be cut off; send all of it`),
		Entry("a batch that goes on wrongly", `{"batch":[{"a":1}], nope}`+"\n{\"b\":2}", `1: {"a":1}`, `1! what follows the list "batch" is no JSON: give {"batch": [events]}`, `2: {"b":2}`),
		Entry("a batch that begins wrongly", `{nope, "batch":[{"a":1}]}`, `1: {nope, "batch":[{"a":1}]}`),
		Entry("what follows an array", "[1] x\n{\"b\":2}", `1: 1`, `1: x`, `2: {"b":2}`),
	)

	It("skips an event beyond the limit to its end, and says so", func() {
		long := strings.Repeat("x", 300<<10)
		tooLarge := "! the event has more than 1000 bytes, which is the most that is accepted: send less data in one event"
		for text, want := range map[string][]string{
			"{\"a\":1}\n{\"long\":\"" + long + "\"}\n{\"b\":2}\n":                                            {`1: {"a":1}`, "2" + tooLarge, `3: {"b":2}`},
			"[{\"a\":1},\n{\"long\":\"" + long + "\"},{\"b\":2}]":                                            {`1: {"a":1}`, "2" + tooLarge, `2: {"b":2}`},
			"{\"batch\":[{\"a\":1},\n\"" + long + "\"]}":                                                     {`1: {"a":1}`, "2" + tooLarge},
			"{\n\"long\": [\n \"" + long + "\"\n]}\n{\"b\":2}":                                               {"1" + tooLarge, `5: {"b":2}`},
			"{\"fits\":\"" + long[:1000-11] + "\"}\n":                                                        {`1: {"fits":"` + long[:1000-11] + `"}`},
			"{\"fits.\":\"" + long[:1000-11] + "\"}\n":                                                       {"1" + tooLarge},
			"{\"a\":1}\n" + long:                                                                             {`1: {"a":1}`, "2" + tooLarge},
			"{\"batch\":[" + strings.Repeat(`{"a":1},`, 1000) + "{\"b\":\"" + long + "\"}]}\n{\"c\":" + "3}": nil,
		} {
			items, err := read(input.NewReader(1000, input.Stream("stdin", strings.NewReader(text))))
			Expect(err).NotTo(HaveOccurred())
			if want == nil {
				Expect(items).To(HaveLen(1002))
				Expect(items[1000:]).To(Equal([]string{"1" + tooLarge, `2: {"c":3}`}))
			} else {
				Expect(items).To(Equal(want))
			}
		}
	})

	It("reads several sources in order, each compressed or not", func() {
		folder := GinkgoT().TempDir()
		var sources []input.Source
		for name, content := range map[string][]byte{
			"a.ndjson":    []byte("1\n2\n"),
			"b.ndjson.gz": append(compress("[3,"), compress("4]")...), // two members, as `cat` makes them
			"c.json":      compress("5"),
		} {
			Expect(os.WriteFile(filepath.Join(folder, name), content, 0o600)).To(Succeed())
		}
		for _, name := range []string{"a.ndjson", "b.ndjson.gz", "c.json"} {
			source, err := input.File(filepath.Join(folder, name))
			Expect(err).NotTo(HaveOccurred())
			sources = append(sources, source)
		}
		sources = append(sources, input.Stream("stdin", bytes.NewReader(compress("6\n"))))
		reader := input.NewReader(0, sources...)
		for i, line := range []int{1, 2, 1, 1, 1, 1} {
			item, err := reader.Next()
			Expect(err).NotTo(HaveOccurred())
			Expect(string(item.JSON)).To(Equal(fmt.Sprint(i + 1)))
			Expect(item.Index).To(Equal(i))
			Expect(item.Line).To(Equal(line))
		}
		_, err := reader.Next()
		Expect(err).To(Equal(io.EOF))
	})

	DescribeTable("names a source that cannot be read, after the events before",
		func(content []byte, events int, message string) {
			items, err := read(input.NewReader(0, input.Stream("x.gz", bytes.NewReader(content))))
			Expect(items).To(HaveLen(events))
			Expect(err).To(MatchError(ContainSubstring(message)))
			Expect(err).To(MatchError(HavePrefix("x.gz ")))
		},
		Entry("cut off", cutOff(), 1, "the gzip data ends too early (unexpected EOF): the file is cut off; fetch it again"),
		Entry("cut off in its header", compress("{}")[:5], 0, "the gzip data ends too early"),
		Entry("with a wrong checksum", damaged(), 2, "the gzip data is damaged (gzip: invalid checksum): fetch the file again"),
		Entry("in UTF-16", []byte("\xff\xfe{\x00}\x00"), 0, "is in UTF-16, and JSON is UTF-8: convert it with `iconv -f UTF-16 -t UTF-8`"),
	)

	It("hands out no event that a failing source cut off", func() {
		broken := io.MultiReader(strings.NewReader("{\"a\":1}\n{\"b\""), iotest.ErrReader(errors.New("disk on fire")))
		items, err := read(input.NewReader(0, input.Stream("disk", broken)))
		Expect(items).To(Equal([]string{`1: {"a":1}`}))
		Expect(err).To(MatchError("disk cannot be read behind line 2: disk on fire"))
	})

	It("refuses paths that are no file before it reads anything", func() {
		_, err := input.File("no/such.ndjson")
		Expect(err).To(MatchError("there is no file no/such.ndjson: check its name"))
		_, err = input.File(".")
		Expect(err).To(MatchError("the path . is a folder: name the files in it"))
	})
})

// cutOff returns gzip data of many lines, of which only the first can be read whole.
func cutOff() []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte("{\"a\":1}\n"))
	w.Flush()
	w.Write([]byte("{\"b\":2}\n"))
	w.Close()
	return b.Bytes()[:b.Len()-14]
}

// damaged returns gzip data whose checksum, which follows the data, is wrong.
func damaged() []byte {
	b := compress("{\"a\":1}\n{\"b\":2}\n{\"c\":3}")
	b[len(b)-8] ^= 1
	return b
}
