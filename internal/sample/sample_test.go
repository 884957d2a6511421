package sample

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace/headrace/schema"
)

func parse(t *testing.T, text string, refs ...*schema.Schema) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text, refs...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// drawSchema draws a record of any types, which may contain itself.
func drawSchema(t *rapid.T) *schema.Schema {
	names := 0
	name := func() string {
		names++
		return fmt.Sprintf("N%d", names)
	}
	var draw func(depth int, around []string) any
	record := func(depth int, around []string) any {
		own := name()
		fields := []any{}
		for i := range rapid.IntRange(0, 4).Draw(t, "fields") {
			fields = append(fields, map[string]any{"name": fmt.Sprintf("f%d", i), "type": draw(depth-1, append(around[:len(around):len(around)], own))})
		}
		return map[string]any{"type": "record", "name": own, "fields": fields}
	}
	draw = func(depth int, around []string) any {
		kinds := 5
		if depth <= 0 {
			kinds = 3
		}
		switch rapid.IntRange(0, kinds).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}).Draw(t, "primitive")
		case 1:
			return rapid.SampledFrom([]map[string]any{
				{"type": "int", "logicalType": "date"},
				{"type": "int", "logicalType": "time-millis"},
				{"type": "long", "logicalType": "time-micros"},
				{"type": "long", "logicalType": "timestamp-millis"},
				{"type": "long", "logicalType": "timestamp-micros"},
				{"type": "long", "logicalType": "timestamp-nanos"},
				{"type": "long", "logicalType": "local-timestamp-millis"},
				{"type": "long", "logicalType": "local-timestamp-micros"},
				{"type": "long", "logicalType": "local-timestamp-nanos"},
				{"type": "string", "logicalType": "uuid"},
				{"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 3},
				{"type": "fixed", "name": name(), "size": 3},
				{"type": "fixed", "name": name(), "size": 12, "logicalType": "duration"},
				{"type": "fixed", "name": name(), "size": 16, "logicalType": "uuid"},
				{"type": "fixed", "name": name(), "size": 9, "logicalType": "decimal", "precision": 20, "scale": 2},
			}).Draw(t, "logical or fixed")
		case 2:
			return map[string]any{"type": "enum", "name": name(), "symbols": []string{"A", "B", "C"}}
		case 3:
			return []any{"null", rapid.SampledFrom(around).Draw(t, "itself")}
		case 4:
			return rapid.SampledFrom([]map[string]any{
				{"type": "array", "items": draw(depth-1, around)}, {"type": "map", "values": draw(depth-1, around)},
			}).Draw(t, "list")
		default:
			return []any{"string", record(depth, around), "long"}
		}
	}
	text, err := json.Marshal(record(3, nil))
	if err != nil {
		t.Fatal(err)
	}
	s, err := schema.Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

// A sample is a value of its schema, survives JSON in either spelling of unions, and comes again for the same seed.
func TestSampleIsAValueOfItsSchema(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchema(t)
		seed := rapid.Uint64().Draw(t, "seed")
		body, err := Value(s, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		again, err := Value(s, rand.New(rand.NewPCG(seed, 0)))
		if err != nil || !bytes.Equal(body, again) {
			t.Fatalf("%s: the same seed gives another value, %v", s, err)
		}
		if err := s.Check(body); err != nil {
			t.Fatal(err)
		}
		for name, render := range map[string]func(*schema.Schema, []byte) ([]byte, error){"bare": schema.ToJSON, "tagged": schema.ToTaggedJSON} {
			text, err := render(s, body)
			if err != nil {
				t.Fatal(err)
			}
			back, err := schema.FromJSON(s, text)
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
	tree := parse(t, `{"type":"record","name":"Tree","fields":[{"name":"v","type":"int"},{"name":"kids","type":{"type":"array","items":"Tree"}},
		{"name":"next","type":["Tree","null"]},{"name":"more","type":{"type":"map","values":"Tree"}}]}`)
	seen := map[string]bool{}
	for range 50 {
		body, err := Value(tree, r)
		if err != nil || len(body) > 1<<20 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		seen[string(body)] = true
	}
	if len(seen) < 25 {
		t.Errorf("%d different values of 50", len(seen))
	}
	endless := parse(t, `{"type":"record","name":"A","fields":[{"name":"a","type":"A"}]}`)
	var invalid *schema.InvalidSchemaError
	if _, err := Value(endless, r); !errors.As(err, &invalid) {
		t.Errorf("a record that contains itself: %v", err)
	}
}

// Types that references define are drawn as those of the schema itself, also when they are used by an alias.
func TestSampleOfReferences(t *testing.T) {
	t.Parallel()
	state := parse(t, `{"type":"enum","name":"n.State","aliases":["Status"],"symbols":["ON","OFF"]}`)
	part := parse(t, `{"type":"record","name":"n.Part","fields":[{"name":"state","type":"n.State"},{"name":"old","type":"n.Status"}]}`, state)
	whole := parse(t, `{"type":"record","name":"n.Whole","fields":[{"name":"part","type":"n.Part"},{"name":"again","type":["null","Part"]}]}`, part)
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		body, err := Value(whole, r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := schema.ToJSON(whole, body)
		if err != nil || !strings.Contains(string(text), `"part":{"state":"O`) {
			t.Fatalf("%s, %v", text, err)
		}
	}
}

// doubled is n records, each with two fields of the next one's type, so that every value has 2^n parts.
func doubled(n int) string {
	text := `"int"`
	for i := range n {
		text = fmt.Sprintf(`{"type":"record","name":"D%d","fields":[{"name":"a","type":%s},{"name":"b","type":%s}]}`, i, text, fmt.Sprintf(`"D%d"`, i-1))
		text = strings.Replace(text, `"D-1"`, `"int"`, 1)
	}
	return text
}

func TestSampleOfWhatIsLargeWhateverIsDrawnIsRefused(t *testing.T) {
	t.Parallel()
	source := rand.New(rand.NewPCG(1, 2))
	_, err := Value(parse(t, doubled(40)), source)
	if err == nil || !strings.Contains(err.Error(), "every value of D39 is large") {
		t.Errorf("a value of 2^40 parts: %v", err)
	}
	// A large branch is there and need not be taken; lists need not have items.
	optional := parse(t, `{"type":"record","name":"O","fields":[{"name":"u","type":["null",`+doubled(40)+`]},{"name":"l","type":{"type":"array","items":"D39"}}]}`)
	for range 100 {
		if body, err := Value(optional, source); err != nil || len(body) != 2 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
	}
	fixed := parse(t, `{"type":"record","name":"F","fields":[{"name":"l","type":{"type":"array","items":{"type":"fixed","name":"X","size":1000000}}}]}`)
	for range 100 {
		if body, err := Value(fixed, source); err != nil || len(body) > maxWeight {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
	}
}
