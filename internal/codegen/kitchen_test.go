package codegen

import (
	"bytes"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/codegen/testdata/kitchen"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/codec"
)

func fullKitchen() kitchen.Kitchen {
	micros := time.Date(2013, 1, 2, 3, 4, 5, 678901000, time.UTC)
	suit, number := kitchen.SuitInTransit, 2.5
	return kitchen.Kitchen{
		B: true, I: -7, L: 1 << 60, F: 1.5, D: -2.25, By: []byte{0, 1}, S: "héadrace",
		TsNanos: micros.Add(7), TsMillis: micros.Truncate(time.Millisecond), TsMicros: &micros, Lts: micros,
		Day: time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), Tm: time.Hour, Tmu: time.Hour + time.Microsecond,
		Suit: &suit, Dur: codec.Duration{Months: 1, Days: 2, Milliseconds: 3}, U16: codec.UUID{1, 2}, Hash: kitchen.Hash{9},
		Child: &kitchen.Kitchen{
			Suit2: kitchen.SuitSpades, By: []byte{}, Hashes: []kitchen.Hash{}, Price: big.NewRat(0, 1),
			TsNanos: time.Unix(0, 0).UTC(), TsMillis: time.Unix(0, 0).UTC(), Lts: time.Unix(0, 0).UTC(), Day: time.Unix(0, 0).UTC(),
			Attrs: map[string]kitchen.KitchenAttrsValue{}, Matrix: [][]*float64{}, Deep: map[string][]kitchen.Card{},
		},
		Suit2: kitchen.SuitSpades, Hashes: []kitchen.Hash{{1}, {2}}, Price: big.NewRat(-12345, 100), PriceFixed: big.NewRat(1, 4),
		OrderID: codec.UUID{0xde, 0xad}, Attrs: map[string]kitchen.KitchenAttrsValue{"a": kitchen.KitchenAttrsValueLong(5), "b": nil},
		Payment: kitchen.KitchenPaymentArray{{Number: "4111"}}, Matrix: [][]*float64{{nil, &number}, {}},
		Deep: map[string][]kitchen.Card{"x": {{Number: "1"}}},
	}
}

var compareRats = cmp.Comparer(func(a, b *big.Rat) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Cmp(b) == 0
})

func TestGeneratedCodecRoundTrips(t *testing.T) {
	t.Parallel()
	want := fullKitchen()
	data, err := want.AppendAvro([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	var r codec.Reader
	r.Reset(data[len("before"):])
	var got kitchen.Kitchen
	got.DecodeAvro(&r)
	if r.Err() != nil || r.Rest() != 0 {
		t.Fatalf("error %v, %d bytes left", r.Err(), r.Rest())
	}
	if diff := cmp.Diff(want, got, compareRats); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

func TestGeneratedDecoderRefusesEveryTruncation(t *testing.T) {
	t.Parallel()
	event := fullKitchen()
	data, err := event.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		var r codec.Reader
		r.Reset(data[:n])
		new(kitchen.Kitchen).DecodeAvro(&r)
		var field *codec.FieldError
		if !errors.As(r.Err(), &field) {
			t.Errorf("%d of %d bytes: error %v, want one that names the field", n, len(data), r.Err())
		}
	}
}

// Encoder, decoder and guard count the same levels: what the one writes, the others take.
func TestGeneratedCodeBoundsDepthAsTheGuardDoes(t *testing.T) {
	t.Parallel()
	guard, err := schema.Parse(kitchen.Kitchen{}.AvroSchema())
	if err != nil {
		t.Fatal(err)
	}
	for name, leaf := range map[string]func(*kitchen.Kitchen){
		"record":           func(*kitchen.Kitchen) {},
		"array":            func(k *kitchen.Kitchen) { k.Payment = kitchen.KitchenPaymentArray{{Number: "4111"}} },
		"array of arrays":  func(k *kitchen.Kitchen) { k.Matrix = [][]*float64{{nil}} },
		"records in lists": func(k *kitchen.Kitchen) { k.Deep = map[string][]kitchen.Card{"x": {{Number: "1"}}} },
	} {
		refused := 0
		for depth := codec.MaxDepth - 5; depth <= codec.MaxDepth+1; depth++ {
			event := *fullKitchen().Child
			leaf(&event)
			data, err := event.AppendAvro(nil)
			if err != nil {
				t.Fatal(err)
			}
			for range depth - 1 {
				outer := *fullKitchen().Child
				flat, err := outer.AppendAvro(nil)
				if err != nil {
					t.Fatal(err)
				}
				at := childOffset(t, flat)
				data = slices.Concat(flat[:at], []byte{2}, data, flat[at+1:])
				child := event
				event = outer
				event.Child = &child
			}
			guarded := guard.Check(data)
			_, decoded := decodeKitchen(data)
			encoded, err := event.AppendAvro(nil)
			if (guarded == nil) != (decoded == nil) || (guarded == nil) != (err == nil) {
				t.Errorf("%s at depth %d: guard %v, decoder %v, encoder %v", name, depth, guarded, decoded, err)
			}
			if err == nil && !bytes.Equal(encoded, data) {
				t.Fatalf("%s at depth %d: the test's own bytes are wrong", name, depth)
			}
			if err != nil {
				refused++
			}
		}
		if refused == 0 || refused == 7 {
			t.Errorf("%s: %d of 7 depths were refused", name, refused)
		}
	}
}

// childOffset finds the branch of the child, which is null, by setting the field before it.
func childOffset(t *testing.T, flat []byte) int {
	t.Helper()
	marked := *fullKitchen().Child
	marked.Hash = kitchen.Hash{0xaa, 0xbb, 0xcc, 0xdd}
	data, err := marked.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, marked.Hash[:])
	if at < 0 || flat[at+len(marked.Hash)] != 0 {
		t.Fatal("no child in the data")
	}
	return at + len(marked.Hash)
}

func TestGeneratedEncoderNamesTheFieldItRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		field string
		spoil func(*kitchen.Kitchen)
	}{
		"bad UTF-8":        {"s", func(k *kitchen.Kitchen) { k.S = "\xff" }},
		"no symbol":        {"suit2", func(k *kitchen.Kitchen) { k.Suit2 = "HEARTS" }},
		"decimal too fine": {"price", func(k *kitchen.Kitchen) { k.Price = big.NewRat(1, 3) }},
		"no decimal":       {"price", func(k *kitchen.Kitchen) { k.Price = nil }},
		"year 3000 nanos":  {"ts_nanos", func(k *kitchen.Kitchen) { k.TsNanos = time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		"in a child":       {"child.s", func(k *kitchen.Kitchen) { k.Child.S = "\xff" }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := fullKitchen()
			test.spoil(&event)
			data, err := event.AppendAvro([]byte("before"))
			var field *codec.FieldError
			if !errors.As(err, &field) || field.Field != test.field {
				t.Errorf("error %v, want field %s", err, test.field)
			}
			if string(data) != "before" {
				t.Errorf("dst is %q after the error, want it as before", data)
			}
		})
	}
}
