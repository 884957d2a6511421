package schema

import (
	"bytes"
	"errors"
	"regexp"
	"testing"

	"github.com/hamba/avro/v2"
	"pgregory.net/rapid"
)

// Avro's encoding is prefix-free: a value that was cut off, at whatever byte, is no value, and neither is one with more behind it.
func TestGuardTakesValuesWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchema(t, true)
		data := drawAvro(t, s.root, nil, 0)
		if err := s.Check(data); err != nil {
			t.Fatalf("%s refuses %x: %v", s, data, err)
		}
		for i := range data {
			if s.Check(data[:i]) == nil {
				t.Fatalf("%s takes %d of the %d bytes %x", s, i, len(data), data)
			}
		}
		if s.Check(append(bytes.Clone(data), 0)) == nil {
			t.Fatalf("%s takes a byte more than %x", s, data)
		}
	})
}

func TestJSONComesBackAsTheSameBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchema(t, true)
		data := drawAvro(t, s.root, nil, 0)
		text, err := ToJSON(s, data)
		if err != nil {
			t.Fatalf("ToJSON of %s: %v", s, err)
		}
		back, err := FromJSON(s, text)
		if err != nil {
			t.Fatalf("FromJSON of %s: %s: %v", s, text, err)
		}
		if !bytes.Equal(back, data) {
			t.Fatalf("%s: %x is %s is %x", s, data, text, back)
		}
	})
}

func TestGoTypesGiveBackTheSameBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchema(t, false)
		data := drawAvro(t, s.root, nil, 0)
		back, err := translate(s, s, data)
		if err != nil {
			t.Fatalf("%s: %x: %v", s, data, err)
		}
		if !bytes.Equal(back, data) {
			t.Fatalf("%s: %x came back as %x", s, data, back)
		}
	})
}

// What the guard passes, hamba's own decoder reads to the end: two readers of one encoding.
func TestGuardAgreesWithHamba(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchema(t, true)
		data := drawAvro(t, s.root, nil, 0)
		if i := rapid.IntRange(0, len(data)).Draw(t, "at"); i < len(data) {
			data[i] ^= rapid.Byte().Draw(t, "flip")
		}
		if s.Check(data) != nil {
			return
		}
		theirs, err := avro.ParseWithCache(s.String(), "", &avro.SchemaCache{})
		if err != nil {
			t.Fatal(err)
		}
		r := newReader()
		r.Reset(data)
		var v any
		r.ReadVal(theirs, &v)
		if err := atEnd(r); err != nil {
			t.Fatalf("%s: %x: hamba: %v", s, data, err)
		}
	})
}

func TestASchemaReadsItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchema(t, true)
		if found := Compatible(s, s); len(found) > 0 {
			t.Fatalf("%s: %v", s, found)
		}
		back, err := Parse(s.Canonical())
		if err != nil {
			t.Fatalf("canonical form %s: %v", s.Canonical(), err)
		}
		if back.Canonical() != s.Canonical() || back.Fingerprint() != s.Fingerprint() {
			t.Fatalf("%s is not canonical", s.Canonical())
		}
	})
}

// valueOnly are the errors that no comparison of schemas can foresee: a promotion from bytes to a narrower text or number.
var valueOnly = regexp.MustCompile(`it is not UTF-8|decimal of no bytes|decimal has more than|more than the 0 decimal|no decimal|not a UUID|no time of day|beyond what`)

// What the checker calls compatible is read without an error, whatever the value; a reader that drops and adds fields and widens
// numbers is derived from the writer.
func TestCompatibleMeansReadable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		writer, reader := drawSchema(t, false), drawSchema(t, false)
		reader.root.aliases = append(reader.root.aliases, writer.root.name)
		for i := range reader.root.fields {
			f := &reader.root.fields[i]
			if !f.hasDefault {
				f.hasDefault, f.defaultAvro = true, drawAvro(t, f.typ, []byte{}, 3)
			}
		}
		if len(Compatible(reader, writer)) > 0 {
			return
		}
		data := drawAvro(t, writer.root, nil, 0)
		out, err := translate(reader, writer, data)
		if err != nil && !errors.Is(err, errTranslation) && valueOnly.MatchString(err.Error()) {
			return
		}
		if err != nil {
			t.Fatalf("reader %s, writer %s: %x: %v", reader, writer, data, err)
		}
		if err := reader.Check(out); err != nil {
			t.Fatal(err)
		}
	})
}
