package schema

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// misfit types, one per mistake.
type (
	noField     struct{ A int32 }
	wrongType   struct{ A string }
	extraField  struct{ A, B, C int32 }
	notExported struct {
		A int32
		b int32 `avro:"B"` //nolint:unused // that it is not exported is the point
	}
	twiceNamed struct {
		A int32
		B int32 `avro:"A"`
	}
	noNull      struct{ A int32 }
	noUnion     struct{ A any }
	lacksBranch struct{ A struct{ String *string } }
	plainBranch struct {
		A struct {
			S string `avro:"string"`
			I *int32 `avro:"int"`
		}
	}
	wrongSize    struct{ A [3]byte }
	wrongInside  struct{ A []map[string]bool }
	noStruct     struct{ A map[string]any }
	wrongDecimal struct{ A float64 }
	wrongTime    struct{ A time.Duration }
	lossyFloat   struct{ A float32 }
	intKey       struct{ A map[int]string }
)

func twoInts() string { return record(`{"name":"A","type":"int"},{"name":"B","type":"int"}`) }

func oneA(typ string) string { return record(`{"name":"A","type":` + typ + `}`) }

func (noField) AvroSchema() string     { return twoInts() }
func (wrongType) AvroSchema() string   { return oneA(`"int"`) }
func (extraField) AvroSchema() string  { return twoInts() }
func (notExported) AvroSchema() string { return twoInts() }
func (twiceNamed) AvroSchema() string  { return twoInts() }
func (noNull) AvroSchema() string      { return oneA(`["null","int"]`) }
func (noUnion) AvroSchema() string     { return oneA(`["string","int"]`) }
func (lacksBranch) AvroSchema() string { return oneA(`["string","int"]`) }
func (plainBranch) AvroSchema() string { return oneA(`["string","int"]`) }
func (wrongSize) AvroSchema() string   { return oneA(`{"type":"fixed","name":"F","size":4}`) }
func (wrongInside) AvroSchema() string {
	return oneA(`{"type":"array","items":{"type":"map","values":"string"}}`)
}

func (noStruct) AvroSchema() string { return oneA(`{"type":"record","name":"S","fields":[]}`) }
func (wrongDecimal) AvroSchema() string {
	return oneA(`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`)
}

func (wrongTime) AvroSchema() string  { return oneA(`{"type":"long","logicalType":"timestamp-millis"}`) }
func (lossyFloat) AvroSchema() string { return oneA(`"double"`) }
func (intKey) AvroSchema() string     { return oneA(`{"type":"map","values":"string"}`) }

func TestTypesThatDoNotFitAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	both := func(enc, dec error) [2]error { return [2]error{enc, dec} }
	build := map[string]struct {
		errs [2]error
		path string
		says string
	}{
		"no field":       {both(encErr[noField]()), "/B", "has no field for it"},
		"wrong type":     {both(encErr[wrongType]()), "/A", "Go type string does not fit Avro int: use int32"},
		"extra field":    {both(encErr[extraField]()), "/C", "record n.R has no such field"},
		"not exported":   {both(encErr[notExported]()), "", "not exported"},
		"named twice":    {both(encErr[twiceNamed]()), "", `are both "A"`},
		"no null":        {both(encErr[noNull]()), "/A", "pointer"},
		"no union":       {both(encErr[noUnion]()), "/A", "one pointer per branch"},
		"lacks a branch": {both(encErr[lacksBranch]()), "/A", "no field for the union's branch string"},
		"plain branch":   {both(encErr[plainBranch]()), "/A", "make it a pointer"},
		"wrong size":     {both(encErr[wrongSize]()), "/A", "[4]uint8"},
		"wrong inside":   {both(encErr[wrongInside]()), "/A/[]/{}", "Go type bool does not fit Avro string"},
		"no struct":      {both(encErr[noStruct]()), "/A", "a struct"},
		"wrong decimal":  {both(encErr[wrongDecimal]()), "/A", "*big.Rat"},
		"wrong time":     {both(encErr[wrongTime]()), "/A", "time.Time"},
		"lossy float":    {both(encErr[lossyFloat]()), "/A", "float64"},
		"integer keys":   {both(encErr[intKey]()), "/A", "string keys"},
	}
	for name, c := range build {
		for i, err := range c.errs {
			var fault *TypeError
			if !errors.As(err, &fault) || fault.Path != c.path || !strings.Contains(fault.Reason, c.says) || !strings.Contains(err.Error(), "schema.") {
				t.Errorf("%s (%d): %v", name, i, err)
			}
		}
	}
}

func encErr[E Event]() (enc, dec error) {
	_, enc = NewEncoder[E]()
	_, dec = NewDecoder[E](nil)
	return enc, dec
}

type (
	noRecord    struct{}
	noSchema    struct{}
	panics      struct{}
	byReference struct{}
)

func (noRecord) AvroSchema() string     { return `"string"` }
func (noSchema) AvroSchema() string     { return `{` }
func (panics) AvroSchema() string       { panic("no schema today") }
func (*byReference) AvroSchema() string { return record(``) }

func TestEventsWithoutAUsableSchema(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func() (error, error){
		"no record": encErr[noRecord], "no schema": encErr[noSchema], "panics": encErr[panics], "by reference": encErr[*byReference], "interface": encErr[Event],
	} {
		enc, dec := build()
		if enc == nil || dec == nil || strings.Contains(enc.Error(), "goroutine") {
			t.Errorf("%s: %v, %v", name, enc, dec)
		}
	}
}
