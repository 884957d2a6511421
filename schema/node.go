package schema

// kind is the type of a schema node, in the words of the Avro specification.
type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindRecord
	kindEnum
	kindArray
	kindMap
	kindUnion
	kindFixed
)

var kindNames = [...]string{
	"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "enum", "array", "map", "union", "fixed",
}

func (k kind) String() string { return kindNames[k] }

func (k kind) named() bool { return k == kindRecord || k == kindEnum || k == kindFixed }

// primitives maps the names that need no definition.
var primitives = map[string]kind{
	"null": kindNull, "boolean": kindBoolean, "int": kindInt, "long": kindLong,
	"float": kindFloat, "double": kindDouble, "bytes": kindBytes, "string": kindString,
}

// logical is a logical type that is recognised and valid where it stands. The specification has every other one ignored, which
// is logicalNone.
type logical uint8

const (
	logicalNone logical = iota
	logicalDecimal
	logicalUUID
	logicalDate
	logicalTimeMillis
	logicalTimeMicros
	logicalTimestampMillis
	logicalTimestampMicros
	logicalTimestampNanos
	logicalLocalMillis
	logicalLocalMicros
	logicalLocalNanos
	logicalDuration
)

var logicalNames = [...]string{
	"", "decimal", "uuid", "date", "time-millis", "time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
	"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos", "duration",
}

func (l logical) String() string { return logicalNames[l] }

// temporal reports whether the number means a point in time, a day or a time of day, so that its unit matters.
func (l logical) temporal() bool { return l >= logicalDate && l <= logicalLocalNanos }

// node is one type of a schema. Nodes are immutable once Parse has returned and form a graph: a named type is one node however
// often it is used, so a recursive schema is a cycle.
type node struct {
	kind    kind
	logical logical
	// pointer is the JSON pointer of the definition in the text of home, the schema it was parsed for.
	pointer string
	home    *Schema

	name    string   // full name; record, enum, fixed
	aliases []string // full names

	fields      []field             // record
	symbols     []string            // enum
	ordinals    map[string]int      // enum: where each symbol is
	enumDefault string              // enum; "" is none, as no symbol is empty
	mistake     *InvalidSchemaError // enum: why its default is not valid; it is one without then
	items       *node               // array items, map values
	branches    []*node             // union
	named       map[string]int      // union: where each branch is, by its typeName
	takers      [6]int              // union: how many branches are read from each of the JSON kinds
	size        int                 // fixed

	precision, scale int // decimal
}

type field struct {
	name       string
	aliases    []string
	typ        *node
	pointer    string
	hasDefault bool
	defaultRaw jsonValue
	// defaultAvro is the default, encoded with typ. It is nil without a default and, within Parse, before its turn.
	defaultAvro []byte
	// defaultCost counts the fields that the default takes from further defaults.
	defaultCost int
	// mistake is why the default is not valid. The field is one without a default then.
	mistake *InvalidSchemaError
}

// typeName is how messages and unions name a type: the full name of a named one, the kind of any other.
func (n *node) typeName() string {
	if n.kind.named() {
		return n.name
	}
	return n.kind.String()
}

// describe adds the logical type, for messages.
func (n *node) describe() string {
	switch {
	case n.kind.named() && n.logical != logicalNone:
		return n.kind.String() + " " + n.name + " (" + n.logical.String() + ")"
	case n.kind.named():
		return n.kind.String() + " " + n.name
	case n.logical != logicalNone:
		return n.kind.String() + " (" + n.logical.String() + ")"
	default:
		return n.kind.String()
	}
}

// nullable returns the position of null and of the other branch when the union is null and one other type.
func (n *node) nullable() (null, other int, ok bool) {
	if n.kind != kindUnion || len(n.branches) != 2 {
		return 0, 0, false
	}
	if n.branches[0].kind == kindNull {
		return 0, 1, true
	}
	if n.branches[1].kind == kindNull {
		return 1, 0, true
	}
	return 0, 0, false
}
