package schema

import (
	"crypto/sha256"
	"fmt"
	"reflect"
)

// Schema is a parsed Avro schema. It is immutable and safe for concurrent use. It does not know its id in any registry: ids
// belong to a registry, see [Registry.Lookup].
type Schema struct {
	text      string
	refs      []*Schema
	root      *node
	names     map[string]*node // every named type that text defines, aliases included
	canonical string
	identity  string
	guard     *guard
	// origin is where a registry keeps this schema, so that a schema that refers to it can say so. Zero for parsed text.
	origin origin
}

// origin is a version of a subject.
type origin struct {
	subject string
	version int
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

// Check reports whether body is exactly one well-formed value written with s, to its last byte, within the limits of this
// package. The error is a [*DataError]. It takes no memory, whatever body holds.
func (s *Schema) Check(body []byte) error { return s.guard.check(body) }

// registrationIdentity is what a registry tells schemas apart by: the whole text, documentation and defaults included, and that of
// the references.
func registrationIdentity(s *Schema) [32]byte {
	h := sha256.New()
	seen := map[*Schema]bool{}
	var add func(s *Schema)
	add = func(s *Schema) {
		if seen[s] {
			return
		}
		seen[s] = true
		_, _ = fmt.Fprintf(h, "%d:%s%d[", len(s.text), s.text, len(s.refs)) // a hash never fails
		for _, ref := range s.refs {
			add(ref)
		}
	}
	add(s)
	return [32]byte(h.Sum(nil))
}
