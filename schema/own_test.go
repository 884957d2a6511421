package schema

import (
	"errors"
	"strings"
	"testing"

	"github.com/headrace/headrace/schema/codec"
)

// selfMade encodes and decodes itself.
type selfMade struct {
	N    int64 `avro:"n"`
	mode string
}

func (selfMade) AvroSchema() string { return record(`{"name":"n","type":"long"}`) }

func (s selfMade) AppendAvro(dst []byte) ([]byte, error) {
	switch s.mode {
	case "huge":
		return append(dst, make([]byte, MaxValueBytes+1)...), nil
	case "fail":
		return nil, errors.New("not today")
	case "field":
		return nil, codec.InField("n", codec.InField("x", codec.ErrUTF8))
	}
	return appendLong(dst, s.N), nil
}

func (s *selfMade) DecodeAvro(r *codec.Reader) {
	s.N, s.mode = r.Long(), "self"
	switch s.N {
	case 63:
		panic("boom")
	case 62:
		r.Fail("not sixty-two")
		r.InField("n")
	}
}

func TestTypesThatEncodeThemselves(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[selfMade]()
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder[selfMade](nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enc.Append(nil, &selfMade{mode: "fail"}); err == nil || !strings.Contains(err.Error(), "n.R") {
		t.Error(err)
	}
	var fault *EncodeError
	if dst, err := enc.Append([]byte("kept"), &selfMade{mode: "huge"}); !errors.As(err, &fault) || string(dst) != "kept" {
		t.Errorf("%d bytes, %v", len(dst), err)
	}
	if dst, err := enc.Append([]byte("kept"), &selfMade{mode: "field"}); !errors.As(err, &fault) || fault.Path != "/n/x" || fault.Event != "n.R" || string(dst) != "kept" {
		t.Errorf("%s, %v", dst, err)
	}
	data, err := enc.Append(nil, &selfMade{N: 21})
	if err != nil {
		t.Fatal(err)
	}
	var got selfMade
	if err := dec.DecodeFrom(mustParse(t, enc.Schema().String()), data, &got); err != nil || got.N != 21 || got.mode != "self" {
		t.Errorf("%+v, %v", got, err)
	}
	// Another writer's data is rewritten first.
	wider := mustParse(t, record(`{"name":"x","type":"string"},{"name":"n","type":"int"}`))
	if err := dec.DecodeFrom(wider, mustAvro(t, wider, `{"x":"y","n":5}`), &got); err != nil || got.N != 5 || got.mode != "self" {
		t.Errorf("%+v, %v", got, err)
	}
	var bad *DataError
	if err := dec.DecodeFrom(wider, mustAvro(t, wider, `{"x":"y","n":62}`), &got); !errors.As(err, &bad) || bad.Path != "/n" || bad.Offset != -1 {
		t.Errorf("%+v, %v", got, err)
	}
	for data, says := range map[string]string{
		long(63): "panicked: boom", long(62): "/n: not sixty-two (byte 1)", long(1) + "\x00": "1 bytes follow the value (byte 1)", "": "ends inside", "\x80": "ends inside",
	} {
		var bad *DataError
		if err := dec.DecodeFrom(enc.Schema(), []byte(data), &got); !errors.As(err, &bad) || !strings.Contains(err.Error(), says) || bad.Schema != "n.R" || got != (selfMade{}) {
			t.Errorf("%x: %v, %+v", data, err, got)
		}
	}
}
