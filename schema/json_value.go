package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/headrace/headrace/internal/printable"
)

// maxJSONDepth bounds the nesting of JSON read from outside: schemas and events as JSON.
const maxJSONDepth = 512

type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

var jsonKindNames = [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}

func (k jsonKind) String() string { return jsonKindNames[k] }

// jsonValue is parsed JSON that keeps what encoding/json's maps lose: the order of members and every digit of a number.
type jsonValue struct {
	kind  jsonKind
	truth bool
	text  string // a string's value, a number's literal
	keys  []string
	items []jsonValue // elements, or members in the order of keys
	// after is the offset of the end of what stands before the value in its text; see located.place.
	after int
}

// jsonError says where a text stops being what parseJSON reads.
type jsonError struct {
	offset int
	reason string
}

func (e *jsonError) Error() string { return e.reason }

// member returns an object's member by name.
func (v *jsonValue) member(name string) (*jsonValue, bool) {
	for i, k := range v.keys {
		if k == name {
			return &v.items[i], true
		}
	}
	return nil, false
}

// members returns member, or where there are many a faster one.
func (v *jsonValue) members() func(name string) (*jsonValue, bool) {
	if len(v.keys) <= manyMembers {
		return v.member
	}
	index := make(map[string]int, len(v.keys))
	for i, key := range v.keys {
		index[key] = i
	}
	return func(name string) (*jsonValue, bool) {
		i, ok := index[name]
		if !ok {
			return nil, false
		}
		return &v.items[i], true
	}
}

// parseJSON reads exactly one JSON value. Invalid UTF-8 and a name that occurs twice in an object are errors: either would lose
// data without a word.
func parseJSON(data []byte) (jsonValue, error) {
	v, err := parseLocatedJSON(data)
	if err != nil {
		return jsonValue{}, err
	}
	return v, nil
}

// parseLocatedJSON is parseJSON with the offset of what is wrong.
func parseLocatedJSON(data []byte) (jsonValue, *jsonError) {
	if !utf8.Valid(data) {
		return jsonValue{}, &jsonError{firstInvalid(data), "it is not UTF-8"}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := readJSON(dec, 0)
	var syntax *json.SyntaxError
	var told *jsonError
	switch {
	case errors.As(err, &told):
		return jsonValue{}, told
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return jsonValue{}, &jsonError{len(data), "it ends too early"}
	case errors.As(err, &syntax):
		// Offset counts the byte that is wrong as read, or the space before it.
		return jsonValue{}, &jsonError{begin(string(data), max(int(syntax.Offset)-1, 0)), err.Error()}
	case err != nil:
		return jsonValue{}, &jsonError{int(dec.InputOffset()), err.Error()}
	}
	if end := int(dec.InputOffset()); len(bytes.TrimSpace(data[end:])) > 0 {
		return jsonValue{}, &jsonError{begin(string(data), end), "there is more after the first value"}
	}
	return v, nil
}

func firstInvalid(data []byte) int {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

func readJSON(dec *json.Decoder, depth int) (jsonValue, error) {
	after := int(dec.InputOffset())
	if depth > maxJSONDepth {
		return jsonValue{}, &jsonError{after, fmt.Sprintf("it nests deeper than %d levels", maxJSONDepth)}
	}
	token, err := dec.Token()
	if err != nil {
		return jsonValue{}, err
	}
	v := jsonValue{after: after}
	switch t := token.(type) {
	case bool:
		v.kind, v.truth = jsonBool, t
	case json.Number:
		v.kind, v.text = jsonNumber, t.String()
	case string:
		v.kind, v.text = jsonString, t
	case json.Delim:
		if t == '[' {
			return readJSONArray(dec, v, depth)
		}
		return readJSONObject(dec, v, depth)
	}
	return v, nil
}

func readJSONArray(dec *json.Decoder, v jsonValue, depth int) (jsonValue, error) {
	v.kind = jsonArray
	for dec.More() {
		item, err := readJSON(dec, depth+1)
		if err != nil {
			return jsonValue{}, err
		}
		v.items = append(v.items, item)
	}
	_, err := dec.Token()
	return v, err
}

func readJSONObject(dec *json.Decoder, v jsonValue, depth int) (jsonValue, error) {
	v.kind = jsonObject
	seen := map[string]struct{}{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return jsonValue{}, err
		}
		key, _ := token.(string)
		if _, twice := seen[key]; twice {
			return jsonValue{}, &jsonError{int(dec.InputOffset()), fmt.Sprintf("the name %q occurs twice in one object", printable.Clip(key))}
		}
		seen[key] = struct{}{}
		item, err := readJSON(dec, depth+1)
		if err != nil {
			return jsonValue{}, err
		}
		v.keys = append(v.keys, key)
		v.items = append(v.items, item)
	}
	_, err := dec.Token()
	return v, err
}
