package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
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
}

// member returns an object's member by name.
func (v *jsonValue) member(name string) (*jsonValue, bool) {
	for i, k := range v.keys {
		if k == name {
			return &v.items[i], true
		}
	}
	return nil, false
}

// parseJSON reads exactly one JSON value. Invalid UTF-8 and a name that occurs twice in an object are errors: either would lose
// data without a word.
func parseJSON(data []byte) (jsonValue, error) {
	if !utf8.Valid(data) {
		return jsonValue{}, errors.New("it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := readJSON(dec, 0)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it ends too early")
		}
		return jsonValue{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return jsonValue{}, errors.New("there is more after the first value")
	}
	return v, nil
}

func readJSON(dec *json.Decoder, depth int) (jsonValue, error) {
	if depth > maxJSONDepth {
		return jsonValue{}, fmt.Errorf("it nests deeper than %d levels", maxJSONDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return jsonValue{}, err
	}
	switch t := token.(type) {
	case bool:
		return jsonValue{kind: jsonBool, truth: t}, nil
	case json.Number:
		return jsonValue{kind: jsonNumber, text: t.String()}, nil
	case string:
		return jsonValue{kind: jsonString, text: t}, nil
	case json.Delim:
		if t == '[' {
			return readJSONArray(dec, depth)
		}
		return readJSONObject(dec, depth)
	default:
		return jsonValue{kind: jsonNull}, nil
	}
}

func readJSONArray(dec *json.Decoder, depth int) (jsonValue, error) {
	v := jsonValue{kind: jsonArray}
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

func readJSONObject(dec *json.Decoder, depth int) (jsonValue, error) {
	v := jsonValue{kind: jsonObject}
	seen := map[string]struct{}{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return jsonValue{}, err
		}
		key, _ := token.(string)
		if _, twice := seen[key]; twice {
			return jsonValue{}, fmt.Errorf("the name %q occurs twice in one object", clip(key))
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
