package schema

import (
	"fmt"

	"github.com/headrace/headrace/internal/printable"
)

// maxJSONBytes bounds the JSON of one value; an empty record takes no byte of Avro and many of JSON.
const maxJSONBytes = 4 * MaxValueBytes

// JSONError says where JSON does not fit the schema it is to be encoded with.
type JSONError struct {
	Path   string // as /items/3/price; "" is the whole value
	Reason string
}

func (e *JSONError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

func (e *JSONError) within(name string) *JSONError {
	e.Path = "/" + name + e.Path
	return e
}

func misfit(format string, args ...any) *JSONError {
	return &JSONError{Reason: fmt.Sprintf(format, args...)}
}

// ToJSON renders one Avro value written with s as JSON, for people and tools. It checks the value first, as a decoder does; a bad
// one is a [*DataError].
//
// It is the JSON encoding of the Avro specification, made readable:
//
//   - a union's value stands bare, without its branch's name, unless another branch could be read from the same JSON; then it is
//     {"branch": value}, as the specification has it;
//   - dates are "2006-01-02", times "15:04:05.999", timestamps RFC 3339 in UTC ("2006-01-02T15:04:05.999Z"), local timestamps the
//     same without zone, durations "P1M2DT3.004S", decimals strings with their scale's digits ("12.50"), UUIDs their text; a value
//     beyond those notations (a year over 9999) is its number;
//   - bytes and fixed are strings of the code points 0 to 255, one per byte;
//   - every digit of a long stands; floats have the fewest digits that give the same value back; "NaN", "Infinity" and "-Infinity"
//     are strings.
//
// [FromJSON] reads it back to the same value.
func ToJSON(s *Schema, avro []byte) ([]byte, error) { return toJSON(s, avro, false) }

// ToTaggedJSON is [ToJSON] with every union's value but null as {"branch": value}, the one spelling that the Avro specification
// knows and many tools demand. [FromJSON] reads both.
func ToTaggedJSON(s *Schema, avro []byte) ([]byte, error) { return toJSON(s, avro, true) }

func toJSON(s *Schema, avro []byte, tagged bool) ([]byte, error) {
	if err := s.Check(avro); err != nil {
		return nil, err
	}
	r := newReader()
	r.Reset(avro)
	out := jsonRenderer{r: r, tagged: tagged, dst: make([]byte, 0, 2*len(avro)+64)}
	if err := out.render(s.root); err != nil {
		err.Schema = s.FullName()
		return nil, err
	}
	return out.dst, nil
}

// FromJSON encodes one JSON value as Avro with s. It takes what [ToJSON] writes and, more widely, the JSON encoding of the Avro
// specification: a union's value bare or as {"branch": value}, and logical types also as the number beneath them. A field that is
// missing takes its default; a field that the schema does not have, a number with digits that would be lost, and a name given
// twice are refused. The error is a [*JSONError] with the path of the field.
func FromJSON(s *Schema, json []byte) ([]byte, error) {
	value, err := parseJSON(json)
	if err != nil {
		return nil, &JSONError{Reason: "it is not JSON: " + printable.Clip(err.Error())}
	}
	tries := maxTries + triesPerByte*len(json)
	e := jsonEncoder{w: avroBuffer{make([]byte, 0, 512)}, tries: &tries}
	if err := e.encode(s.root, &value, 0); err != nil {
		return nil, err
	}
	return e.w.dst, nil
}
