package engine

import (
	"slices"

	"github.com/celmap/celmap/engine/value"
)

// codes are those with which the engine rejects events, whatever the rules are.
var codes = []string{
	value.CodeInvalidJSON, value.CodeInvalidUTF8, value.CodeDuplicateKey, value.CodeEventTooLarge, value.CodeEventTooDeep,
	value.CodeEventTooMany, value.CodeStringTooLong, value.CodeNumberTooLong, value.CodeNumberOutOfRange,
	"not_an_object", "invalid_event", "invalid_config", "no_route", "missing_config", "missing_value", "invalid_value", "unknown_row",
	"expression_failed", "lookup_failed", "forbidden_host", "unsafe_url", "unsafe_header", "invalid_body", "invalid_request", "invalid_maximum",
	"item_too_large", "request_too_large", "too_many_items", "too_many_requests", "too_many_steps", "internal_error",
}

// Codes returns the codes with which events can be rejected, those of the rules
// and those of the engine, sorted.
func (p *Program) Codes() []string {
	all := append(p.plan.Codes(), codes...)
	slices.Sort(all)
	return slices.Compact(all)
}
