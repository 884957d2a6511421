package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/headrace/headrace/schema"
)

// IgnoreProperty is the property of a type or a field in a schema that holds the ids or categories of rules to let pass there and
// within.
const IgnoreProperty = "headrace.lint.ignore"

// The severities of a finding.
const (
	Error   = "error"   // fails a build
	Warning = "warning" // is only shown
)

// Finding is a place where a rule is not kept.
type Finding struct {
	File string // path of the file
	schema.Position
	Pointer  string // JSON pointer of the place in the file
	Rule     string // id
	Severity string // Error, unless the configuration says Warning
	Message  string
	Hint     string // what mends it
}

// Check looks at every file of a folder that was asked for, and returns what it finds in the order of files and lines. Imported files are
// left to whoever asks for them. Unknown names in config are no error here: see [Config.Validate].
func Check(folder *schema.Folder, config Config) []Finding {
	var found []Finding
	rules := config.rules()
	for _, file := range folder.Files {
		if file.Imported {
			continue
		}
		r := newReport(file, config)
		for _, rule := range rules {
			r.rule = rule
			rule.look(r)
		}
		found = append(found, r.found...)
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return found
}

// report collects the findings of one file.
type report struct {
	file   *schema.File
	root   *schema.Type
	config Config
	places map[string]place // by JSON pointer
	rule   Rule
	found  []Finding
}

// place is what is known of a type or a field: what it is in, and what is ignored there.
type place struct {
	schema string // full name of the record, enum or fixed it is or is in
	field  string // name of the field it is or is in
	ignore []string
}

func newReport(file *schema.File, config Config) *report {
	r := &report{file: file, root: file.Outline(), config: config, places: map[string]place{}}
	r.visit(r.root, place{schema: r.root.Name})
	return r
}

func (r *report) visit(t *schema.Type, within place) {
	if t.Name != "" && !t.Use {
		within.schema = t.Name
	}
	within.ignore = slices.Concat(within.ignore, t.Strings(IgnoreProperty))
	r.places[t.Pointer] = within
	for i := range t.Fields {
		f := &t.Fields[i]
		here := within
		here.field, here.ignore = f.Name, slices.Concat(within.ignore, f.Strings(IgnoreProperty))
		r.places[f.Pointer] = here
		r.visit(f.Type, here)
	}
	for _, b := range t.Branches {
		r.visit(b, within)
	}
	if t.Items != nil {
		r.visit(t.Items, within)
	}
}

// add reports that the rule is not kept at a JSON pointer, unless that is ignored.
func (r *report) add(pointer, message, hint string) {
	at := r.around(pointer)
	if slices.Contains(at.ignore, r.rule.ID) || slices.Contains(at.ignore, r.rule.Category) || r.config.ignores(r.rule, r.file, at) {
		return
	}
	r.found = append(r.found, Finding{
		File: r.file.Path, Position: r.file.Position(pointer), Pointer: pointer, Rule: r.rule.ID,
		Severity: cmp.Or(r.config.Severity[r.rule.ID], r.config.Severity[r.rule.Category], Error), Message: message, Hint: hint,
	})
}

// around is the place at a pointer, or the nearest one around it.
func (r *report) around(pointer string) place {
	for {
		if p, ok := r.places[pointer]; ok || pointer == "" {
			return p
		}
		pointer = pointer[:max(strings.LastIndexByte(pointer, '/'), 0)]
	}
}

// each calls fn for every type that the file spells, uses of names included.
func (r *report) each(fn func(*schema.Type)) { each(r.root, fn) }

func each(t *schema.Type, fn func(*schema.Type)) {
	fn(t)
	for i := range t.Fields {
		each(t.Fields[i].Type, fn)
	}
	for _, b := range t.Branches {
		each(b, fn)
	}
	if t.Items != nil {
		each(t.Items, fn)
	}
}

// defined calls fn for every record, enum and fixed that the file defines.
func (r *report) defined(fn func(*schema.Type)) {
	r.each(func(t *schema.Type) {
		if t.Name != "" && !t.Use {
			fn(t)
		}
	})
}

// fields calls fn for every field.
func (r *report) fields(fn func(record *schema.Type, f *schema.Field)) {
	r.each(func(t *schema.Type) {
		for i := range t.Fields {
			fn(t, &t.Fields[i])
		}
	})
}
