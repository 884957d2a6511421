package lint

import (
	"fmt"
	"strings"

	"github.com/headrace/headrace/schema"
)

func naming() []Rule {
	return []Rule{
		{
			ID: "NAMESPACE_SET", Category: Naming,
			Wants:   "The schema's own type has a namespace.",
			Because: "The full name is the event's type: it picks the handler and names the subject, and without a namespace two teams' Order are one.",
			Bad:     example(`{"type": "record", "name": "Order", "doc": "An order.", "fields": []}`),
			Good:    example(`{"type": "record", "name": "Order", "namespace": "shop", "doc": "An order.", "fields": []}`),
			look: func(r *report) {
				if t := r.root; t.Name != "" && !t.Use && namespace(t.Name) == "" {
					r.add(t.Pointer, fmt.Sprintf("%s has no namespace", t.Name), `add "namespace", such as the name of the team or the domain`)
				}
			},
		},
		{
			ID: "NAMESPACE_LOWER", Category: Naming,
			Wants:   "Namespaces are lower-case words with dots between.",
			Because: "They become package names in Go, Java and Python, where capitals clash with types and with file systems.",
			Bad:     example(`{"type": "record", "name": "Order", "namespace": "com.Shop", "doc": "An order.", "fields": []}`),
			Good:    example(`{"type": "record", "name": "Order", "namespace": "com.shop", "doc": "An order.", "fields": []}`),
			look: func(r *report) {
				r.defined(func(t *schema.Type) {
					// What is nested has the namespace from around it, where it was reported.
					ns := namespace(t.Name)
					if ns != strings.ToLower(ns) && (t == r.root || ns != namespace(r.root.Name)) {
						r.add(t.Pointer, fmt.Sprintf("the namespace %s of %s is not lower-case", ns, unqualified(t.Name)),
							fmt.Sprintf("call it %s, with the old full name among the aliases", strings.ToLower(ns)))
					}
				})
			},
		},
		{
			ID: "TYPE_NAME_PASCAL", Category: Naming,
			Wants:   "Records, enums and fixed types are named in PascalCase.",
			Because: "Generated types carry the name; every language's generator bends other spellings in its own way.",
			Bad:     example(`{"type": "record", "name": "order_placed", "namespace": "shop", "doc": "An order was placed.", "fields": []}`),
			Good:    example(`{"type": "record", "name": "OrderPlaced", "namespace": "shop", "doc": "An order was placed.", "fields": []}`),
			look: func(r *report) {
				r.defined(func(t *schema.Type) {
					name := unqualified(t.Name)
					if strings.Contains(name, "_") || strings.ToUpper(name[:1]) != name[:1] {
						r.add(t.Pointer, fmt.Sprintf("the name of %s %s is not in PascalCase", t.Is, name),
							fmt.Sprintf(`call it %s, with "aliases": ["%s"] when events of it exist`, pascal(name), name))
					}
				})
			},
		},
		{
			ID: "FIELD_NAME_CASE", Category: Naming,
			Wants:   "Field names begin with a small letter and are in snake_case or camelCase, one of the two in a record.",
			Because: "Field names are the columns of every table the events end up in; mixed spellings have to be looked up each time.",
			Bad:     example(recordOf(`{"name": "OrderId", "type": "string", "doc": "The order's id."}`)),
			Good:    example(recordOf(`{"name": "order_id", "type": "string", "doc": "The order's id."}`)),
			look:    func(r *report) { r.each(r.fieldNames) },
		},
		{
			ID: "SYMBOL_NAME_UPPER", Category: Naming,
			Wants:   "Symbols of enums are in UPPER_SNAKE_CASE.",
			Because: "They become constants, and what is spelt Open in one event and OPEN in another is two values.",
			Bad: example(`{"type": "enum", "name": "State", "namespace": "shop", "doc": "What an order is.",
 "symbols": ["UNKNOWN", "Open"], "default": "UNKNOWN"}`),
			Good: example(`{"type": "enum", "name": "State", "namespace": "shop", "doc": "What an order is.",
 "symbols": ["UNKNOWN", "OPEN"], "default": "UNKNOWN"}`),
			look: func(r *report) {
				r.defined(func(t *schema.Type) {
					for i, symbol := range t.Symbols {
						if symbol != strings.ToUpper(symbol) {
							r.add(fmt.Sprintf("%s/symbols/%d", t.Pointer, i), fmt.Sprintf("symbol %s of enum %s is not in UPPER_SNAKE_CASE", symbol, t.Name),
								"call it "+strings.ToUpper(snake(symbol))+"; symbols have no aliases, so do it before there are events")
						}
					}
				})
			},
		},
	}
}

func (r *report) fieldNames(record *schema.Type) {
	style := ""
	for i := range record.Fields {
		f := &record.Fields[i]
		first := strings.TrimLeft(f.Name, "_")
		capital := first != "" && first[:1] != strings.ToLower(first[:1])
		own := ""
		switch {
		case strings.Contains(first, "_"):
			own = "snake_case"
		case first != strings.ToLower(first):
			own = "camelCase"
		}
		mixed := own == "snake_case" && first != strings.ToLower(first)
		alias := fmt.Sprintf(`, with "aliases": ["%s"] when events of it exist`, f.Name)
		switch {
		case capital || mixed:
			r.add(f.Pointer, fmt.Sprintf("the name of field %s is neither in snake_case nor in camelCase", f.Name), "call it "+snake(f.Name)+alias)
		case own != "" && style != "" && own != style:
			r.add(f.Pointer, fmt.Sprintf("field %s is in %s, and the fields before it in %s", f.Name, own, style), "spell both in one way"+alias)
		case style == "":
			style = own
		}
	}
}

// recordOf is the text of an example with fields.
func recordOf(fields string) string {
	return "{\"type\": \"record\", \"name\": \"Order\", \"namespace\": \"shop\", \"doc\": \"An order.\", \"fields\": [\n  " + fields + "\n]}"
}
