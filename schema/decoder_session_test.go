package schema

import (
	"errors"
	"strings"
	"testing"
)

func TestSessionDecodesLikeItsDecoder(t *testing.T) {
	t.Parallel()
	dec, err := NewDecoder[selfMade](nil)
	if err != nil {
		t.Fatal(err)
	}
	// Plans by reference are made as the registry would: from its answer.
	wider := mustParse(t, record(`{"name":"x","type":"string"},{"name":"n","type":"int"}`))
	dec.plan(planKey{ref: RefID(1)}, dec.Schema())
	dec.plan(planKey{ref: RefID(2)}, wider)
	s := dec.Session()
	for i, tc := range []struct {
		writer int
		body   string
		n      int64
		says   string
	}{
		{writer: 1, body: long(21), n: 21},
		{writer: 2, body: string(mustAvro(t, wider, `{"x":"y","n":5}`)), n: 5},
		{writer: 1, body: long(63), says: "panicked: boom"},
		{writer: 1, body: long(8), n: 8}, // as good as new after a panic
		{writer: 1, body: "\x80", says: "ends inside"},
		{writer: 2, body: string(mustAvro(t, wider, `{"x":"y","n":62}`)), says: "not sixty-two"},
		{writer: 3, body: long(8), says: "no registry to ask for schema id 3"},
		{writer: 2, body: string(mustAvro(t, wider, `{"x":"y","n":6}`)), n: 6},
	} {
		e, err := s.Decode(t.Context(), RefID(tc.writer), []byte(tc.body))
		var single selfMade
		also := dec.Decode(t.Context(), RefID(tc.writer), []byte(tc.body), &single)
		if (err == nil) != (also == nil) || err != nil && err.Error() != also.Error() {
			t.Errorf("%d: %v, and of its decoder %v", i, err, also)
		}
		if tc.says != "" {
			if err == nil || !strings.Contains(err.Error(), tc.says) || e != nil || s.event != (selfMade{}) {
				t.Errorf("%d: %+v, %v", i, e, err)
			}
			continue
		}
		if err != nil || e.N != tc.n || e.mode != "self" || single != *e {
			t.Errorf("%d: %+v, %v", i, e, err)
		}
	}
}

func TestSessionOfAStructWithTags(t *testing.T) {
	t.Parallel()
	dec, err := NewDecoder[sessionOrder](nil)
	if err != nil {
		t.Fatal(err)
	}
	dec.plan(planKey{ref: RefID(1)}, dec.Schema())
	s := dec.Session()
	first, err := s.Decode(t.Context(), RefID(1), mustAvro(t, dec.Schema(), `{"id":"a","tags":["x","y"]}`))
	if err != nil {
		t.Fatal(err)
	}
	kept := *first
	second, err := s.Decode(t.Context(), RefID(1), mustAvro(t, dec.Schema(), `{"id":"b","tags":["z"]}`))
	if err != nil || second.ID != "b" || len(second.Tags) != 1 {
		t.Fatalf("%+v, %v", second, err)
	}
	if kept.ID != "a" || len(kept.Tags) != 2 || kept.Tags[0] != "x" || kept.Tags[1] != "y" {
		t.Errorf("the next event changed a copy of the one before: %+v", kept)
	}
	var bad *DataError
	if _, err := s.Decode(t.Context(), RefID(1), []byte{2}); !errors.As(err, &bad) {
		t.Error(err)
	}
}

// sessionOrder has something to share between two events, if anything did.
type sessionOrder struct {
	ID   string   `avro:"id"`
	Tags []string `avro:"tags"`
}

func (sessionOrder) AvroSchema() string {
	return record(`{"name":"id","type":"string"},{"name":"tags","type":{"type":"array","items":"string"}}`)
}
