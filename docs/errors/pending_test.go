package codes_test

// pending are codes whose numbers are given and whose pages are still to be written.
var pending = map[string]string{
	"fixture-lookups":      "R713",
	"invalid_utf8":         "E102",
	"too_many_keys":        "E306",
	"key_too_long":         "E307",
	"batch_too_many_steps": "E315",
	"output_too_large":     "E316",
	"invalid_utf8":         "E102",
}
