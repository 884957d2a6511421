package schema

import (
	"bytes"
	"errors"
	"testing"
)

func TestTranslatorWritesValuesAnew(t *testing.T) {
	t.Parallel()
	parse := func(text string) *Schema {
		s, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	old := parse(`{"type":"record","name":"E","fields":[{"name":"a","type":"int"},{"name":"gone","type":"string"}]}`)
	newer := parse(`{"type":"record","name":"E","fields":[{"name":"b","type":"boolean","default":true},{"name":"a","type":"long"}]}`)
	tr, err := NewTranslator(newer, old)
	if err != nil {
		t.Fatal(err)
	}
	out, err := tr.Append([]byte("x"), []byte{4, 2, 'z'})
	if want := []byte{'x', 1, 4}; err != nil || !bytes.Equal(out, want) {
		t.Errorf("translation is %x, error %v, want %x", out, err, want)
	}
	out, err = tr.Append([]byte("x"), []byte{4, 2})
	if bad, ok := errors.AsType[*DataError](err); !ok || bad.Schema != "E" || string(out) != "x" {
		t.Errorf("a value that is cut off: %x, error %v", out, err)
	}
	other := parse(`{"type":"record","name":"F","fields":[{"name":"c","type":"string"}]}`)
	_, err = NewTranslator(other, old)
	if refused, ok := errors.AsType[*ResolveError](err); !ok || refused.Event != "F" || len(refused.Problems) == 0 {
		t.Errorf("schemas that do not fit: error is %v", err)
	}
}
