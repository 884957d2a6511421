package codegen

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/codegen/testdata/kitchen"
	"github.com/headrace/headrace/internal/codegen/testdata/order"
	"github.com/headrace/headrace/schema"
)

// A generated type is read from another version's data with no memory beyond what the event keeps.
func TestDecoderReadsOtherVersionsWithoutMoreMemory(t *testing.T) {
	event := orderEvent()
	data, err := event.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := schema.NewDecoder[order.OrderPlaced](nil)
	if err != nil {
		t.Fatal(err)
	}
	same, err := schema.Parse(event.AvroSchema())
	if err != nil {
		t.Fatal(err)
	}
	newer, err := schema.Parse(newerOrder)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []struct {
		writer *schema.Schema
		data   []byte
	}{{same, data}, {newer, append([]byte("\x0cacme42"), data...)}} {
		var got order.OrderPlaced
		allocs := testing.AllocsPerRun(100, func() {
			if err = decoder.DecodeFrom(version.writer, version.data, &got); err != nil {
				t.Fatal(err)
			}
		})
		if diff := cmp.Diff(event, got); diff != "" {
			t.Errorf("(-written +read):\n%s", diff)
		}
		// One copy holds all strings, one the coupon that is not null.
		if allocs > 2 {
			t.Errorf("%v allocations", allocs)
		}
	}
}

// Nothing that an event keeps lies in the buffer it came from, nor in the one it was translated into.
func TestDecodedEventsKeepNothingOfTheBuffer(t *testing.T) {
	t.Parallel()
	event := fullKitchen()
	data, err := event.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := schema.NewDecoder[kitchen.Kitchen](nil)
	if err != nil {
		t.Fatal(err)
	}
	same, err := schema.Parse(event.AvroSchema())
	if err != nil {
		t.Fatal(err)
	}
	// Another order of symbols takes the way through a translation.
	older, err := schema.Parse(strings.Replace(event.AvroSchema(), `"symbols":["SPADES","IN_TRANSIT"]`, `"symbols":["IN_TRANSIT","SPADES"]`, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, writer := range []*schema.Schema{same, older} {
		body := bytes.Clone(data)
		var got, other kitchen.Kitchen
		if err := decoder.DecodeFrom(writer, body, &got); err != nil {
			t.Fatal(err)
		}
		again, err := got.AppendAvro(nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range body {
			body[i] = 0xdb
		}
		_ = decoder.DecodeFrom(writer, body, &other) // reuses what the first was translated into
		after, err := got.AppendAvro(nil)
		if err != nil {
			t.Fatal(err)
		}
		// Attrs holds two keys in Go's own order; all else comes in the same order.
		slices.Sort(again)
		slices.Sort(after)
		if !bytes.Equal(again, after) {
			t.Errorf("%s: the event changed with the buffer", writer)
		}
	}
}
