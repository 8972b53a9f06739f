package codes_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	root   = "../.."
	module = "github.com/celmap/celmap"
)

// sources reads the codes that Go sources give, each with a place: the texts
// that become a field Code, or an argument for a parameter called code, of
// whatever function. What it cannot follow it reports as unclear, so that no
// code is overlooked.
type sources struct {
	fset     *token.FileSet
	info     *types.Info
	packages map[string]*types.Package
	files    []*ast.File
	derived  map[types.Object]string // parameters whose text becomes a code behind this prefix

	codes   map[string]string // code -> place
	unclear []string
}

// readSources reads the sources of folders of the project and all below.
func readSources(folders ...string) (*sources, error) {
	s := &sources{
		fset:     token.NewFileSet(),
		info:     &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}},
		packages: map[string]*types.Package{},
		derived:  map[types.Object]string{},
		codes:    map[string]string{},
	}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case !entry.IsDir():
				return nil
			case entry.Name() == "testdata":
				return filepath.SkipDir
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			_, err = s.Import(module + "/" + filepath.ToSlash(rel))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for range 2 { // what is derived is known only when all has been read once
		s.codes, s.unclear = map[string]string{}, nil
		for _, f := range s.files {
			path := filepath.ToSlash(s.fset.Position(f.Pos()).Filename)
			if slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(path, root+"/"+folder+"/") }) {
				ast.Inspect(f, s.visit)
			}
		}
	}
	return s, nil
}

// Import type-checks a package of this module. Those of others are taken as
// empty: no code comes from them, and what is unknown of them does no harm.
func (s *sources) Import(path string) (*types.Package, error) {
	if known := s.packages[path]; known != nil {
		return known, nil
	}
	within, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		p := types.NewPackage(path, path[strings.LastIndex(path, "/")+1:])
		p.MarkComplete()
		s.packages[path] = p
		return p, nil
	}
	folder := filepath.Join(root, filepath.FromSlash(within))
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			f, err := parser.ParseFile(s.fset, filepath.Join(folder, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	config := types.Config{Importer: s, Error: func(error) {}}
	p, _ := config.Check(path, s.fset, files, s.info)
	s.packages[path] = p
	s.files = append(s.files, files...)
	return p, nil
}

func (s *sources) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		s.call(n)
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" && s.isText(n.Value) {
			s.code(n.Value)
		}
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			if len(n.Lhs) == len(n.Rhs) && isCode(to) && s.isText(n.Rhs[i]) {
				s.code(n.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if i < len(n.Values) && isCode(name) && s.isText(n.Values[i]) {
				s.code(n.Values[i])
			}
		}
	}
	return true
}

// isCode reports whether something is called a code: x.Code, code, CodeInvalidJSON.
func isCode(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return strings.HasPrefix(e.Sel.Name, "Code")
	case *ast.Ident:
		return e.Name == "code" || strings.HasPrefix(e.Name, "Code")
	}
	return false
}

func (s *sources) isText(e ast.Expr) bool {
	t := s.info.Types[e].Type
	return t == nil || t == types.Typ[types.Invalid] || isString(t)
}

func isString(t types.Type) bool {
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsString != 0
}

// call looks at the arguments for parameters called code, or derived ones.
func (s *sources) call(n *ast.CallExpr) {
	signature, ok := s.info.Types[n.Fun].Type.(*types.Signature)
	if !ok {
		return
	}
	for i, arg := range n.Args {
		if i >= signature.Params().Len() {
			return
		}
		param := signature.Params().At(i)
		prefix, derived := s.derived[param]
		switch {
		case derived:
			if text, ok := s.constant(arg); ok {
				s.found(prefix+strings.ReplaceAll(text, " ", "-"), arg)
			} else {
				s.notClear(arg)
			}
		case param.Name() == "code" && isString(param.Type()):
			s.code(arg)
		}
	}
}

// code notes the code that an expression gives.
func (s *sources) code(e ast.Expr) {
	if text, ok := s.constant(e); ok {
		s.found(text, e)
		return
	}
	switch e := e.(type) {
	case *ast.Ident: // a parameter or a variable that has got its code elsewhere
		if isCode(e) {
			return
		}
	case *ast.SelectorExpr: // the code of something else
		if isCode(e) {
			return
		}
	case *ast.BinaryExpr: // "unknown-" + a parameter
		if prefix, ok := s.constant(e.X); ok && e.Op == token.ADD {
			if s.derive(prefix, e.Y) {
				return
			}
		}
	case *ast.CallExpr: // what rules name themselves
		if ofRules(e) {
			return
		}
	}
	s.notClear(e)
}

// ofRules reports whether a call gives a text of the rules: text(node, "code"),
// or one made of node.Text.
func ofRules(call *ast.CallExpr) bool {
	for _, arg := range call.Args {
		switch arg := arg.(type) {
		case *ast.BasicLit:
			if arg.Value == `"code"` {
				return true
			}
		case *ast.SelectorExpr:
			if arg.Sel.Name == "Text" {
				return true
			}
		}
	}
	return false
}

// derive notes the parameters in an expression, whose texts become codes.
func (s *sources) derive(prefix string, e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := s.info.Uses[id].(*types.Var); ok {
				s.derived[v] = prefix
				found = true
			}
		}
		return true
	})
	return found
}

func (s *sources) constant(e ast.Expr) (string, bool) {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		text, err := strconv.Unquote(lit.Value)
		return text, err == nil
	}
	return "", false
}

func (s *sources) found(code string, e ast.Expr) {
	if code != "" && s.codes[code] == "" {
		s.codes[code] = s.fset.Position(e.Pos()).String()
	}
}

func (s *sources) notClear(e ast.Expr) {
	s.unclear = append(s.unclear, fmt.Sprint(s.fset.Position(e.Pos())))
}
