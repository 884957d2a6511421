package lint

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/headrace/headrace/schema"
)

// Config says which rules hold. The zero value holds every rule, as an error.
type Config struct {
	// Use are the ids and categories that hold; empty means all.
	Use []string
	// Except are ids and categories that do not.
	Except []string
	// Severity is [Error] or [Warning] by id or category, the id being asked first; a rule that is not in it is an error.
	Severity map[string]string
	Ignore   []Ignore
	// Root is the folder that the paths of Ignore are relative to; "" is the working directory.
	Root string
}

// Ignore lets findings pass that match all its fields; an empty field matches everything.
type Ignore struct {
	Rule   string // an id or a category
	Schema string // full name of the record, enum or fixed that the finding is in, or of the file's own type
	Field  string // name of the field it is in
	Path   string // of the file or a folder above it; * stands for any part of a name
}

// UnknownRuleError says that a configuration or an ignore property names a rule that there is not.
type UnknownRuleError struct {
	Name string
	Near string // what may be meant; "" when nothing is near
}

func (e *UnknownRuleError) Error() string {
	text := fmt.Sprintf("there is no lint rule or category %q", e.Name)
	if e.Near != "" {
		text += "; did you mean " + e.Near + "?"
	}
	return text + "; `headrace schema lint --rules` lists them"
}

// Known returns nil for the id of a rule and for a category, else an [*UnknownRuleError].
func Known(name string) error {
	var names []string
	for _, r := range Rules() {
		names = append(names, r.ID, r.Category)
	}
	if slices.Contains(names, name) {
		return nil
	}
	unknown, best := &UnknownRuleError{Name: name}, 3
	for _, n := range names {
		if same := common(strings.ToUpper(strings.ReplaceAll(name, "-", "_")), n); same > best {
			unknown.Near, best = n, same
		}
	}
	return unknown
}

// common is the number of letters that two names begin with.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// Validate returns an [*UnknownRuleError] for the first name that is no rule's and no category's.
func (c Config) Validate() error {
	names := slices.Concat(c.Use, c.Except, slices.Sorted(maps.Keys(c.Severity)))
	for _, i := range c.Ignore {
		if i.Rule != "" {
			names = append(names, i.Rule)
		}
	}
	for _, name := range names {
		if err := Known(name); err != nil {
			return err
		}
	}
	for name, severity := range c.Severity {
		if severity != Error && severity != Warning {
			return fmt.Errorf("severity %q of %s is neither %s nor %s", severity, name, Error, Warning)
		}
	}
	return nil
}

// rules are those that hold.
func (c Config) rules() []Rule {
	named := func(list []string, r Rule) bool {
		return slices.Contains(list, r.ID) || slices.Contains(list, r.Category)
	}
	return slices.DeleteFunc(Rules(), func(r Rule) bool {
		return len(c.Use) > 0 && !named(c.Use, r) || named(c.Except, r)
	})
}

func (c Config) ignores(r Rule, file *schema.File, at place) bool {
	return slices.ContainsFunc(c.Ignore, func(i Ignore) bool {
		return (i.Rule == "" || i.Rule == r.ID || i.Rule == r.Category) &&
			(i.Schema == "" || i.Schema == at.schema || i.Schema == file.Schema.FullName()) &&
			(i.Field == "" || i.Field == at.field) &&
			(i.Path == "" || c.covers(i.Path, file.Path))
	})
}

// covers reports whether a pattern matches a file or a folder it is in.
func (c Config) covers(pattern, name string) bool {
	if root, err := filepath.Abs(c.Root); err == nil {
		if whole, err := filepath.Abs(name); err == nil {
			if inner, err := filepath.Rel(root, whole); err == nil {
				name = inner
			}
		}
	}
	pattern = path.Clean(filepath.ToSlash(pattern))
	for name = filepath.ToSlash(name); name != "." && name != "/" && name != ""; name = path.Dir(name) {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
		if name == ".." {
			break
		}
	}
	return false
}
