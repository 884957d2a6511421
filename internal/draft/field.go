package draft

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/headrace/headrace/internal/avroname"
	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema"
)

// logical are the logical types that are written without anything more, and the type that each annotates.
var logical = map[string]string{
	"uuid": "string", "date": "int", "time-millis": "int", "time-micros": "long",
	"timestamp-millis": "long", "timestamp-micros": "long", "timestamp-nanos": "long",
	"local-timestamp-millis": "long", "local-timestamp-micros": "long", "local-timestamp-nanos": "long",
}

// writer writes one field of a draft.
type writer struct {
	draft     Schema
	field     Field
	namespace string
	folder    *schema.Folder
	named     int // types that were named after the field
}

func (w *writer) line() (string, error) {
	t, err := parseShort(w.field.Type)
	if err != nil {
		return "", err
	}
	typ, err := w.typ(t)
	if err != nil {
		return "", err
	}
	def, err := w.defaultOf(t)
	if err != nil {
		return "", err
	}
	if def != "" {
		def = `, "default": ` + def
	}
	doc := w.field.Doc
	if doc == "" {
		doc = sentence(w.field.Name) + ", " + meaning(t) + "."
	}
	return fmt.Sprintf(`{"name": %s, "type": %s%s, "doc": %s}`, quoted(w.field.Name), typ, def, quoted(doc)), nil
}

