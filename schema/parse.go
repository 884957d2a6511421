package schema

import (
	"fmt"
	"maps"

	"github.com/hamba/avro/v2"
)

// maxSchemaText bounds a schema's text; registries hand out schemas that somebody else wrote.
const maxSchemaText = 1 << 20

// InvalidSchemaError says why a text is not an Avro schema that this package accepts.
type InvalidSchemaError struct {
	Path   string // JSON pointer into the text; "" is the whole of it
	Reason string
}

func (e *InvalidSchemaError) Error() string {
	if e.Path == "" {
		return "avro schema: " + e.Reason
	}
	return "avro schema at " + e.Path + ": " + e.Reason
}

// Parse parses an Avro schema in JSON. refs are schemas whose named types the text may use by name; their own references are
// included. Nothing else is: two calls never see each other's types.
//
// Beyond the specification it refuses what could only do harm: text over 1 MiB, a fixed type over 1 MiB, a decimal of more than
// 1000 digits, JSON nested deeper than 512 levels. The error is an [*InvalidSchemaError].
func Parse(text string, refs ...*Schema) (*Schema, error) {
	if len(text) > maxSchemaText {
		return nil, &InvalidSchemaError{Reason: fmt.Sprintf("%d bytes are more than the %d allowed", len(text), maxSchemaText)}
	}
	names, err := mergeNames(refs)
	if err != nil {
		return nil, err
	}
	value, err := parseJSON([]byte(text))
	if err != nil {
		return nil, &InvalidSchemaError{Reason: "it is not JSON: " + err.Error()}
	}
	p := parser{names: names}
	root, err := p.parse(&value, "", "")
	if err != nil {
		return nil, err
	}
	// Defaults come first: they are bounded there, and hamba would expand them without end.
	if err := encodeDefaults(p.records); err != nil {
		return nil, err
	}
	if err := validate(text, refs); err != nil {
		return nil, err
	}
	return &Schema{
		text:      text,
		refs:      append([]*Schema(nil), refs...),
		root:      root,
		names:     names,
		canonical: canonicalForm(root, false),
		identity:  canonicalForm(root, true),
		guard:     compileGuard(root),
	}, nil
}

// mergeNames collects what refs define. A name may come from several of them when they agree on what it means.
func mergeNames(refs []*Schema) (map[string]*node, error) {
	names := map[string]*node{}
	for _, ref := range refs {
		for name, n := range ref.names {
			if old, ok := names[name]; ok && old != n && canonicalForm(old, true) != canonicalForm(n, true) {
				return nil, &InvalidSchemaError{Reason: fmt.Sprintf("references define %s in two ways", name)}
			}
		}
		maps.Copy(names, ref.names)
	}
	return names, nil
}

// validate has hamba/avro check what the specification demands of names, symbols and defaults. It parses into a cache of its own,
// references first: hamba's default cache is shared by the whole process and lets one subject's types leak into another's schema.
func validate(text string, refs []*Schema) (err error) {
	defer func() {
		// hamba panics on some defaults of recursive records.
		if p := recover(); p != nil {
			err = &InvalidSchemaError{Reason: "a default refers to a record that is not complete yet"}
		}
	}()
	cache := &avro.SchemaCache{}
	seen := map[*Schema]bool{}
	var add func(s *Schema) error
	add = func(s *Schema) error {
		if seen[s] {
			return nil
		}
		seen[s] = true
		for _, ref := range s.refs {
			if err := add(ref); err != nil {
				return err
			}
		}
		_, err := avro.ParseWithCache(s.text, "", cache)
		return err
	}
	for _, ref := range refs {
		if err := add(ref); err != nil {
			return &InvalidSchemaError{Reason: fmt.Sprintf("reference %s: %s", ref.FullName(), clip(err.Error()))}
		}
	}
	if _, err := avro.ParseWithCache(text, "", cache); err != nil {
		return &InvalidSchemaError{Reason: clip(err.Error())}
	}
	return nil
}
