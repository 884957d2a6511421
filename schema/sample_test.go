package schema

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// A sample is a value of its schema, survives JSON in either spelling of unions, and comes again for the same seed.
func TestSampleIsAValueOfItsSchema(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchema(t, true)
		seed := rapid.Uint64().Draw(t, "seed")
		body, err := Sample(s, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		again, err := Sample(s, rand.New(rand.NewPCG(seed, 0)))
		if err != nil || !bytes.Equal(body, again) {
			t.Fatalf("%s: the same seed gives another value, %v", s, err)
		}
		if err := s.Check(body); err != nil {
			t.Fatal(err)
		}
		for name, render := range map[string]func(*Schema, []byte) ([]byte, error){"bare": ToJSON, "tagged": ToTaggedJSON} {
			text, err := render(s, body)
			if err != nil {
				t.Fatal(err)
			}
			back, err := FromJSON(s, text)
			if err != nil {
				t.Fatalf("%s: %s: %s: %v", name, s, text, err)
			}
			if !bytes.Equal(back, body) {
				t.Fatalf("%s: %s: %s is another value: %x, not %x", name, s, text, back, body)
			}
		}
	})
}

func TestSamplesDifferAndEnd(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	tree := mustParse(t, `{"type":"record","name":"Tree","fields":[{"name":"v","type":"int"},{"name":"kids","type":{"type":"array","items":"Tree"}},
		{"name":"next","type":["Tree","null"]},{"name":"more","type":{"type":"map","values":"Tree"}}]}`)
	seen := map[string]bool{}
	for range 50 {
		body, err := Sample(tree, r)
		if err != nil || len(body) > 1<<20 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		seen[string(body)] = true
	}
	if len(seen) < 25 {
		t.Errorf("%d different values of 50", len(seen))
	}
	endless := mustParse(t, `{"type":"record","name":"A","fields":[{"name":"a","type":"A"}]}`)
	var invalid *InvalidSchemaError
	if _, err := Sample(endless, r); !errors.As(err, &invalid) {
		t.Errorf("a record that contains itself: %v", err)
	}
}

func TestTaggedJSONNamesEveryBranch(t *testing.T) {
	t.Parallel()
	s := mustParse(t, record(`{"name":"a","type":["null","string"]},{"name":"b","type":["null","int"]},{"name":"c","type":["long","string"]}`))
	body, err := FromJSON(s, []byte(`{"a":"x","b":null,"c":7}`))
	if err != nil {
		t.Fatal(err)
	}
	for want, render := range map[string]func(*Schema, []byte) ([]byte, error){
		`{"a":"x","b":null,"c":7}`:                     ToJSON,
		`{"a":{"string":"x"},"b":null,"c":{"long":7}}`: ToTaggedJSON,
	} {
		if got, err := render(s, body); err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}
