package lint

import (
	"errors"
	"fmt"

	"github.com/headrace/headrace/schema"
)

func ignores() []Rule {
	return []Rule{{
		ID: "IGNORE_KNOWN", Category: Ignores,
		Wants:   fmt.Sprintf("What the property %s names is a rule or a category.", IgnoreProperty),
		Because: "A misspelt rule is not ignored, and one that is gone leaves a note that means nothing.",
		Bad:     example(recordOf(`{"name": "note", "type": "string", "doc": "What the customer wrote.", "headrace.lint.ignore": ["FIELD_DOCS"]}`)),
		Good:    example(recordOf(`{"name": "note", "type": "string", "headrace.lint.ignore": ["FIELD_DOC"]}`)),
		look: func(r *report) {
			r.each(func(t *schema.Type) { r.ignored(t.Pointer, t.Strings(IgnoreProperty)) })
			r.fields(func(_ *schema.Type, f *schema.Field) { r.ignored(f.Pointer, f.Strings(IgnoreProperty)) })
		},
	}}
}

func (r *report) ignored(pointer string, names []string) {
	for _, name := range names {
		var unknown *UnknownRuleError
		if !errors.As(Known(name), &unknown) {
			continue
		}
		hint := "`headrace schema lint --rules` lists the rules"
		if unknown.Near != "" {
			hint = "did you mean " + unknown.Near + "?"
		}
		r.add(pointer, fmt.Sprintf("%s names %q, which is no rule", IgnoreProperty, name), hint)
	}
}
