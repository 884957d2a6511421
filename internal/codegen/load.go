package codegen

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hamba/avro/v2"
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
	names       []string          // full names, sorted
}

// load reads all sources together: a type defined in one may be used in any
// other, in whatever order they come.
func load(sources []Source) (*catalog, error) {
	c := &catalog{definitions: definitions{}, schemas: map[string]avro.NamedSchema{}, files: map[string]string{}}
	var problems []error
	for _, source := range sources {
		root, err := parseJSON(source.Text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: not JSON: %w", source.Name, err))
			continue
		}
		found := definitions{}
		found.collect(root, "")
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
		// A cache of its own: the library's default one is shared by the whole process.
		parsed, err := avro.ParseWithCache(c.definitions.schemaText(name), "", &avro.SchemaCache{})
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

// recursive says whether a record contains itself, at whatever depth.
func recursive(record *avro.RecordSchema) bool {
	return reaches(record, record.FullName(), map[string]bool{})
}

func reaches(s avro.Schema, name string, seen map[string]bool) bool {
	switch s := deref(s).(type) {
	case *avro.RecordSchema:
		if seen[s.FullName()] {
			return s.FullName() == name
		}
		seen[s.FullName()] = true
		for _, f := range s.Fields() {
			if reaches(f.Type(), name, seen) {
				return true
			}
		}
	case *avro.ArraySchema:
		return reaches(s.Items(), name, seen)
	case *avro.MapSchema:
		return reaches(s.Values(), name, seen)
	case *avro.UnionSchema:
		for _, branch := range s.Types() {
			if reaches(branch, name, seen) {
				return true
			}
		}
	}
	return false
}

// endless says whether every value of a record would have to contain another
// value of it: no Go type and no finite value exist for such a record.
func endless(s avro.Schema, within map[string]bool) bool {
	record, ok := deref(s).(*avro.RecordSchema)
	if !ok {
		return false
	}
	if within[record.FullName()] {
		return true
	}
	within[record.FullName()] = true
	defer delete(within, record.FullName())
	for _, f := range record.Fields() {
		if endless(f.Type(), within) {
			return true
		}
	}
	return false
}

// minSize returns the least number of bytes a value of s takes.
func minSize(s avro.Schema, within map[string]bool) int {
	switch s := deref(s).(type) {
	case *avro.NullSchema:
		return 0
	case *avro.FixedSchema:
		return s.Size()
	case *avro.PrimitiveSchema:
		switch s.Type() {
		case avro.Float:
			return 4
		case avro.Double:
			return 8
		}
	case *avro.UnionSchema:
		least := -1
		for _, branch := range s.Types() {
			if n := minSize(branch, within); least < 0 || n < least {
				least = n
			}
		}
		return 1 + max(least, 0)
	case *avro.RecordSchema:
		if within[s.FullName()] {
			return 0 // a lower bound is enough where a record meets itself
		}
		within[s.FullName()] = true
		defer delete(within, s.FullName())
		total := 0
		for _, f := range s.Fields() {
			total += minSize(f.Type(), within)
		}
		return total
	}
	return 1
}
