package schema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/headrace/headrace/internal/printable"
)

// InvalidSchemaError says why a text is not an Avro schema that this package accepts.
type InvalidSchemaError struct {
	Path   string // JSON pointer into the text; "" is the whole of it
	Reason string
	// Hint is what may mend it, "" when there is nothing to say beyond the reason.
	Hint string
	// Format is what a registry calls a schema that is not Avro: "JSON" or "PROTOBUF".
	Format string
	// Position is where in the text Path leads, or where the text stops being JSON; zero when there is no such place.
	Position
}

func (e *InvalidSchemaError) Error() string {
	text := "avro schema: " + e.Reason
	if e.Path != "" {
		text = "avro schema at " + e.Path + ": " + e.Reason
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Parse parses an Avro schema in JSON. refs are schemas whose named types the text may use by name; their own references are
// included. Nothing else is: two calls never see each other's types.
//
// Beyond the specification it refuses what could only do harm: text over 1 MiB, a fixed type over 1 MiB, a decimal of more than
// 1000 digits, JSON nested deeper than 512 levels, names over 1024 bytes, and names and defaults that expand to several MiB. The error
// is an [*InvalidSchemaError].
func Parse(text string, refs ...*Schema) (*Schema, error) {
	source, bad := locate(text)
	if bad != nil {
		return nil, bad
	}
	names, err := mergeNames(refs)
	if err != nil {
		return nil, err
	}
	return parseLocated(source, refs, names)
}

// ParseWriter is [Parse] for a schema that others write data with, as a [Resolver] gets it. A writer's defaults play no part in reading
// (Avro specification, "Schema Resolution"), and registries accept some that are not valid. Such a default counts as none: it is an error
// only where a reader needs it.
func ParseWriter(text string, refs ...*Schema) (*Schema, error) {
	source, bad := locate(text)
	if bad != nil {
		return nil, bad
	}
	names, err := mergeNames(refs)
	if err != nil {
		return nil, err
	}
	s, _, err := build(source, refs, names)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// locate reads a schema's text as JSON.
func locate(text string) (*located, *InvalidSchemaError) {
	if len(text) > MaxSchemaBytes {
		return nil, &InvalidSchemaError{
			Reason: fmt.Sprintf("%d bytes are more than the %d allowed", len(text), MaxSchemaBytes),
			Hint:   "move types into files of their own and refer to them by name",
		}
	}
	value, err := parseLocatedJSON([]byte(text))
	if err == nil {
		return newLocated(text, value), nil
	}
	bad := &InvalidSchemaError{
		Reason: "it is not JSON: " + err.reason, Position: newLocated(text, jsonValue{}).position(err.offset),
		Hint: "look for a missing comma, quote or bracket just before",
	}
	switch {
	case strings.TrimSpace(text) == "":
		bad.Hint = "`headrace schema new NAMESPACE.NAME` writes a schema to begin with"
	case strings.HasPrefix(text, "\ufeff"):
		bad.Hint = "save the file without a byte order mark"
	}
	return nil, bad
}

// parseLocated parses a schema that may use the types of names, which it adds its own to.
func parseLocated(source *located, refs []*Schema, names map[string]*node) (*Schema, error) {
	s, mistakes, err := build(source, refs, names)
	if len(mistakes) > 0 {
		return nil, mistakes[0]
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// build makes a schema that lacks the defaults that are not valid, and returns these.
func build(source *located, refs []*Schema, names map[string]*node) (*Schema, []*InvalidSchemaError, error) {
	s := &Schema{text: source.text, refs: append([]*Schema(nil), refs...)}
	mistakes, err := s.build(&source.root, names)
	var bad *InvalidSchemaError
	if errors.As(err, &bad) && bad.Position == (Position{}) {
		bad.Position = source.place(bad.Path)
	}
	for _, mistake := range mistakes {
		mistake.Position = source.place(mistake.Path)
	}
	return s, mistakes, err
}

func (s *Schema) build(value *jsonValue, names map[string]*node) ([]*InvalidSchemaError, error) {
	p := parser{home: s, names: names, used: map[string]*node{}}
	var err error
	if s.root, err = p.parse(value, "", ""); err != nil {
		return nil, err
	}
	// Defaults are checked here only: hamba would expand them without end, and looks for each of an enum among all its symbols.
	some, mistakes := encodeDefaults(p.records)
	mistakes = append(p.mistakes, mistakes...)
	plain := s.text
	if some || len(mistakes) > 0 {
		plain = withoutDefaults(value)
	}
	if err := validate(plain, p.used); err != nil {
		return mistakes, err
	}
	s.names = p.own()
	s.canonical = canonicalForm(s.root, false)
	s.identity = canonicalForm(s.root, true)
	s.guard = compileGuard(s.root)
	return mistakes, nil
}

// mergeNames collects what refs define. A name may come from several of them when they agree on what it means.
func mergeNames(refs []*Schema) (map[string]*node, error) {
	names := map[string]*node{}
	equal := sameness{}
	seen := map[*Schema]bool{}
	var merge func(refs []*Schema) error
	merge = func(refs []*Schema) error {
		for _, ref := range refs {
			if seen[ref] {
				continue
			}
			seen[ref] = true
			if err := merge(ref.refs); err != nil {
				return err
			}
			for name, n := range ref.names {
				if old, ok := names[name]; ok && !equal.types(old, n) {
					return &InvalidSchemaError{Reason: fmt.Sprintf("references define %s in two ways", name)}
				}
				names[name] = n
			}
		}
		return nil
	}
	return names, merge(refs)
}

// validate has hamba/avro check what the specification demands of names and symbols. It parses into a cache of its own: hamba's default
// cache is shared by the whole process and lets one subject's types leak into another's schema. used are the types that the text uses and
// references define. All that the text can do wrong with them is to use a name that is not defined, or one twice in a union, so that a
// type of the name will do: to parse the references again, for each schema that leads to them, would cost their length each time.
func validate(text string, used map[string]*node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &InvalidSchemaError{Reason: "checking it panicked: " + printable.Clip(fmt.Sprint(p))}
		}
	}()
	known := &avro.SchemaCache{}
	for name, n := range used {
		stand, err := avro.NewFixedSchema(n.name, "", 1, nil)
		if err != nil {
			return &InvalidSchemaError{Reason: printable.Clip(err.Error())}
		}
		known.Add(name, avro.NewRefSchema(stand))
	}
	if _, err := avro.ParseWithCache(text, "", known); err != nil {
		return &InvalidSchemaError{Reason: printable.Clip(err.Error())}
	}
	return nil
}
