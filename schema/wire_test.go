package schema

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseWire(t *testing.T) {
	t.Parallel()
	guid := GUID{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	byGUID := Ref{GUID: guid, ByGUID: true}
	framed := append([]byte{1}, guid[:]...)
	header := func(value []byte) func(string) ([]byte, bool) {
		return func(key string) ([]byte, bool) { return value, key == HeaderValueSchemaID }
	}
	for name, c := range map[string]struct {
		value  []byte
		header func(string) ([]byte, bool)
		ref    Ref
		body   []byte
	}{
		"id":                                {[]byte{0, 0, 0, 1, 2, 9}, nil, Ref{ID: 258}, []byte{9}},
		"largest id":                        {[]byte{0, 0x7f, 0xff, 0xff, 0xff}, nil, Ref{ID: 1<<31 - 1}, []byte{}},
		"guid prefix":                       {append(bytes.Clone(framed), 9), nil, byGUID, []byte{9}},
		"guid header, value without prefix": {[]byte{9, 8}, header(framed), byGUID, []byte{9, 8}},
		"guid header wins over a prefix":    {[]byte{0, 0, 0, 0, 7}, header(framed), byGUID, []byte{0, 0, 0, 0, 7}},
		"guid header, empty value":          {[]byte{}, header(framed), byGUID, []byte{}},
		"empty header falls back":           {[]byte{0, 0, 0, 0, 7}, header([]byte{}), Ref{ID: 7}, []byte{}},
		"short header falls back":           {[]byte{0, 0, 0, 0, 7}, header(framed[:16]), Ref{ID: 7}, []byte{}},
		"foreign header falls back":         {[]byte{0, 0, 0, 0, 7}, header(append([]byte{0}, guid[:]...)), Ref{ID: 7}, []byte{}},
		"no header":                         {[]byte{0, 0, 0, 0, 7}, func(string) ([]byte, bool) { return nil, false }, Ref{ID: 7}, []byte{}},
	} {
		ref, body, err := ParseWire(c.value, c.header)
		if err != nil || ref != c.ref || !bytes.Equal(body, c.body) {
			t.Errorf("%s: %v, %v, %v", name, ref, body, err)
		}
	}
	for name, value := range map[string][]byte{
		"empty": {}, "magic only": {0}, "four bytes": {0, 0, 0, 1}, "other magic": {2, 0, 0, 0, 1}, "json": []byte(`{"a":1}`),
		"short guid": framed[:16], "negative id": {0, 0x80, 0, 0, 0},
	} {
		_, _, err := ParseWire(value, nil)
		var bad *WireError
		if !errors.As(err, &bad) || bad.Len != len(value) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := ParseWire(nil, nil); !errors.Is(err, ErrTombstone) {
		t.Errorf("null: %v", err)
	}
	if diff := cmp.Diff("6ba7b810-9dad-11d1-80b4-00c04fd430c8", guid.String()); diff != "" {
		t.Error(diff)
	}
}

// TestEightByteIDsAreNamedAsTheCause has values of Apicurio's serializers with their default id handler.
func TestEightByteIDsAreNamedAsTheCause(t *testing.T) {
	t.Parallel()
	for says, value := range map[string][]byte{
		"8-byte id 7 of an Apicurio serializer: set apicurio.registry.as-confluent=true": {0, 0, 0, 0, 0, 0, 0, 0, 7, 2},
		"8-byte id 4294967295 of":                     {0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
		"its schema id is 0, which no registry gives": {0, 0, 0, 0, 0, 2},
	} {
		_, _, err := ParseWire(value, nil)
		if wire, ok := errors.AsType[*WireError](err); !ok || !strings.Contains(wire.Reason, says) {
			t.Errorf("%x: %v, want %q", value, err, says)
		}
	}
}

func TestAppendIDIsReadBack(t *testing.T) {
	t.Parallel()
	for _, id := range []int{1, 255, 256, 1<<31 - 1} {
		b := AppendID([]byte{42}, id)
		ref, body, err := ParseWire(b[1:], nil)
		if len(b) != 1+IDPrefixLen || err != nil || ref != RefID(id) || len(body) != 0 {
			t.Errorf("%d: %x, %v", id, b, err)
		}
	}
}

func FuzzParseWire(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 2}, []byte{})
	f.Add([]byte{1}, []byte{1, 2})
	f.Fuzz(func(t *testing.T, value, header []byte) {
		ref, body, err := ParseWire(value, func(string) ([]byte, bool) { return header, header != nil })
		if err == nil && !ref.ByGUID && !bytes.Equal(append(AppendID(nil, ref.ID), body...), value) {
			t.Errorf("%x is read as %v and %x", value, ref, body)
		}
	})
}
