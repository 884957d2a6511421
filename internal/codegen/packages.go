package codegen

import (
	"errors"
	"fmt"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"
)

// Layout says which Go package each type belongs to.
type Layout struct {
	Package string // name of the package of every type that Namespaces does not place elsewhere

	// Namespaces maps Avro namespaces, each with those beneath it, to folders below the output folder, with slashes; "." is the
	// output folder itself. The longest namespace wins. A folder's last element is its package's name.
	Namespaces map[string]string

	// ImportPath is the import path of the output folder. It is needed where packages import each other.
	ImportPath string
}

// goPackage is one package that is generated.
type goPackage struct {
	folder      string // below the output folder; "." is itself
	name        string
	path        string // import path
	alias       string // what other packages call it
	identifiers identifiers
	types       []string // full names, sorted
}

// reserved are names that generated code uses for itself.
var (
	reserved = []string{"big", "codec", "slices", "time", "dst", "depth", "start", "err", "text", "string", "int32", "int64", "len", "min", "new", "append", "range", "any"}
	// numbered is what generated code calls its variables; single letters are receivers and readers.
	numbered = regexp.MustCompile(`^[a-z]+[0-9]+$|^[a-z]$`)
)

// place gives every type of the catalog its package.
func (c *catalog) place(layout Layout) error {
	c.homes, c.shared = map[string]*goPackage{}, map[string]bool{}
	byFolder := map[string]*goPackage{}
	var problems []error
	for _, name := range c.names {
		folder := layout.folder(name)
		home := byFolder[folder]
		if home == nil {
			home = &goPackage{folder: folder, name: path.Base(folder), path: path.Join(layout.ImportPath, folder)}
			if folder == "." {
				home.name = layout.Package
			}
			if !token.IsIdentifier(home.name) || home.name == "_" {
				problems = append(problems, fmt.Errorf("%q is not a package name", home.name))
			}
			if strings.HasPrefix(folder, "../") || folder == ".." || path.IsAbs(folder) {
				problems = append(problems, fmt.Errorf("folder %s of namespace %s is not below the output folder", folder, namespaceOf(name)))
			}
			byFolder[folder] = home
			c.packages = append(c.packages, home)
		}
		c.homes[name] = home
		home.types = append(home.types, name)
	}
	slices.SortFunc(c.packages, func(a, b *goPackage) int { return strings.Compare(a.folder, b.folder) })
	taken := slices.Clone(reserved)
	for _, p := range c.packages {
		types := make([]string, len(p.types))
		for i, name := range p.types {
			types[i] = c.goType(name)
		}
		p.identifiers = newIdentifiers(types)
		p.alias = p.name
		for slices.Contains(taken, p.alias) || numbered.MatchString(p.alias) {
			p.alias += "events"
		}
		taken = append(taken, p.alias)
	}
	return errors.Join(problems...)
}

func (l Layout) folder(fullName string) string {
	for ns := namespaceOf(fullName); ns != ""; ns = namespaceOf(ns) {
		if folder, ok := l.Namespaces[ns]; ok {
			return path.Clean(folder)
		}
	}
	return "."
}

// namespaceOf is what stands before the last dot.
func namespaceOf(name string) string { return name[:max(strings.LastIndexByte(name, '.'), 0)] }

// crossings finds which types are used outside of their package, and refuses packages that would import each other in a circle.
func (c *catalog) crossings(layout Layout) error {
	if len(c.packages) < 2 {
		return nil
	}
	// from what uses to what is used, with one example of each.
	imports := map[*goPackage]map[*goPackage]string{}
	for _, name := range c.names {
		home := c.homes[name]
		for _, used := range uses(c.schemas[name]) {
			other := c.homes[used]
			if other == home {
				continue
			}
			c.shared[used] = true
			if imports[home] == nil {
				imports[home] = map[*goPackage]string{}
			}
			if imports[home][other] == "" {
				imports[home][other] = fmt.Sprintf("%s uses %s", name, used)
			}
		}
	}
	if len(imports) > 0 && layout.ImportPath == "" {
		return errors.New("the packages import each other, and the import path of the output folder is not known: it is in no Go module")
	}
	for _, p := range c.packages {
		if circle := circleFrom(p, p, imports, map[*goPackage]bool{}); circle != nil {
			return fmt.Errorf("packages of Go cannot import each other in a circle: %s; map these namespaces to one folder", strings.Join(circle, ", "))
		}
	}
	return nil
}

// circleFrom returns the examples along a way from at back to start.
func circleFrom(start, at *goPackage, imports map[*goPackage]map[*goPackage]string, seen map[*goPackage]bool) []string {
	seen[at] = true
	next := slices.SortedFunc(maps.Keys(imports[at]), func(a, b *goPackage) int { return strings.Compare(a.folder, b.folder) })
	for _, other := range next {
		if other == start {
			return []string{imports[at][other]}
		}
		if seen[other] {
			continue
		}
		if rest := circleFrom(start, other, imports, seen); rest != nil {
			return append([]string{imports[at][other]}, rest...)
		}
	}
	return nil
}

// uses lists the named types that a type's own definition uses, each once.
func uses(s avro.NamedSchema) []string {
	record, ok := s.(*avro.RecordSchema)
	if !ok {
		return nil
	}
	var found []string
	var walk func(s avro.Schema)
	walk = func(s avro.Schema) {
		switch s := deref(s).(type) {
		case *avro.ArraySchema:
			walk(s.Items())
		case *avro.MapSchema:
			walk(s.Values())
		case *avro.UnionSchema:
			for _, branch := range s.Types() {
				walk(branch)
			}
		case avro.NamedSchema:
			if !slices.Contains(found, s.FullName()) {
				found = append(found, s.FullName())
			}
		}
	}
	for _, f := range record.Fields() {
		walk(f.Type())
	}
	return found
}

// typeName is the Go type of a named Avro type, as the package being written calls it.
func (g *generator) typeName(fullName string) string {
	name, home := g.catalog.goType(fullName), g.catalog.homes[fullName]
	if home == g.home {
		return name
	}
	g.imports[home] = true
	return home.alias + "." + name
}

// method is the name of a method that generated code alone calls. Where a type is used by another package it is exported.
func (g *generator) method(fullName, name, exported string) string {
	if g.catalog.shared[fullName] {
		return exported
	}
	return name
}
