package serve

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/rudder"
)

// logCall returns what a call of a logger says, and the names of what it says it with.
func logCall(n ast.Node) (message string, fields []string, ok bool) {
	call, isCall := n.(*ast.CallExpr)
	if !isCall {
		return "", nil, false
	}
	method, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod {
		return "", nil, false
	}
	literal := func(e ast.Expr) string {
		if l, isLiteral := e.(*ast.BasicLit); isLiteral && l.Kind == token.STRING {
			text, err := strconv.Unquote(l.Value)
			Expect(err).NotTo(HaveOccurred())
			return text
		}
		return ""
	}
	fields = []string{}
	switch method.Sel.Name {
	case "Info", "Warn", "Error", "Debug":
		if len(call.Args) == 0 {
			return "", nil, false
		}
		for i := 1; i < len(call.Args); i += 2 {
			fields = append(fields, literal(call.Args[i]))
		}
		message = literal(call.Args[0])
	case "LogAttrs":
		for _, a := range call.Args[3:] {
			if attribute, isCall := a.(*ast.CallExpr); isCall && len(attribute.Args) > 0 {
				fields = append(fields, literal(attribute.Args[0]))
			}
		}
		message = literal(call.Args[2])
	}
	return message, fields, message != ""
}

var _ = Describe("The pages", func() {
	It("tell the version", func() {
		answer := start().get("/version")
		Expect(answer.body).To(ContainSubstring(`{"service":"celmap","version":"1.2.3","go":"go1.`))
	})

	It("show what operators are told of, and nothing else", func() {
		r := start()
		Expect(r.do("POST", "/routerTransform", jobs("notes", "hello")).status).To(Equal(200))
		Expect(r.do("POST", "/routerTransform", "").status).To(Equal(400))
		r.metrics.Call("notes", "people", 0, 0)
		r.metrics.Cache("notes", "people", 0)
		r.metrics.delivered("notes")(200, "")
		r.metrics.warned("notes")("not_sent", 1)
		r.metrics.upstream.WithLabelValues("none").Inc()
		guide, err := os.ReadFile("../../docs/operators.md")
		Expect(err).NotTo(HaveOccurred())
		told := map[string]bool{}
		for line := range strings.Lines(string(guide)) {
			if name, ok := strings.CutPrefix(line, "| `celmap_"); ok {
				name, _, _ = strings.Cut(name, "`")
				told["celmap_"+name] = true
			}
		}
		families, err := r.metrics.registry.Gather()
		Expect(err).NotTo(HaveOccurred())
		shown := map[string]bool{}
		for _, f := range families {
			if strings.HasPrefix(f.GetName(), "celmap_") {
				shown[f.GetName()] = true
			}
		}
		Expect(shown).To(Equal(told))
	})

	It("and the log say what operators are told of, and nothing else", func() {
		said := map[string][]string{}
		for _, folder := range []string{".", "../lookup", "../outbound", "../rudder"} {
			files, err := filepath.Glob(filepath.Join(folder, "*.go"))
			Expect(err).NotTo(HaveOccurred())
			for _, file := range files {
				if strings.HasSuffix(file, "_test.go") {
					continue
				}
				code, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
				Expect(err).NotTo(HaveOccurred())
				ast.Inspect(code, func(n ast.Node) bool {
					if message, fields, ok := logCall(n); ok {
						said[message] = fields
					}
					return true
				})
			}
		}
		said["problem in rules"] = []string{"place", "code", "message", "help"} // Problem.attributes
		told := map[string][]string{}
		guide, err := os.ReadFile("../../docs/operators.md")
		Expect(err).NotTo(HaveOccurred())
		_, table, _ := strings.Cut(string(guide), "\n## Logs\n")
		table, _, _ = strings.Cut(table, "\n## ")
		quoted := regexp.MustCompile("`([^`]+)`")
		for line := range strings.Lines(table) {
			columns := strings.Split(line, " | ")
			if !strings.HasPrefix(line, "| `") || columns[0] == "| `msg`" {
				continue
			}
			fields := []string{}
			for _, f := range quoted.FindAllStringSubmatch(columns[2], -1) {
				if !strings.HasPrefix(f[1], "--") {
					fields = append(fields, f[1])
				}
			}
			for _, message := range quoted.FindAllStringSubmatch(columns[0], -1) {
				told[message[1]] = fields
			}
		}
		Expect(said).To(Equal(told))
	})

	It("count jobs by what became of them, bodies and breaches", func() {
		r := start()
		Expect(r.do("POST", "/routerTransform", jobs("N", "a", "b")).status).To(Equal(200))
		Expect(r.metric("celmap_jobs_total")).To(ConsistOf(`celmap_jobs_total{code="",destination="notes",status="200"} 2`))
		Expect(r.metric("celmap_http_requests_total")).To(ContainElement(`celmap_http_requests_total{route="routerTransform",status="200"} 1`))
		Expect(r.metric("celmap_http_request_body_bytes_count")).To(ConsistOf("celmap_http_request_body_bytes_count 1"))
		Expect(r.metric("celmap_invariant_breaches_total")).To(ConsistOf(`celmap_invariant_breaches_total{destination="notes"} 0`))
		r.metrics.count("notes")(500, rudder.Unsound, 3)
		Expect(r.metric("celmap_invariant_breaches_total")).To(ConsistOf(`celmap_invariant_breaches_total{destination="notes"} 3`))
	})
})
