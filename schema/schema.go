package schema

import (
	"crypto/sha256"
	"fmt"
	"reflect"
)

// Schema is a parsed Avro schema. It is immutable and safe for concurrent use. It does not know its id in any registry: ids
// belong to a registry.
type Schema struct {
	text      string
	refs      []*Schema
	root      *node
	names     map[string]*node // every named type that text defines, aliases included
	canonical string
	identity  string
	guard     *guard
	origin    Origin
}

// Origin is the version of a subject under which a registry keeps a schema. A schema that refers to another names the other's origin
// when it is registered.
type Origin struct {
	Subject string
	Version int // 1 is the first
}

// Of returns the schema of an event type. It calls AvroSchema on E's zero value; when that panics, Of returns an error.
func Of[E Event]() (s *Schema, err error) {
	var e E
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%s: AvroSchema panicked on the zero value: %v", reflect.TypeFor[E](), p)
		}
	}()
	s, err = Parse(e.AvroSchema())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reflect.TypeFor[E](), err)
	}
	return s, nil
}

// FullName returns the namespace-qualified name of a record, enum or fixed, and the type's own name ("string", "array") of
// anything else. The full name of an event's schema is its message type.
func (s *Schema) FullName() string { return s.root.typeName() }

// String returns the text the schema was parsed from, unchanged.
func (s *Schema) String() string { return s.text }

// Canonical returns the schema in Parsing Canonical Form (Avro specification, "Transforming into Parsing Canonical Form"), with the
// types of its references spelled out where they are first used. Documentation, defaults, aliases and logical types are no part
// of it.
func (s *Schema) Canonical() string { return s.canonical }

// Fingerprint returns the SHA-256 of [Schema.Canonical]. Schemas that differ in defaults, aliases or logical types only have the same
// fingerprint.
func (s *Schema) Fingerprint() [32]byte { return sha256.Sum256([]byte(s.canonical)) }

// References returns the schemas that were given to [Parse] with the text.
func (s *Schema) References() []*Schema { return append([]*Schema(nil), s.refs...) }

// Origin returns where a registry keeps s. It is zero for a schema that did not come from a subject of a registry.
func (s *Schema) Origin() Origin { return s.origin }

// WithOrigin returns s as a registry keeps it under at.
func (s *Schema) WithOrigin(at Origin) *Schema {
	located := *s
	located.origin = at
	return &located
}

// SameData reports whether what is written with s is, byte for byte, what is written with other, and means the same: both have the same
// types, names and logical types. Documentation, defaults and aliases may differ.
func (s *Schema) SameData(other *Schema) bool { return s.identity == other.identity }

// Check reports whether body is exactly one well-formed value written with s, to its last byte, within the limits of this
// package. The error is a [*DataError]. It takes no memory, whatever body holds.
func (s *Schema) Check(body []byte) error { return s.guard.check(body) }
