package project

import "go.yaml.in/yaml/v3"

// LintConfig says which rules of `headrace schema lint` hold.
type LintConfig struct {
	At       Position
	Use      []string          // ids and categories of rules; empty is the default set
	Except   []string          // ids and categories that do not hold
	Severity map[string]string // by id of a rule: "error" or "warning"
	Ignore   []LintIgnore
}

// LintIgnore lets findings pass. Empty fields match everything.
type LintIgnore struct {
	At     Position
	Rule   string // id of a rule
	Schema string // full name of a schema
	Field  string // name of a field
	Path   string // file, relative to the schemas' folder; * stands for any part of a name
}

func lintShape() *shape {
	return object("What `headrace schema lint` checks.",
		optional("use", list("Rules and categories that hold.", text(""))),
		optional("except", list("Rules and categories that do not.", text(""))),
		optional("severity", dict("Severity by rule.", choice("", "error", "warning"))),
		optional("ignore", list("Findings to let pass.", object("Empty fields match everything.",
			optional("rule", text("A rule's id.")),
			optional("schema", text("A schema's full name.")),
			optional("field", text("A field's name.")),
			optional("path", text("A file; * stands for any part of a name.")),
		))),
	)
}

func (r *reader) lint(n *yaml.Node) LintConfig {
	if n == nil {
		return LintConfig{}
	}
	c := LintConfig{At: r.at(n), Use: r.texts(child(n, "use")), Except: r.texts(child(n, "except"))}
	for _, pair := range pairs(child(n, "severity")) {
		if c.Severity == nil {
			c.Severity = map[string]string{}
		}
		c.Severity[pair.key.Value] = pair.value.Value
	}
	for _, item := range items(child(n, "ignore")) {
		c.Ignore = append(c.Ignore, LintIgnore{
			At: r.at(item), Rule: r.text(item, "rule"), Schema: r.text(item, "schema"), Field: r.text(item, "field"), Path: r.text(item, "path"),
		})
	}
	return c
}
