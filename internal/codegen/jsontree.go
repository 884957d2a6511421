package codegen

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// maxNesting bounds how deep the JSON of a schema file may nest.
const maxNesting = 256

// node is a JSON value that keeps the order of object members, which a Go map
// would lose: generated code embeds the schema as its author wrote it.
type node struct {
	members []member        // of an object
	items   []*node         // of an array
	scalar  json.RawMessage // of anything else
	object  bool
	array   bool
}

type member struct {
	key   string
	value *node
}

func parseJSON(text []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	n, err := readNode(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the schema")
	}
	return n, nil
}

func readNode(d *json.Decoder, depth int) (*node, error) {
	if depth > maxNesting {
		return nil, errors.New("JSON nests too deep")
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		raw, err := json.Marshal(token)
		return &node{scalar: raw}, err
	}
	n := &node{object: delim == '{', array: delim == '['}
	for d.More() {
		var key string
		if n.object {
			token, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, _ = token.(string)
		}
		value, err := readNode(d, depth+1)
		if err != nil {
			return nil, err
		}
		if n.object {
			n.members = append(n.members, member{key, value})
		} else {
			n.items = append(n.items, value)
		}
	}
	_, err = d.Token()
	return n, err
}

func (n *node) get(key string) *node {
	for _, m := range n.members {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// text returns the string a scalar holds, and "" for anything else.
func (n *node) text() string {
	var s string
	if n == nil || n.scalar == nil || json.Unmarshal(n.scalar, &s) != nil {
		return ""
	}
	return s
}

func (n *node) append(dst []byte) []byte {
	switch {
	case n.object:
		dst = append(dst, '{')
		for i, m := range n.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			key, _ := json.Marshal(m.key)
			dst = append(append(dst, key...), ':')
			dst = m.value.append(dst)
		}
		return append(dst, '}')
	case n.array:
		dst = append(dst, '[')
		for i, item := range n.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.append(dst)
		}
		return append(dst, ']')
	default:
		return append(dst, n.scalar...)
	}
}

func stringNode(s string) *node {
	raw, _ := json.Marshal(s)
	return &node{scalar: raw}
}
