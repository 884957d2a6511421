package codegen

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/headrace/headrace/schema"
)

// Source is one schema file: its name, for messages and for the name of the
// generated file, and its text.
type Source struct {
	Name string
	Text []byte
}

// catalog is every named type of a set of schema files.
type catalog struct {
	definitions definitions
	schemas     map[string]avro.NamedSchema
	files       map[string]string // full name to the name of the file that defines it
	texts       map[string]string // full name to the schema's text
	names       []string          // full names, sorted
	shapes      *shapes
	identifiers identifiers
}

// load reads all sources together: a type defined in one may be used in any
// other, in whatever order they come.
func load(sources []Source) (*catalog, error) {
	c := &catalog{definitions: definitions{}, schemas: map[string]avro.NamedSchema{}, files: map[string]string{}, texts: map[string]string{}, shapes: newShapes()}
	var problems []error
	for _, source := range sources {
		root, err := parseJSON(source.Text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: not JSON: %w", source.Name, err))
			continue
		}
		found := definitions{}
		if name := found.collect(root, "").text(); name != "" {
			c.texts[name] = strings.TrimSpace(string(source.Text))
		}
		if len(found) == 0 {
			problems = append(problems, fmt.Errorf("%s: defines no record, enum or fixed", source.Name))
		}
		for _, name := range slices.Sorted(maps.Keys(found)) {
			if other, ok := c.files[name]; ok {
				problems = append(problems, fmt.Errorf("%s: %s is defined in %s already", source.Name, name, other))
				continue
			}
			c.files[name], c.definitions[name] = source.Name, found[name]
			c.names = append(c.names, name)
		}
	}
	slices.Sort(c.names)
	for _, name := range c.names {
		whole, err := schema.Parse(c.definitions.schemaText(name))
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %s: %w", c.files[name], name, err))
			continue
		}
		// A file that needs no other is carried as it is: some registries know a schema by its very text.
		if own, err := schema.Parse(c.texts[name]); err != nil || own.FullName() != name || own.Canonical() != whole.Canonical() {
			c.texts[name] = whole.String()
		}
		// A cache of its own: the library's default one is shared by the whole process.
		parsed, err := avro.ParseWithCache(c.texts[name], "", &avro.SchemaCache{})
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %s: %w", c.files[name], name, err))
			continue
		}
		named, ok := parsed.(avro.NamedSchema)
		if !ok {
			problems = append(problems, fmt.Errorf("%s: %s: not a named type", c.files[name], name))
			continue
		}
		c.schemas[name] = named
	}
	return c, errors.Join(problems...)
}

// deref returns the schema a reference stands for.
func deref(s avro.Schema) avro.Schema {
	if ref, ok := s.(*avro.RefSchema); ok {
		return ref.Schema()
	}
	return s
}

// logicalType returns the logical type of s, also one that the parser does not
// know and keeps as a plain property.
func logicalType(s avro.Schema) string {
	type logical interface {
		Logical() avro.LogicalSchema
		Prop(name string) any
	}
	l, ok := s.(logical)
	if !ok {
		return ""
	}
	if l.Logical() != nil {
		return string(l.Logical().Type())
	}
	name, _ := l.Prop("logicalType").(string)
	return name
}
