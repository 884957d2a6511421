package lint

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/headrace/headrace/schema"
)

func docs() []Rule {
	return []Rule{
		{
			ID: "TYPE_DOC", Category: Docs,
			Wants:   "Records, enums and fixed types have a doc.",
			Because: "The schema is what a consumer has, often years later and in another team; generated types carry its docs.",
			Bad:     example(`{"type": "record", "name": "Order", "namespace": "shop", "fields": []}`),
			Good:    example(`{"type": "record", "name": "Order", "namespace": "shop", "doc": "A customer's order, as it was paid.", "fields": []}`),
			look: func(r *report) {
				r.defined(func(t *schema.Type) {
					if strings.TrimSpace(t.Doc) == "" {
						r.add(t.Pointer, fmt.Sprintf("%s %s has no doc", t.Is, t.Name), `add "doc": what it stands for, and when it is written`)
					}
				})
			},
		},
		{
			ID: "FIELD_DOC", Category: Docs,
			Wants:   "Fields have a doc.",
			Because: "A name leaves open the unit, the time zone, who fills it in and what it means when it is absent.",
			Bad:     example(recordOf(`{"name": "weight", "type": "int"}`)),
			Good:    example(recordOf(`{"name": "weight", "type": "int", "doc": "Weight of the parcel in grams."}`)),
			look: func(r *report) {
				r.fields(func(_ *schema.Type, f *schema.Field) {
					if strings.TrimSpace(f.Doc) == "" {
						r.add(f.Pointer, fmt.Sprintf("field %s has no doc", f.Name), `add "doc": what it holds, in which unit, and what it means when it is absent`)
					}
				})
			},
		},
		{
			ID: "DOC_PLACEHOLDER", Category: Docs,
			Wants:   "Docs say something: no TODO, no repetition of the name.",
			Because: "A doc that says nothing looks like one that was thought about.",
			Bad:     example(recordOf(`{"name": "weight", "type": "int", "doc": "TODO"}`)),
			Good:    example(recordOf(`{"name": "weight", "type": "int", "doc": "Weight of the parcel in grams."}`)),
			look: func(r *report) {
				hint := "say what it holds, in which unit, and what it means when it is absent"
				r.defined(func(t *schema.Type) {
					if empty(t.Doc, unqualified(t.Name)) {
						r.add(t.Pointer, fmt.Sprintf("the doc of %s %s says nothing: %q", t.Is, t.Name, t.Doc), hint)
					}
				})
				r.fields(func(_ *schema.Type, f *schema.Field) {
					if empty(f.Doc, f.Name) {
						r.add(f.Pointer, fmt.Sprintf("the doc of field %s says nothing: %q", f.Name, f.Doc), hint)
					}
				})
			},
		},
	}
}

// empty reports whether a doc is a note to do it later, or only the name again.
func empty(doc, name string) bool {
	said := plain(doc)
	if doc == "" || strings.ReplaceAll(said, " ", "") == strings.ReplaceAll(plain(name), " ", "") {
		return doc != ""
	}
	first, _, _ := strings.Cut(said, " ")
	return slices.Contains([]string{"todo", "fixme", "tbd", "xxx", "na", "none", "doc", "description"}, first)
}

// plain is a text as its letters and digits, without an article.
func plain(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.TrimPrefix(strings.Join(words, " "), "the ")
}
