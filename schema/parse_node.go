package schema

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/printable"
)

const (
	// maxFixedSize bounds a fixed type, whose defaults and values are allocated whole.
	maxFixedSize = 1 << 20
	// maxPrecision bounds a decimal: 10 to the power of its scale is computed.
	maxPrecision = 1000
)

// parser builds the node graph. It is lenient where hamba's parser, which sees every text too, is strict.
type parser struct {
	home    *Schema
	names   map[string]*node
	records []*node
	used    map[string]*node // what references define and the text names
	// mistakes are the defaults that are not valid, which only a reader needs.
	mistakes []*InvalidSchemaError
	spelled  int // bytes of full names so far
}

func (p *parser) parse(v *jsonValue, namespace, at string) (*node, error) {
	switch v.kind {
	case jsonString:
		return p.byName(v.text, namespace, at)
	case jsonArray:
		return p.union(v, namespace, at)
	case jsonObject:
		return p.object(v, namespace, at)
	default:
		return nil, invalid(at, "a type is a string, an array or an object, not %s", v.kind)
	}
}

func (p *parser) node(k kind, at string) *node { return &node{kind: k, pointer: at, home: p.home} }

// own returns the names that the text itself defines.
func (p *parser) own() map[string]*node {
	own := map[string]*node{}
	for name, n := range p.names {
		if n.home == p.home {
			own[name] = n
		}
	}
	return own
}

func (p *parser) byName(name, namespace, at string) (*node, error) {
	if k, ok := primitives[name]; ok {
		return p.node(k, at), nil
	}
	full, err := p.spell(name, namespace, at)
	if err != nil {
		return nil, err
	}
	if n, ok := p.names[full]; ok {
		if n.home != p.home {
			p.used[full] = n
		}
		return n, nil
	}
	return nil, &InvalidSchemaError{
		Path: at, Reason: fmt.Sprintf("type %q is not defined here nor in a reference", printable.Clip(full)),
		Hint: meant(name, slices.Collect(maps.Keys(p.names))),
	}
}

