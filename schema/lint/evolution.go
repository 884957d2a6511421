package lint

import (
	"fmt"
	"slices"

	"github.com/headrace/headrace/schema"
)

func evolution() []Rule {
	return []Rule{
		{
			ID: "NULL_FIRST", Category: Evolution,
			Wants:   "In a union that holds null, null comes first.",
			Because: "A default belongs to the first branch in every implementation there is, and absent is the default that is always right.",
			Bad:     example(recordOf(`{"name": "note", "type": ["string", "null"], "default": "", "doc": "What the customer wrote."}`)),
			Good:    example(recordOf(`{"name": "note", "type": ["null", "string"], "default": null, "doc": "What the customer wrote, null when nothing."}`)),
			look: func(r *report) {
				r.each(func(t *schema.Type) {
					if null := slices.IndexFunc(t.Branches, isNull); null > 0 {
						r.add(t.Pointer, "null is not the first branch of the union", "move it to the front; readers find branches by type, so that stays compatible")
					}
				})
			},
		},
		{
			ID: "NULL_DEFAULT", Category: Evolution,
			Wants:   "A field that may be null has the default null.",
			Because: "Without a default the field can never be removed, and adding it breaks every reader of older events.",
			Bad:     example(recordOf(`{"name": "note", "type": ["null", "string"], "doc": "What the customer wrote, null when nothing."}`)),
			Good:    example(recordOf(`{"name": "note", "type": ["null", "string"], "default": null, "doc": "What the customer wrote, null when nothing."}`)),
			look: func(r *report) {
				r.fields(func(_ *schema.Type, f *schema.Field) {
					if len(f.Type.Branches) > 1 && isNull(f.Type.Branches[0]) && f.Default == nil {
						r.add(f.Pointer, fmt.Sprintf("field %s may be null and has no default", f.Name), `add "default": null`)
					}
				})
			},
		},
		{
			ID: "COLLECTION_DEFAULT", Category: Evolution,
			Wants:   "A field that is an array or a map has a default, the empty one.",
			Because: "Without a default the field can never be removed, and adding it breaks every reader of older events; empty says the same as absent.",
			Bad:     example(recordOf(`{"name": "tags", "type": {"type": "array", "items": "string"}, "doc": "Words to find it by."}`)),
			Good:    example(recordOf(`{"name": "tags", "type": {"type": "array", "items": "string"}, "default": [], "doc": "Words to find it by."}`)),
			look: func(r *report) {
				r.fields(func(_ *schema.Type, f *schema.Field) {
					def := map[string]string{"array": "[]", "map": "{}"}[f.Type.Is]
					if def != "" && f.Default == nil {
						r.add(f.Pointer, fmt.Sprintf("%s field %s has no default", f.Type.Is, f.Name), `add "default": `+def)
					}
				})
			},
		},
		{
			ID: "ENUM_DEFAULT", Category: Evolution,
			Wants:   "An enum has a default.",
			Because: "It is what old readers get for symbols they do not know; without one the first new symbol stops them.",
			Bad: example(`{"type": "enum", "name": "State", "namespace": "shop", "doc": "What an order is.",
 "symbols": ["UNKNOWN", "OPEN"]}`),
			Good: example(`{"type": "enum", "name": "State", "namespace": "shop", "doc": "What an order is.",
 "symbols": ["UNKNOWN", "OPEN"], "default": "UNKNOWN"}`),
			look: func(r *report) {
				r.defined(func(t *schema.Type) {
					if t.Is == "enum" && t.Default == "" {
						r.add(t.Pointer, fmt.Sprintf("enum %s has no default", t.Name), `add "default": the symbol that stands for all others, such as UNKNOWN`)
					}
				})
			},
		},
		{
			ID: "ENDLESS_RECORD", Category: Evolution,
			Wants:   "A record that holds itself does so by way of a union with another branch, an array or a map.",
			Because: "Otherwise it has no finite value: nothing can ever be written with it.",
			Bad:     example(`{"type": "record", "name": "Node", "namespace": "shop", "doc": "A node.", "fields": [` + "\n" + `  {"name": "next", "type": "Node", "doc": "The node after this one."}` + "\n]}"),
			Good:    example(`{"type": "record", "name": "Node", "namespace": "shop", "doc": "A node.", "fields": [` + "\n" + `  {"name": "next", "type": ["null", "Node"], "default": null, "doc": "The node after this one, null at the end."}` + "\n]}"),
			look: func(r *report) {
				circles := r.circles()
				r.defined(func(t *schema.Type) {
					if f := circles.endless(t); f != nil {
						r.add(f.Pointer, fmt.Sprintf("record %s holds itself in field %s: it has no finite value", t.Name, f.Name), fmt.Sprintf(`make the type ["null", "%s"]`, t.Name))
					}
				})
			},
		},
	}
}

func isNull(t *schema.Type) bool { return t.Is == "null" }
