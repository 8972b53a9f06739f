package rudderserver

import (
	"net/http"
	"strconv"
	"strings"
)

// Features is the call by which rudder-server learns what a transformer can do.
func Features() *Call {
	return &Call{Method: http.MethodGet, Path: "/features", Header: http.Header{}}
}

// CheckFeatures applies every rule to an answer to Features. destTypes are those
// whose events must come to /routerTransform, in capitals.
func CheckFeatures(r *Response, destTypes ...string) error {
	var c checks
	if r.Status != http.StatusOK {
		c.violated(featuresStatus, 0, "status", strconv.Itoa(r.Status), "200")
		return c.err()
	}
	values, ok := c.object(readable, 0, "the body", r.Body)
	if !ok {
		return c.err()
	}
	if types, ok := c.object(upperTypes, 0, "routerTransform", values["routerTransform"]); ok {
		for _, name := range sortedKeys(types) {
			if name != strings.ToUpper(name) || kind(types[name]) != 't' && kind(types[name]) != 'f' {
				c.violated(upperTypes, 0, "routerTransform."+name, string(types[name]), "")
			}
		}
		for _, name := range destTypes {
			if kind(types[name]) != 't' {
				c.violated(ownType, 0, "routerTransform."+name, orAbsent(types[name]), "true")
			}
		}
	}
	if list, ok := c.list(regulations, 0, "regulations", values["regulations"]); ok {
		for i, raw := range list {
			if _, ok := textOf(raw); !ok {
				c.violated(regulations, 0, at("regulations", i), string(raw), "text")
			}
		}
	}
	for _, name := range sortedKeys(values) {
		if strings.HasPrefix(name, "support") || name == "upgradedToSourceTransformV2" {
			if k := kind(values[name]); k != 't' && k != 'f' {
				c.violated(booleanFeature, 0, name, string(values[name]), "true or false")
			}
		}
	}
	if kind(values["supportSourceTransformV1"]) != 't' && kind(values["upgradedToSourceTransformV2"]) != 't' {
		c.violated(sourceVersion, 0, "both", "not true", "")
	}
	return c.err()
}
