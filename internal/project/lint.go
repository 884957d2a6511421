package project

import "go.yaml.in/yaml/v3"

// LintConfig says which rules of `headrace schema lint` hold.
type LintConfig struct {
	At       Position
	Use      []Name // ids and categories of rules; empty is all
	Except   []Name // ids and categories that do not hold
	Severity []LintSeverity
	Ignore   []LintIgnore
}

// LintSeverity is how much a rule, or a category of them, matters.
type LintSeverity struct {
	At       Position
	Rule     string // an id or a category
	Severity string // "error" or "warning"
}

// LintIgnore lets findings pass. Empty fields match everything.
type LintIgnore struct {
	At     Position
	Rule   string // an id or a category
	Schema string // full name of a record, enum or fixed
	Field  string // name of a field
	Path   string // file or folder, relative to the schemas' folder; * stands for any part of a name
}

func lintShape() *shape {
	rule := func(doc string) *shape { return text(doc).such("FIELD_DOC", "TYPES") }
	return object("What `headrace schema lint` checks.",
		optional("use", list("Rules and categories that hold; all when absent.", rule("A rule's id, or a category."))),
		optional("except", list("Rules and categories that do not hold.", rule("A rule's id, or a category."))),
		optional("severity", dict("By rule or category: a warning is shown and fails nothing.", choice("", "error", "warning"))),
		optional("ignore", list("Findings to let pass.", object("Findings that match every field given.",
			optional("rule", rule("A rule's id, or a category.")),
			optional("schema", text("Full name of a record, enum or fixed.")),
			optional("field", text("A field's name.")),
			optional("path", text("A file or folder, relative to the schemas' folder; * stands for any part of a name.")),
		))),
	)
}

func (r *reader) lint(n *yaml.Node) LintConfig {
	if n == nil {
		return LintConfig{}
	}
	c := LintConfig{At: r.at(n), Use: r.names(child(n, "use")), Except: r.names(child(n, "except"))}
	for _, pair := range pairs(child(n, "severity")) {
		c.Severity = append(c.Severity, LintSeverity{At: r.at(pair.key), Rule: pair.key.Value, Severity: pair.value.Value})
	}
	for _, item := range items(child(n, "ignore")) {
		one := LintIgnore{At: r.at(item), Rule: r.text(item, "rule"), Schema: r.text(item, "schema"), Field: r.text(item, "field"), Path: r.text(item, "path")}
		if one == (LintIgnore{At: one.At}) {
			r.add(one.At, "name a rule, a schema, a field or a path; `except: [...]` switches rules off", "an ignore without any field would let everything pass")
		}
		c.Ignore = append(c.Ignore, one)
	}
	return c
}