func (w *writer) typ(t *short) (string, error) {
	if home, ok := logical[t.word]; ok {
		return fmt.Sprintf(`{"type": "%s", "logicalType": "%s"}`, home, t.word), nil
	}
	if slices.Contains(avroname.Primitives(), t.word) {
		return quoted(t.word), nil
	}
	switch t.word {
	case "decimal":
		text := `{"type": "bytes", "logicalType": "decimal", "precision": ` + t.args[0]
		if len(t.args) > 1 {
			text += `, "scale": ` + t.args[1]
		}
		return text + "}", nil
	case "duration":
		return fmt.Sprintf(`{"type": "fixed", "name": %s, "doc": "Months, days and milliseconds.", "size": 12, "logicalType": "duration"}`, w.name()), nil
	case "fixed":
		return fmt.Sprintf(`{"type": "fixed", "name": %s, "doc": "%s bytes.", "size": %s}`, w.name(), t.args[0], t.args[0]), nil
	case "enum":
		symbols := make([]string, len(t.args))
		for i, s := range t.args {
			symbols[i] = quoted(s)
		}
		return fmt.Sprintf(`{"type": "enum", "name": %s, "doc": %s, "symbols": [%s], "default": %s}`, w.name(),
			quoted(fmt.Sprintf("%s of %s; %s stands for what a reader does not know.", sentence(w.field.Name), lowerFirst(sentence(avroname.Unqualified(w.draft.Name))), t.args[0])),
			strings.Join(symbols, ", "), symbols[0]), nil
	case "array", "map":
		inner, err := w.typ(t.of[0])
		member := map[string]string{"array": "items", "map": "values"}[t.word]
		return fmt.Sprintf(`{"type": "%s", "%s": %s}`, t.word, member, inner), err
	case "union":
		branches := make([]string, len(t.of))
		for i, b := range t.of {
			var err error
			if branches[i], err = w.typ(b); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(branches, ", ") + "]", nil
	}
	return w.reference(t.word)
}

// name is what a type within the field is called: "OrderPlacedState" for field state of shop.OrderPlaced.
func (w *writer) name() string {
	w.named++
	name := avroname.Unqualified(w.draft.Name)
	for _, word := range nameWords(w.field.Name) {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	if w.named > 1 {
		name += fmt.Sprint(w.named)
	}
	return quoted(name)
}

// reference is the full name of a type that the folder defines, or of the draft itself.
func (w *writer) reference(name string) (string, error) {
	full := avroname.Full(name, w.namespace)
	if full == w.draft.Name {
		return quoted(full), nil
	}
	var near, all []string
	if w.folder != nil {
		if _, ok := w.folder.Named(full); ok {
			return quoted(full), nil
		}
		for _, file := range w.folder.Files {
			all = appendNames(all, file.Outline())
		}
		for _, other := range all {
			if avroname.Unqualified(other) == name {
				near = append(near, other)
			}
		}
	}
	slices.Sort(near)
	switch len(near) {
	case 1:
		return quoted(near[0]), nil
	case 0:
		all = slices.AppendSeq(append(all, "decimal", "duration"), maps.Keys(logical))
		return "", fmt.Errorf("there is no type %s, neither in Avro nor in the folder; %s", printable.Clip(name), avroname.Suggest(name, all))
	}
	return "", fmt.Errorf("type %s may be %s: write its full name", name, strings.Join(near, " or "))
}

// appendNames appends the full names that are defined in a type.
func appendNames(names []string, t *schema.Type) []string {
	if t == nil || t.Use {
		return names
	}
	if t.Name != "" {
		names = append(names, t.Name)
	}
	for i := range t.Fields {
		names = appendNames(names, t.Fields[i].Type)
	}
	for _, branch := range t.Branches {
		names = appendNames(names, branch)
	}
	return appendNames(names, t.Items)
}

func (w *writer) defaultOf(t *short) (string, error) {
	optional := t.word == "union" && t.of[0].word == "null"
	given := w.field.Default
	switch {
	case optional && given != "" && given != "null":
		return "", fmt.Errorf("what may be null has the default null: leave out =%s, or the ?", printable.Clip(given))
	case optional:
		return "null", nil
	case given != "" && json.Valid([]byte(given)) && t.word != "string":
		return given, nil
	case given != "" && strings.HasPrefix(given, `"`) && json.Valid([]byte(given)):
		return given, nil
	case given != "":
		return quoted(given), nil
	case t.word == "array":
		return "[]", nil
	case t.word == "map":
		return "{}", nil
	}
	return "", nil
}

// meaning tells what values of a type are, for a field nobody has described.
func meaning(t *short) string {
	switch t.word {
	case "union":
		if t.of[0].word == "null" && len(t.of) == 2 {
			return meaning(t.of[1]) + "; null when there is none"
		}
		return "one of several kinds"
	case "array":
		return "a list, each " + meaning(t.of[0])
	case "map":
		return "by key, each " + meaning(t.of[0])
	case "enum":
		return "one of " + strings.Join(t.args, ", ")
	case "fixed":
		return t.args[0] + " bytes"
	case "decimal":
		if len(t.args) > 1 && t.args[1] != "0" {
			return fmt.Sprintf("an exact number with %s digits after the point", t.args[1])
		}
		return "an exact whole number"
	}
	if text, ok := meanings[t.word]; ok {
		return text
	}
	return "of type " + t.word
}

var meanings = map[string]string{
	"boolean": "true or false", "int": "a whole number", "long": "a whole number", "float": "a floating-point number", "double": "a floating-point number",
	"bytes": "as bytes", "string": "as text", "null": "nothing", "uuid": "a UUID", "date": "a calendar day", "duration": "a calendar duration",
	"time-millis": "a time of day to the millisecond", "time-micros": "a time of day to the microsecond",
	"timestamp-millis": "a moment to the millisecond", "timestamp-micros": "a moment to the microsecond", "timestamp-nanos": "a moment to the nanosecond",
	"local-timestamp-millis": "a local date and time to the millisecond", "local-timestamp-micros": "a local date and time to the microsecond",
	"local-timestamp-nanos": "a local date and time to the nanosecond",
}

// nameWords splits a name at underscores and where a capital follows a small letter.
func nameWords(name string) []string {
	var spaced strings.Builder
	small := false
	for _, r := range name {
		if r == '_' || small && unicode.IsUpper(r) {
			spaced.WriteByte(' ')
		}
		if r != '_' {
			spaced.WriteRune(r)
		}
		small = unicode.IsLower(r) || unicode.IsDigit(r)
	}
	return strings.Fields(spaced.String())
}

// sentence is a name as words: "Order placed" of OrderPlaced.
func sentence(name string) string {
	text := strings.ToLower(strings.Join(nameWords(name), " "))
	if text == "" {
		return name
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func lowerFirst(text string) string { return strings.ToLower(text[:1]) + text[1:] }
