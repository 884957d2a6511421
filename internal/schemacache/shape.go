package schemacache

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/headrace/headrace/schema"
)

// shape makes the values of one schema out of their JSON as an expression sees them: a long is an int and a double a double, whatever
// digits they have, and timestamps are timestamps.
type shape struct {
	root  *schema.Type
	named map[string]*schema.Type // where a text only uses a name
}

func shapeOf(s *schema.Schema) *shape {
	sh := &shape{root: s.Outline(), named: map[string]*schema.Type{}}
	sh.define(sh.root)
	seen := map[*schema.Schema]bool{}
	var refer func(of *schema.Schema)
	refer = func(of *schema.Schema) {
		for _, ref := range of.References() {
			if !seen[ref] {
				seen[ref] = true
				sh.define(ref.Outline())
				refer(ref)
			}
		}
	}
	refer(s)
	return sh
}

func (sh *shape) define(t *schema.Type) {
	if t == nil {
		return
	}
	if t.Name != "" && !t.Use {
		sh.named[t.Name] = t
	}
	for _, f := range t.Fields {
		sh.define(f.Type)
	}
	for _, b := range t.Branches {
		sh.define(b)
	}
	sh.define(t.Items)
}

// decode returns the fields of an Avro value.
func (sh *shape) decode(s *schema.Schema, body []byte) (any, error) {
	text, err := schema.ToJSON(s, body)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return sh.value(value, sh.root), nil
}

// value gives what JSON has no types for the types of t; nil when it is not known.
func (sh *shape) value(v any, t *schema.Type) any {
	if t != nil && t.Is == "union" {
		t = only(t)
	}
	if t != nil && t.Use {
		t = sh.named[t.Name] // a union has no name
	}
	switch v := v.(type) {
	case json.Number:
		return number64(v, t != nil && (t.Is == "double" || t.Is == "float"))
	case string:
		return text(v, t)
	case []any:
		var items *schema.Type
		if t != nil {
			items = t.Items
		}
		for i := range v {
			v[i] = sh.value(v[i], items)
		}
	case map[string]any:
		for key, member := range v {
			v[key] = sh.value(member, sh.member(t, key))
		}
	}
	return v
}

// member is the type of a record's field, or of the values of a map.
func (sh *shape) member(t *schema.Type, key string) *schema.Type {
	switch {
	case t == nil:
		return nil
	case t.Is == "map":
		return t.Items
	}
	for _, f := range t.Fields {
		if f.Name == key {
			return f.Type
		}
	}
	return nil
}

// only is the one branch of a union beside null; nil when there are several, whose values stay as JSON has them.
func only(union *schema.Type) *schema.Type {
	var found *schema.Type
	for _, b := range union.Branches {
		if b.Is == "null" {
			continue
		}
		if found != nil {
			return nil
		}
		found = b
	}
	return found
}

func number64(n json.Number, float bool) any {
	if !float {
		if i, err := n.Int64(); err == nil {
			return i
		}
	}
	f, err := n.Float64()
	if err != nil {
		return n.String()
	}
	return f
}

// text is a string, or the timestamp that it stands for.
func text(s string, t *schema.Type) any {
	if t == nil {
		return s
	}
	switch t.Logical {
	case "timestamp-millis", "timestamp-micros", "timestamp-nanos":
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return at
		}
	}
	return s
}
