// Package draft writes new record schemas from fields in short: what `headrace schema new` does.
package draft

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/avroname"
	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema"
)

// Schema is a new record schema.
type Schema struct {
	Name   string // full name, with a namespace
	Doc    string // made from the name when empty
	Fields []Field
}

// Field is a field of a [Schema].
type Field struct {
	Name string
	// Type is the type in short; see [ParseField].
	Type string
	// Default is JSON, or the bare text of a string or a symbol. Without one, a field that may be null defaults to null, and arrays
	// and maps to empty ones.
	Default string
	Doc     string // made from name and type when empty
}

// ParseField reads a field as "name:type", "name:type=default", both with " # doc" after them. A type is
//
//	boolean int long float double bytes string      as in Avro; bool is boolean
//	uuid date time timestamp local-timestamp        logical types; -millis (which is the default), -micros and -nanos set the unit
//	decimal(12,2)                                   precision and scale
//	duration fixed(16) enum(A,B,C)                  named types, called after record and field; an enum's first symbol is its default
//	[]T array(T) map(T)                             lists, and maps by string
//	shop.Money Money                                a type of another file
//	A|B                                             a union
//	T?                                              T or null, null by default; ? belongs to all before it, brackets say otherwise
func ParseField(text string) (Field, error) {
	spec, doc, _ := strings.Cut(text, " #")
	name, rest, ok := strings.Cut(spec, ":")
	typ, def, _ := strings.Cut(rest, "=")
	f := Field{Name: strings.TrimSpace(name), Type: strings.TrimSpace(typ), Default: strings.TrimSpace(def), Doc: strings.TrimSpace(doc)}
	if !ok || f.Type == "" {
		return f, fmt.Errorf("field %q is not name:type, as in total:decimal(12,2)", printable.Clip(text))
	}
	if !avroname.Valid(f.Name) || strings.Contains(f.Name, ".") {
		return f, fmt.Errorf("field name %q is invalid: %s", printable.Clip(f.Name), avroname.Rule)
	}
	if _, err := parseShort(f.Type); err != nil {
		return f, fmt.Errorf("field %s: %w", f.Name, err)
	}
	return f, nil
}

// Text returns the schema's text. Names of other types are those that folder defines, which may be nil.
func (d Schema) Text(folder *schema.Folder) (string, error) {
	if !avroname.Valid(d.Name) {
		return "", fmt.Errorf("invalid name %q: %s", printable.Clip(d.Name), avroname.Rule)
	}
	name := avroname.Unqualified(d.Name)
	namespace := strings.TrimSuffix(strings.TrimSuffix(d.Name, name), ".")
	if namespace == "" {
		return "", fmt.Errorf("%s has no namespace: name it as in shop.%s", d.Name, d.Name)
	}
	doc := d.Doc
	if doc == "" {
		doc = sentence(name) + ": an event of " + namespace + "."
	}
	lines := make([]string, len(d.Fields))
	for i, f := range d.Fields {
		if slices.ContainsFunc(d.Fields[:i], func(before Field) bool { return before.Name == f.Name }) {
			return "", fmt.Errorf("field %s is given twice", f.Name)
		}
		w := writer{draft: d, field: f, namespace: namespace, folder: folder}
		line, err := w.line()
		if err != nil {
			return "", fmt.Errorf("field %s: %w", f.Name, err)
		}
		lines[i] = "\n    " + line
	}
	fields := strings.Join(lines, ",")
	if fields != "" {
		fields += "\n  "
	}
	return fmt.Sprintf("{\n  \"type\": \"record\",\n  \"name\": %s,\n  \"namespace\": %s,\n  \"doc\": %s,\n  \"fields\": [%s]\n}\n",
		quoted(name), quoted(namespace), quoted(doc), fields), nil
}

func quoted(text string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string cannot fail
	return strings.TrimSuffix(out.String(), "\n")
}
