package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/headrace/headrace/schema"
)

// errNoField says that the JSON of an event lacks the field of the key.
var errNoField = errors.New("the event has no such field")

// eventKey takes the key from an event's JSON, or where it leaves the field out from what the field's default became.
func eventKey(s *schema.Schema, text, avro []byte, path string) ([]byte, error) {
	key, err := keyOf(text, path)
	if !errors.Is(err, errNoField) {
		return key, err
	}
	if text, err = schema.ToJSON(s, avro); err != nil {
		return nil, err
	}
	return keyOf(text, path)
}

// keyOf takes an event's key from one of its fields: a string as it is, a number or a boolean as it is written, null as
// a null key. path leads through nested records, a dot at each step.
func keyOf(event []byte, path string) ([]byte, error) {
	value := json.RawMessage(event)
	for name := range strings.SplitSeq(path, ".") {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(value, &fields); err != nil {
			return nil, fmt.Errorf("key field %q: %w", path, errNoField)
		}
		next, ok := fields[name]
		if !ok {
			return nil, fmt.Errorf("key field %q: %w", path, errNoField)
		}
		value = next
	}
	value = untagged(bytes.TrimSpace(value))
	switch value[0] {
	case '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return nil, fmt.Errorf("key field %q: %w", path, err)
		}
		return []byte(text), nil
	case '{', '[':
		return nil, fmt.Errorf("key field %q is not a string, a number, a boolean or null", path)
	}
	if bytes.Equal(value, []byte("null")) {
		return nil, nil
	}
	return value, nil
}

// untagged takes the value out of the form that names a union's branch: {"string": "N123"}.
func untagged(value []byte) []byte {
	var tagged map[string]json.RawMessage
	if value[0] != '{' || json.Unmarshal(value, &tagged) != nil || len(tagged) != 1 {
		return value
	}
	for branch, inner := range tagged {
		switch branch {
		case "string", "int", "long", "float", "double", "boolean":
			return bytes.TrimSpace(inner)
		}
	}
	return value
}
