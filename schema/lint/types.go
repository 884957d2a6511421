package lint

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/headrace/headrace/schema"
)

func types() []Rule {
	return []Rule{
		{
			ID: "TIME_LOGICAL", Category: Types,
			Wants:   "What is named as a time or a date has a logical type.",
			Because: "A plain number leaves open whether it counts seconds, milliseconds or microseconds, and a string whether it has a zone.",
			Bad:     example(recordOf(`{"name": "placed_at", "type": "long", "doc": "When the customer paid."}`)),
			Good:    example(recordOf(`{"name": "placed_at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "When the customer paid."}`)),
			look: func(r *report) {
				r.plain([]string{"at", "time", "timestamp", "datetime", "date", "day", "birthday"}, []string{"int", "long", "string", "double", "float"},
					func(f *schema.Field, t *schema.Type) {
						r.add(f.Pointer, fmt.Sprintf("field %s is named as a time and is a plain %s", f.Name, t.Is),
							`use {"type": "long", "logicalType": "timestamp-millis"}, {"type": "int", "logicalType": "date"} or {"type": "long", "logicalType": "time-micros"}`)
					})
			},
		},
		{
			ID: "MONEY_DECIMAL", Category: Types,
			Wants:   "What is named as money is a decimal, or a whole number of its smallest unit.",
			Because: "0.1 has no exact floating-point value: sums drift, and cents go missing.",
			Bad:     example(recordOf(`{"name": "price", "type": "double", "doc": "Price in euros."}`)),
			Good:    example(recordOf(`{"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}, "doc": "Price in euros."}`)),
			look: func(r *report) {
				money := []string{"price", "amount", "cost", "fee", "balance", "tax", "salary", "fare", "total", "subtotal", "money", "revenue"}
				r.plain(money, []string{"float", "double", "string", "bytes"}, func(f *schema.Field, t *schema.Type) {
					r.add(f.Pointer, fmt.Sprintf("field %s is named as money and is a plain %s", f.Name, t.Is),
						`use {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}`)
				})
			},
		},
		{
			ID: "UUID_LOGICAL", Category: Types,
			Wants:   "What is named as a UUID has the logical type uuid.",
			Because: "A plain string takes anything; readers check what the logical type promises.",
			Bad:     example(recordOf(`{"name": "customer_uuid", "type": "string", "doc": "The customer."}`)),
			Good:    example(recordOf(`{"name": "customer_uuid", "type": {"type": "string", "logicalType": "uuid"}, "doc": "The customer."}`)),
			look: func(r *report) {
				r.plain([]string{"uuid", "guid"}, []string{"string"}, func(f *schema.Field, _ *schema.Type) {
					r.add(f.Pointer, fmt.Sprintf("field %s is named as a UUID and is a plain string", f.Name), `use {"type": "string", "logicalType": "uuid"}`)
				})
			},
		},
		{
			ID: "LOGICAL_TYPE_VALID", Category: Types,
			Wants:   "Every logicalType is one that the specification knows, on a type it may annotate.",
			Because: "Readers ignore any other without a word: a misspelt timestamp is a plain number.",
			Bad:     example(recordOf(`{"name": "placed_on", "type": {"type": "long", "logicalType": "timestamp"}, "doc": "When the customer paid."}`)),
			Good:    example(recordOf(`{"name": "placed_on", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "When the customer paid."}`)),
			look: func(r *report) {
				r.each(func(t *schema.Type) {
					if t.Written != "" && t.Logical == "" {
						r.add(t.Pointer, fmt.Sprintf("logical type %s on %s is not one that readers know", t.Written, t.Is), cmp.Or(homes(t.Written), homes("")))
					}
				})
			},
		},
		{
			ID: "UNION_ANY", Category: Types,
			Wants:   "A union holds one type, optional or not, or records only.",
			Because: "A union of plain types is an any: every reader has to ask what it got, tables have no column type for it, and Go has none either.",
			Bad:     example(recordOf(`{"name": "value", "type": ["string", "long", "double"], "doc": "What was measured."}`)),
			Good:    example(recordOf(`{"name": "value", "type": "double", "doc": "What was measured, in degrees."}`)),
			look: func(r *report) {
				r.each(func(t *schema.Type) {
					kinds := slices.DeleteFunc(slices.Clone(t.Branches), isNull)
					if len(kinds) > 1 && slices.ContainsFunc(kinds, func(b *schema.Type) bool { return b.Is != "record" }) {
						r.add(t.Pointer, "the union holds several types that are not all records", "choose one type, or make a record of each case")
					}
				})
			},
		},
		{
			ID: "UNION_SINGLE", Category: Types,
			Wants:   "A union has at least two branches.",
			Because: "A union of one costs a byte per value and says nothing.",
			Bad:     example(recordOf(`{"name": "note", "type": ["string"], "doc": "What the customer wrote."}`)),
			Good:    example(recordOf(`{"name": "note", "type": "string", "doc": "What the customer wrote."}`)),
			look: func(r *report) {
				r.each(func(t *schema.Type) {
					if len(t.Branches) == 1 {
						r.add(t.Pointer, "the union has one branch", "write the type without the brackets")
					}
				})
			},
		},
	}
}

// plain calls fn for fields whose last word is one of names and whose type, optional or not, is one of kinds without a logical type.
func (r *report) plain(names, kinds []string, fn func(*schema.Field, *schema.Type)) {
	r.fields(func(_ *schema.Type, f *schema.Field) {
		if !slices.Contains(names, last(f.Name)) {
			return
		}
		t := f.Type
		if i := slices.IndexFunc(t.Branches, func(b *schema.Type) bool { return !isNull(b) }); i >= 0 && len(t.Branches) == 2 {
			t = t.Branches[i]
		}
		if slices.Contains(kinds, t.Is) && t.Logical == "" && t.Written == "" {
			fn(f, t)
		}
	})
}

// homes says on which type a logical type belongs; for one that is not known, which there are.
func homes(logical string) string {
	switch logical {
	case "decimal":
		return "decimal belongs on bytes or a fixed, with a precision of at least 1 and a scale of at most that"
	case "uuid":
		return "uuid belongs on a string, or on a fixed of 16 bytes"
	case "date", "time-millis":
		return logical + " belongs on an int"
	case "time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
		"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		return logical + " belongs on a long"
	case "duration":
		return "duration belongs on a fixed of 12 bytes"
	case "":
		return "there are decimal, uuid, date, time-millis, time-micros, timestamp- and local-timestamp- with millis, micros and nanos, and duration"
	}
	return ""
}
