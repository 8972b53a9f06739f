package golden

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/schemas"
)

const schemaFile = "fixture.schema.json"

var fixtureSchema = sync.OnceValue(func() *schema.Schema {
	data, err := schemas.FS.ReadFile(schemaFile)
	if err != nil {
		panic(err) // it is part of the program
	}
	s, err := schema.Compile("schemas/"+schemaFile, data)
	if err != nil {
		panic(fmt.Sprintf("schemas/%s does not compile: %v", schemaFile, err))
	}
	return s
})

// schema checks the file against the schema that editors use, so that the two
// never tell an author different things.
func (r *reader) schema(root *source.Node) {
	for _, v := range fixtureSchema().Validate(root.Value(&r.arena)) {
		r.found.Errorf("fixture-schema", nodeAt(root, v.Pointer).Span, "%s", v.Error()).Help =
			"the form of fixtures is described in schemas/" + schemaFile
	}
}

// nodeAt returns the node of a JSON pointer, or the nearest above it.
func nodeAt(n *source.Node, pointer string) *source.Node {
	for _, step := range strings.Split(pointer, "/")[1:] {
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		below := n.Get(name)
		if i, err := strconv.Atoi(name); err == nil && i < len(n.Items) {
			below = n.Items[i]
		}
		if below == nil {
			return n
		}
		n = below
	}
	return n
}
