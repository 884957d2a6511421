package schema

import (
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/avroname"
)

// unit is a source on its way to become a [File].
type unit struct {
	Source
	imported bool
	source   *located // nil when the text is no JSON
	defines  map[string]string
	aliases  map[string]bool
	uses     []use
	needs    []*unit // units whose types it uses
	state    state
	file     *File
}

type state uint8

const (
	waiting state = iota
	underway
	done
	failed
)

// use is a place that names a type.
type use struct{ name, pointer string }

// scan finds the names that a schema's text defines and uses. It is lenient: what is no schema is found when the text is parsed.
func (u *unit) scan(v *jsonValue, namespace, at string) {
	switch v.kind {
	case jsonString:
		u.use(v.text, namespace, at)
	case jsonArray:
		for i := range v.items {
			u.scan(&v.items[i], namespace, at+"/"+strconv.Itoa(i))
		}
	case jsonObject:
		u.scanObject(v, namespace, at)
	}
}

func (u *unit) scanObject(v *jsonValue, namespace, at string) {
	typ, ok := v.member("type")
	if !ok {
		return
	}
	if typ.kind != jsonString {
		u.scan(typ, namespace, at+"/type")
		return
	}
	switch typ.text {
	case "record", "error", "enum", "fixed":
		namespace = u.define(v, namespace, at)
		fields, _ := v.member("fields")
		if fields == nil || fields.kind != jsonArray {
			return
		}
		for i := range fields.items {
			if t, ok := fields.items[i].member("type"); ok {
				u.scan(t, namespace, at+"/fields/"+strconv.Itoa(i)+"/type")
			}
		}
	case "array", "map":
		for _, member := range []string{"items", "values"} {
			if t, ok := v.member(member); ok {
				u.scan(t, namespace, at+"/"+member)
			}
		}
	default:
		u.use(typ.text, namespace, at+"/type")
	}
}

func (u *unit) define(v *jsonValue, namespace, at string) string {
	if own := stringMember(v, "namespace"); own != "" {
		namespace = own
	}
	name := avroname.Full(stringMember(v, "name"), namespace)
	namespace = ""
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		namespace = name[:dot]
	}
	if _, twice := u.defines[name]; !twice {
		u.defines[name] = at
	}
	for _, alias := range stringMembers(v, "aliases") {
		u.aliases[avroname.Full(alias, namespace)] = true
	}
	return namespace
}

func (u *unit) use(name, namespace, at string) {
	if _, primitive := primitives[name]; !primitive {
		u.uses = append(u.uses, use{avroname.Full(name, namespace), at})
	}
}

// missing are the uses of names that the unit does not define itself, each name once.
func (u *unit) missing() []use {
	var list []use
	for _, w := range u.uses {
		_, own := u.defines[w.name]
		if !own && !u.aliases[w.name] && !slices.ContainsFunc(list, func(l use) bool { return l.name == w.name }) {
			list = append(list, w)
		}
	}
	return list
}

func (u *unit) problem(pointer, reason, hint string, err error) *FileError {
	return &FileError{Path: u.Path, Position: u.source.place(pointer), Pointer: pointer, Reason: reason, Hint: hint, Err: err}
}
