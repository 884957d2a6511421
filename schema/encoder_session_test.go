package schema

import (
	"bytes"
	"errors"
	"testing"
)

func TestSessionEncodesLikeItsEncoder(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[selfMade]()
	if err != nil {
		t.Fatal(err)
	}
	s := enc.Session()
	for _, e := range []selfMade{{N: 21}, {mode: "huge"}, {mode: "field"}, {N: -7}, {mode: "fail"}, {N: 1 << 40}} {
		sameAsEncoder(t, enc, s, e)
	}
}

func TestSessionOfAStructWithTagsEncodes(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[sessionOrder]()
	if err != nil {
		t.Fatal(err)
	}
	s := enc.Session()
	for _, e := range []sessionOrder{{ID: "a", Tags: []string{"x", "y"}}, {}, {ID: "\xff"}, {ID: "b", Tags: []string{"ok", "\xff"}}, {ID: "c"}} {
		sameAsEncoder(t, enc, s, e)
	}
}

// sameAsEncoder holds a session to what its encoder does, and both to leaving dst as it was after an error.
func sameAsEncoder[E Event](t *testing.T, enc *Encoder[E], s *EncoderSession[E], e E) {
	t.Helper()
	want, wantErr := enc.Append([]byte("kept"), &e)
	s.Event = e
	got, err := s.Append([]byte("kept"))
	if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Errorf("%+v: % x, %v; its encoder says % x, %v", e, got, err, want, wantErr)
	}
	if err != nil && string(got) != "kept" {
		t.Errorf("%+v: %q after %v", e, got, err)
	}
	if fault, ok := errors.AsType[*EncodeError](err); ok && fault.Event == "" {
		t.Errorf("%v names no event", fault)
	}
}
