package main

import (
	"os"
	"regexp"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// readConfig returns the config of a destination as JSON: an object, or the
// `Config` of a destination as RudderStack writes it. In its texts ${env:NAME}
// stands for an environment variable, and $${env:NAME} for itself.
func readConfig(path string) ([]byte, error) {
	var a value.Arena
	n, err := readDocument(&a, path)
	if err != nil {
		return nil, err
	}
	if inner := n.Get("Config"); inner.Kind() == value.Object {
		n = inner
	}
	if n.Kind() != value.Object {
		return nil, usage(`%s holds a value of kind %s, and a config is an object such as {"accessToken": "${env:TOKEN}"}`, path, n.Kind())
	}
	e := environment{arena: &a, file: path}
	n = e.fill(n, "")
	return value.AppendJSON(nil, n), e.err
}

// environment puts environment variables into a document, up to its first error.
type environment struct {
	arena *value.Arena
	file  string
	err   error
}

func (e *environment) fill(n *value.Node, path string) *value.Node {
	switch n.Kind() {
	case value.String:
		if strings.Contains(n.Text(), "${env:") {
			return e.arena.String(e.text(n.Text(), path))
		}
	case value.List:
		list, i := e.arena.List(), 0
		for m := n.First(); m != nil; m = m.Next() {
			e.arena.Append(list, e.fill(m, string(value.AppendIndex([]byte(path), i))))
			i++
		}
		return list
	case value.Object:
		object := e.arena.Object()
		for m := n.First(); m != nil; m = m.Next() {
			e.arena.Add(object, m.Key(), e.fill(m, string(value.AppendKey([]byte(path), m.Key()))))
		}
		return object
	}
	return n
}

var reference = regexp.MustCompile(`\$?\$\{env:([^}]*)\}?`)

func (e *environment) text(text, path string) string {
	return reference.ReplaceAllStringFunc(text, func(match string) string {
		if strings.HasPrefix(match, "$$") {
			return match[1:]
		}
		name, closed := strings.CutSuffix(strings.TrimPrefix(match, "${env:"), "}")
		v, set := os.LookupEnv(name)
		switch {
		case e.err != nil:
		case !closed || name == "":
			e.err = usage("%s: %s begins a reference to an environment variable and does not end it: write ${env:NAME}", e.file, path)
		case !set:
			e.err = usage("%s: %s: the environment variable %s is not set: export it, or write the value itself", e.file, path, name)
		}
		return v
	})
}
