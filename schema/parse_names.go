package schema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/avroname"
	"github.com/headrace/headrace/internal/printable"
)

const (
	// maxName bounds a full name, which stands in many places that are written once: in what is nested in a namespace, in the canonical
	// form, in messages.
	maxName = 1024
	// maxNames bounds the full names of one schema together, each counted wherever it is used.
	maxNames = 8 * MaxSchemaBytes
)

func checkName(name, at string) error {
	switch {
	case len(name) > maxName:
		return &InvalidSchemaError{
			Path: at, Reason: fmt.Sprintf("a name of %d bytes is over the %d allowed", len(name), maxName), Hint: "shorten it, or its namespace",
		}
	case !avroname.Valid(name):
		return &InvalidSchemaError{Path: at, Reason: fmt.Sprintf("invalid name %q", printable.Clip(name)), Hint: avroname.Rule}
	}
	return nil
}

// spell makes a full name, and counts it.
func (p *parser) spell(name, namespace, at string) (string, error) {
	if p.spelled += len(name) + len(namespace); p.spelled > maxNames {
		return "", &InvalidSchemaError{
			Path: at, Reason: fmt.Sprintf("the full names of its types and aliases are longer than %d bytes together", maxNames),
			Hint: "shorten the namespace",
		}
	}
	return avroname.Full(name, namespace), nil
}

// checkFieldName looks at one name of a record; seen are those before it.
func checkFieldName(record *node, name, at string, seen map[string]string) error {
	if err := checkName(name, at+"/name"); err != nil {
		return err
	}
	if strings.Contains(name, ".") {
		return &InvalidSchemaError{Path: at + "/name", Reason: fmt.Sprintf("invalid name %q", printable.Clip(name)), Hint: avroname.Rule}
	}
	if first, twice := seen[name]; twice {
		return &InvalidSchemaError{
			Path: at, Reason: fmt.Sprintf("duplicate field %s: record %s has one already, at %s", name, record.name, first),
			Hint: "rename or remove one of them",
		}
	}
	seen[name] = at
	return nil
}

// checkSymbols holds an enum to the specification, "Enums": symbols are names, each once, and the default is one of them.
func checkSymbols(n *node, v *jsonValue, at string) error {
	list, ok := v.member("symbols")
	if !ok || list.kind != jsonArray || len(list.items) == 0 {
		return invalid(at, "enum %s needs an array of symbols, at least one", n.name)
	}
	n.ordinals = make(map[string]int, len(list.items))
	for i, symbol := range list.items {
		place := at + "/symbols/" + strconv.Itoa(i)
		switch {
		case symbol.kind != jsonString || len(symbol.text) > maxName || !avroname.Valid(symbol.text) || strings.Contains(symbol.text, "."):
			return &InvalidSchemaError{Path: place, Reason: fmt.Sprintf("invalid symbol %q of enum %s", printable.Clip(symbol.text), n.name), Hint: avroname.Rule}
		case has(n.ordinals, symbol.text):
			return &InvalidSchemaError{Path: place, Reason: fmt.Sprintf("duplicate symbol %s of enum %s", symbol.text, n.name), Hint: "remove one of them"}
		}
		n.ordinals[symbol.text] = i
	}
	if n.enumDefault != "" && !has(n.ordinals, n.enumDefault) {
		n.mistake = &InvalidSchemaError{
			Path: at + "/default", Reason: fmt.Sprintf("the default %q is none of the symbols of enum %s", printable.Clip(n.enumDefault), n.name),
			Hint: "make it one of " + printable.Clip(strings.Join(n.symbols, ", ")),
		}
		n.enumDefault = ""
	}
	return nil
}

func has(index map[string]int, name string) bool {
	_, ok := index[name]
	return ok
}

// meant says which of the names somebody may have meant, or how a logical type is written; "" when nothing is near.
func meant(name string, known []string) string {
	if home, ok := logicalHomes[name]; ok {
		return fmt.Sprintf(`%s is a logical type: write {"type": %q, "logicalType": %q, ...}`, name, home.kinds[0], name)
	}
	return avroname.Suggest(name, known)
}
