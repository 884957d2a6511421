package schema

import (
	"fmt"
	"strconv"
)

// guard checks bytes against the schema they were written with, before anything is decoded or allocated. What passes is one
// well-formed value to the last byte; every count in it is backed by bytes that are there; strings are UTF-8; indexes are in
// range; nesting is bounded. The decoders behind it rely on that.
//
// A schema is compiled into procedures of small steps, one procedure per record, container and union branch, so that a scan is a
// loop over a slice and allocates nothing.
type guard struct {
	name     string
	procs    []proc
	entry    int32
	decimals []decimalBounds
}

// proc is the steps of one type. fields names the step for error messages when the type is a record.
type proc struct {
	steps  []step
	fields []string
	record bool
}

type stepCode uint8

const (
	stepBoolean stepCode = iota
	stepInt
	stepLong
	stepFixed   // arg: size
	stepBytes   // bytes
	stepString  // string, must be UTF-8
	stepDecimal // bytes; arg: index into decimals
	stepDecimalFixed
	stepEnum     // arg: number of symbols
	stepCall     // arg: procedure
	stepArray    // arg: procedure of an item, min: its least size
	stepMap      // arg: procedure of a value, min: its least size
	stepUnion    // targets: procedure of each branch, -1 for null
	stepNullable // arg: procedure of the branch that is not null, min: its index
)

type step struct {
	code    stepCode
	arg     int32
	min     int32
	targets []int32
}

// DataError says where bytes are not a value of the schema they are said to be written with, or do not fit the type they are
// decoded into. No retry mends it.
type DataError struct {
	Schema string // full name of the writer's schema
	Path   string // where in the value, as /items/3/price; "" is the whole value
	Offset int    // byte in the Avro body, -1 when unknown
	Reason string
}

func (e *DataError) Error() string {
	text := "avro data of " + e.Schema
	if e.Path != "" {
		text += ": " + e.Path
	}
	text += ": " + e.Reason
	if e.Offset >= 0 {
		text += " (byte " + strconv.Itoa(e.Offset) + ")"
	}
	return text
}

// within adds the name of the enclosing field, item or key, as the error rises.
func (e *DataError) within(name string) *DataError {
	if name != "" {
		e.Path = "/" + name + e.Path
	}
	return e
}

// check is scan, with the name of the schema in the error.
func (g *guard) check(body []byte) error {
	if err := g.scan(body); err != nil {
		err.Schema = g.name
		return err
	}
	return nil
}

// scan reads body once. A nil error means that a decoder will find exactly one value in it.
func (g *guard) scan(body []byte) *DataError {
	if len(body) > MaxValueBytes {
		return tooLong(body)
	}
	s := scan{guard: g, src: body}
	if err := s.run(g.entry, 0); err != nil {
		return err
	}
	return s.end()
}

func tooLong(body []byte) *DataError {
	return &DataError{Reason: fmt.Sprintf("%d bytes are more than the %d allowed", len(body), MaxValueBytes)}
}

// end says whether the value was all there is.
func (s *scan) end() *DataError {
	if s.pos != len(s.src) {
		return s.fail(fmt.Sprintf("%d bytes follow the value", len(s.src)-s.pos))
	}
	return nil
}
