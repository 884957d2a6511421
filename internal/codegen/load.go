package codegen

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"
	"golang.org/x/sync/errgroup"

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
	packages    []*goPackage          // sorted by folder
	homes       map[string]*goPackage // by full name
	shared      map[string]bool       // types that another package uses
}

// load reads all sources together: a type defined in one may be used in any
// other, in whatever order they come.
func load(sources []Source) (*catalog, error) {
	c := &catalog{definitions: definitions{}, schemas: map[string]avro.NamedSchema{}, files: map[string]string{}, texts: map[string]string{}, shapes: newShapes()}
	named := make([]schema.Source, len(sources))
	for i, source := range sources {
		named[i] = schema.Source{Path: source.Name, Text: string(source.Text)}
	}
	folder, err := schema.NewFolder(named)
	if err != nil {
		return nil, err
	}
	whole := map[string]string{} // canonical form of each file's own type
	var problems []error
	for i, source := range sources {
		root, err := parseJSON(source.Text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", source.Name, err))
			continue
		}
		found := definitions{}
		name := found.collect(root, "").text()
		if len(found) == 0 {
			problems = append(problems, fmt.Errorf("%s: defines no record, enum or fixed", source.Name))
			continue
		}
		if file, ok := folder.Named(name); ok && file.Path == source.Name {
			whole[name] = file.Schema.Canonical()
			if len(file.References) == 0 {
				// A file that needs no other is carried as it is: some registries know a schema by its very text.
				c.texts[name] = strings.TrimSpace(named[i].Text)
			}
		}
		for name, definition := range found {
			c.files[name], c.definitions[name] = source.Name, definition
			c.names = append(c.names, name)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	slices.Sort(c.names)
	return c, c.parse(whole)
}

// maxTexts bounds the schemas that the generated types carry. Each is written with all that it uses, so that types which use each other
// in a row are written again and again.
const maxTexts = 32 << 20

// parse makes the schema of every type, each whole in itself.
func (c *catalog) parse(whole map[string]string) error {
	written := map[string]string{}
	size := 0
	for _, name := range c.names {
		if c.texts[name] == "" {
			written[name] = c.definitions.schemaText(name)
		}
		if size += len(written[name]) + len(c.texts[name]); size > maxTexts {
			return fmt.Errorf("the schemas of %d types, each with all that it uses, are more than %d bytes together: generate from fewer files at once, or let fewer types use each other",
				len(c.names), maxTexts)
		}
	}
	type parsed struct {
		text   string
		schema avro.NamedSchema
		err    error
	}
	results := make([]parsed, len(c.names))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range c.names {
		group.Go(func() error {
			r := &results[i]
			if r.text = c.texts[name]; r.text == "" {
				r.text = written[name]
				if want := whole[name]; want != "" {
					own, err := schema.Parse(r.text)
					if err == nil && own.Canonical() != want {
						err = errors.New("written in one text it is another schema")
					}
					if err != nil {
						r.err = fmt.Errorf("%s: %s: %w", c.files[name], name, err)
						return nil
					}
				}
			}
			// hamba knows defaults of a union's first branch only, Avro 1.12 those of any (AVRO-3649). The code needs none of them,
			// and the folder has held them to their types. A cache of its own: the library's default one is the whole process'.
			found, err := avro.ParseWithCache(c.definitions.plainText(name), "", &avro.SchemaCache{})
			if err != nil {
				r.err = fmt.Errorf("%s: %s: %w", c.files[name], name, err)
				return nil
			}
			r.schema, _ = found.(avro.NamedSchema) // it is the definition of a name
			return nil
		})
	}
	_ = group.Wait() // the errors are in results, all of them
	var problems []error
	for i, name := range c.names {
		c.texts[name], c.schemas[name] = results[i].text, results[i].schema
		problems = append(problems, results[i].err)
	}
	return errors.Join(problems...)
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