func (p *parser) union(v *jsonValue, namespace, at string) (*node, error) {
	if len(v.items) == 0 {
		return nil, invalid(at, "a union needs a branch")
	}
	n := p.node(kindUnion, at)
	n.branches = make([]*node, len(v.items))
	n.named = make(map[string]int, len(v.items))
	for i := range v.items {
		branch, err := p.parse(&v.items[i], namespace, at+"/"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		if branch.kind == kindUnion {
			return nil, invalid(at, "a union may not hold a union")
		}
		if has(n.named, branch.typeName()) {
			return nil, invalid(at, "a union may hold %s only once", branch.typeName())
		}
		n.named[branch.typeName()] = i
		n.branches[i] = branch
		for f := range n.takers {
			if branch.forms()&(1<<f) != 0 {
				n.takers[f]++
			}
		}
	}
	return n, nil
}

func (p *parser) object(v *jsonValue, namespace, at string) (*node, error) {
	typ, ok := v.member("type")
	if !ok {
		return nil, invalid(at, "a type needs \"type\"")
	}
	if typ.kind == jsonArray {
		return p.union(typ, namespace, at+"/type")
	}
	if typ.kind != jsonString {
		return nil, invalid(at+"/type", "it is %s, not the name of a type", typ.kind)
	}
	if k, ok := primitives[typ.text]; ok {
		n := p.node(k, at)
		return n, setLogical(n, v, at)
	}
	switch typ.text {
	case "record", "error":
		return p.record(v, namespace, at)
	case "enum":
		return p.enum(v, namespace, at)
	case "fixed":
		return p.fixed(v, namespace, at)
	case "array":
		return p.container(kindArray, "items", v, namespace, at)
	case "map":
		return p.container(kindMap, "values", v, namespace, at)
	default:
		return p.byName(typ.text, namespace, at+"/type")
	}
}

func (p *parser) container(k kind, member string, v *jsonValue, namespace, at string) (*node, error) {
	items, ok := v.member(member)
	if !ok {
		return nil, invalid(at, "%s needs %q", k, member)
	}
	n := p.node(k, at)
	var err error
	n.items, err = p.parse(items, namespace, at+"/"+member)
	return n, err
}

// define names a type and makes it known, under its aliases too. It returns the namespace for what is nested in it.
func (p *parser) define(n *node, v *jsonValue, namespace, at string) (string, error) {
	name := stringMember(v, "name")
	if name == "" {
		return "", invalid(at, "%s needs a name", n.kind)
	}
	if own := stringMember(v, "namespace"); own != "" {
		namespace = own
	}
	var err error
	if n.name, err = p.spell(name, namespace, at); err != nil {
		return "", err
	}
	if err := checkName(n.name, at+"/name"); err != nil {
		return "", err
	}
	if dot := strings.LastIndexByte(n.name, '.'); dot >= 0 {
		namespace = n.name[:dot]
	} else {
		namespace = ""
	}
	if _, primitive := primitives[n.name]; primitive {
		return "", invalid(at, "%s is the name of a primitive type", n.name)
	}
	if known, ok := p.names[n.name]; ok && known.name == n.name {
		return "", invalid(at, "%s is defined twice", n.name)
	}
	p.names[n.name] = n
	for _, alias := range stringMembers(v, "aliases") {
		full, err := p.spell(alias, namespace, at)
		if err != nil {
			return "", err
		}
		n.aliases = append(n.aliases, full)
		if _, taken := p.names[full]; !taken {
			p.names[full] = n
		}
	}
	return namespace, nil
}

func (p *parser) record(v *jsonValue, namespace, at string) (*node, error) {
	n := p.node(kindRecord, at)
	namespace, err := p.define(n, v, namespace, at)
	if err != nil {
		return nil, err
	}
	p.records = append(p.records, n)
	fields, ok := v.member("fields")
	if !ok || fields.kind != jsonArray {
		return nil, invalid(at, "record %s needs an array of fields", n.name)
	}
	n.fields = make([]field, len(fields.items))
	seen := make(map[string]string, len(fields.items))
	for i := range fields.items {
		item := &fields.items[i]
		f := field{
			name:    stringMember(item, "name"),
			aliases: stringMembers(item, "aliases"),
			pointer: at + "/fields/" + strconv.Itoa(i),
		}
		typ, ok := item.member("type")
		if !ok || f.name == "" {
			return nil, invalid(f.pointer, "a field needs a name and a type")
		}
		if err := checkFieldName(n, f.name, f.pointer, seen); err != nil {
			return nil, err
		}
		if f.typ, err = p.parse(typ, namespace, f.pointer+"/type"); err != nil {
			return nil, err
		}
		if def, ok := item.member("default"); ok {
			f.hasDefault, f.defaultRaw = true, *def
		}
		n.fields[i] = f
	}
	return n, nil
}

func (p *parser) enum(v *jsonValue, namespace, at string) (*node, error) {
	n := p.node(kindEnum, at)
	n.symbols, n.enumDefault = stringMembers(v, "symbols"), stringMember(v, "default")
	if _, err := p.define(n, v, namespace, at); err != nil {
		return nil, err
	}
	err := checkSymbols(n, v, at)
	if n.mistake != nil {
		p.mistakes = append(p.mistakes, n.mistake)
	}
	return n, err
}

func (p *parser) fixed(v *jsonValue, namespace, at string) (*node, error) {
	n := p.node(kindFixed, at)
	if _, err := p.define(n, v, namespace, at); err != nil {
		return nil, err
	}
	size, ok := intMember(v, "size")
	if !ok || size < 0 || size > maxFixedSize {
		return nil, invalid(at, "fixed %s needs a size between 0 and %d", n.name, maxFixedSize)
	}
	n.size = size
	return n, setLogical(n, v, at)
}

// logicalHomes says which types a logical type may annotate (Avro specification, "Logical Types").
var logicalHomes = map[string]struct {
	logical logical
	kinds   []kind
	size    int // of a fixed, 0 when any
}{
	"decimal":                {logicalDecimal, []kind{kindBytes, kindFixed}, 0},
	"uuid":                   {logicalUUID, []kind{kindString, kindFixed}, 16},
	"date":                   {logicalDate, []kind{kindInt}, 0},
	"time-millis":            {logicalTimeMillis, []kind{kindInt}, 0},
	"time-micros":            {logicalTimeMicros, []kind{kindLong}, 0},
	"timestamp-millis":       {logicalTimestampMillis, []kind{kindLong}, 0},
	"timestamp-micros":       {logicalTimestampMicros, []kind{kindLong}, 0},
	"timestamp-nanos":        {logicalTimestampNanos, []kind{kindLong}, 0},
	"local-timestamp-millis": {logicalLocalMillis, []kind{kindLong}, 0},
	"local-timestamp-micros": {logicalLocalMicros, []kind{kindLong}, 0},
	"local-timestamp-nanos":  {logicalLocalNanos, []kind{kindLong}, 0},
	"duration":               {logicalDuration, []kind{kindFixed}, 12},
}

// setLogical recognises a logical type. One that is unknown, or not valid where it stands, is ignored, as the specification asks.
func setLogical(n *node, v *jsonValue, at string) error {
	home, ok := logicalHomes[stringMember(v, "logicalType")]
	if !ok || !slices.Contains(home.kinds, n.kind) || n.kind == kindFixed && home.size != 0 && home.size != n.size {
		return nil
	}
	if home.logical == logicalDecimal {
		precision, ok := intMember(v, "precision")
		scale, _ := intMember(v, "scale")
		if !ok || precision <= 0 || scale < 0 || scale > precision {
			return nil
		}
		if precision > maxPrecision {
			return invalid(at, "a decimal of %d digits is over the %d allowed", precision, maxPrecision)
		}
		if n.kind == kindFixed && precision > fixedPrecision(n.size) {
			return nil
		}
		n.precision, n.scale = precision, scale
	}
	n.logical = home.logical
	return nil
}

// fixedPrecision is the number of decimal digits that always fit a two's complement number of size bytes: the specification's
// floor(log10(2^(8n-1) - 1)).
func fixedPrecision(size int) int {
	if size == 0 {
		return 0
	}
	return int(math.Floor(float64(8*size-1) * math.Log10(2)))
}

func stringMember(v *jsonValue, name string) string {
	if m, ok := v.member(name); ok && m.kind == jsonString {
		return m.text
	}
	return ""
}

func stringMembers(v *jsonValue, name string) []string {
	m, ok := v.member(name)
	if !ok || m.kind != jsonArray {
		return nil
	}
	var list []string
	for _, item := range m.items {
		if item.kind == jsonString {
			list = append(list, item.text)
		}
	}
	return list
}

func intMember(v *jsonValue, name string) (int, bool) {
	m, ok := v.member(name)
	if !ok || m.kind != jsonNumber {
		return 0, false
	}
	n, err := strconv.ParseInt(m.text, 10, 32)
	return int(n), err == nil
}

func invalid(at, format string, args ...any) error {
	return &InvalidSchemaError{Path: at, Reason: fmt.Sprintf(format, args...)}
}
