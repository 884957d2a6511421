package schema

import (
	"math/big"
	"strings"

	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema/codec"
)

// logical reads the readable notation of a logical type, or the number beneath it.
func (e *jsonEncoder) logical(n *node, v *jsonValue) *JSONError {
	switch n.logical {
	case logicalDecimal:
		return e.decimal(n, v)
	case logicalUUID:
		if v.kind != jsonString {
			return misfit("uuid needs a string, not %s", v.kind)
		}
		id, err := parseUUID(v.text)
		if err != nil && n.kind == kindString && e.defaults == nil {
			e.w.text(v.text) // others write such values, and ToJSON prints them
			return nil
		}
		if err != nil {
			return misfit("%q: %v", printable.Clip(v.text), err)
		}
		if n.kind == kindString {
			e.w.text(v.text)
		} else {
			e.w.raw(id[:])
		}
		return nil
	case logicalDuration:
		if v.kind != jsonString {
			return misfit("duration needs a string, not %s", v.kind)
		}
		d, err := parseDuration(v.text)
		if err != nil {
			return misfit("%q: %v", printable.Clip(v.text), err)
		}
		e.w.raw(codec.AppendDuration(nil, d))
		return nil
	}
	if v.kind == jsonNumber {
		return e.integer(n, v)
	}
	if v.kind != jsonString {
		return misfit("%s needs a string or a number, not %s", n.logical, v.kind)
	}
	i, err := parseTemporal(n.logical, v.text)
	if err != nil {
		return misfit("%q: %v", printable.Clip(v.text), err)
	}
	if n.kind == kindInt {
		e.w.long(i)
	} else {
		e.w.long(i)
	}
	return nil
}

func (e *jsonEncoder) decimal(n *node, v *jsonValue) *JSONError {
	if v.kind != jsonNumber && v.kind != jsonString {
		return misfit("decimal needs a string or a number, not %s", v.kind)
	}
	// big.Rat would compute 1e999999999; no decimal needs an exponent.
	if len(v.text) > 2*maxPrecision || strings.ContainsAny(v.text, "eEpPxX_/") {
		return misfit("%q is not a decimal like -12.50", printable.Clip(v.text))
	}
	r, ok := new(big.Rat).SetString(v.text)
	if !ok {
		return misfit("%q is not a decimal like -12.50", printable.Clip(v.text))
	}
	number, err := unscaled(r, n)
	if err != nil {
		return misfit("%v", err)
	}
	b, err := appendUnscaled(nil, number, n)
	if err != nil {
		return misfit("%v", err)
	}
	if n.kind == kindBytes {
		e.w.bytes(b)
	} else {
		e.w.raw(b)
	}
	return nil
}
