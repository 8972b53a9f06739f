package rudder

import (
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// own is what rudder-server is told about us where there is no transformer
// behind us.
const own = `{"routerTransform":{},"regulations":[],"supportSourceTransformV1":true,"upgradedToSourceTransformV2":true,` +
	`"supportTransformerProxyV1":true,"supportDestTransformCompactedPayloadV1":true}`

// Features answers GET /features. upstream is the answer of the transformer
// behind us, nil if there is none: all that it says stays, since rudder-server
// takes it for every destination type; only the given types are added to those
// that the router transforms. The error says why it cannot be read.
func Features(upstream []byte, types []string) ([]byte, error) {
	if upstream == nil {
		upstream = []byte(own)
	}
	a := value.NewArena()
	features, err := value.Parse(a, upstream, value.Limits{})
	if err != nil {
		return nil, err
	}
	if features.Kind() != value.Object {
		return nil, fmt.Errorf("the features are %s, where an object is expected", value.Preview(features))
	}
	features = a.Fork(features)
	router := a.Object()
	if given := features.Get("routerTransform"); given.Kind() == value.Object {
		router = a.Fork(given)
	}
	for _, t := range types {
		a.Set(router, strings.ToUpper(t), value.BoolNode(true))
	}
	a.Set(features, "routerTransform", router)
	return value.AppendJSON(nil, features), nil
}
