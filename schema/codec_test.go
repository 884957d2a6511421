package schema

import (
	"bytes"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hamba/avro/v2"
)

func TestEveryTypeComesBack(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder[everything](nil)
	if err != nil {
		t.Fatal(err)
	}
	sparse := everything{
		Colour: "RED", Pointer: &card{}, FixedDecimal: new(big.Rat), UUID: "00000000-0000-0000-0000-000000000000",
		UUIDFixedText: "00000000-0000-0000-0000-000000000000", Nanos: time.Unix(0, 0).UTC(), LocalNanos: time.Unix(0, 0).UTC(), Payment: payment{Split: []string{}},
	}
	for i, want := range []everything{fullEverything(), sparse} {
		data, err := enc.Append([]byte("kept"), &want)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte("kept")) {
			t.Errorf("%d: dst was lost", i)
		}
		got := everything{String: "stale", Cards: make([]card, 9)}
		if err := dec.DecodeFrom(enc.Schema(), data[4:], &got); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			// What has no null comes back empty.
			want.Bytes, want.Strings, want.Cards, want.Map = []byte{}, []string{}, []card{}, map[string]float64{}
		}
		opts := cmp.Options{cmp.AllowUnexported(everything{}), cmp.Comparer(func(a, b big.Rat) bool { return a.Cmp(&b) == 0 })}
		if diff := cmp.Diff(want, got, opts); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
		text, err := ToJSON(enc.Schema(), data[4:])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := FromJSON(enc.Schema(), text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		for n := range data[4:] {
			if err := dec.DecodeFrom(enc.Schema(), data[4:4+n], &got); err == nil {
				t.Errorf("%d: %d of %d bytes decode", i, n, len(data)-4)
			}
			if diff := cmp.Diff(everything{}, got, opts); diff != "" {
				t.Errorf("%d: a half-filled value: %s", i, diff)
			}
		}
	}
}

// hamba's codecs write what ours do, for the types that hamba has.
func TestEncodingEqualsHambas(t *testing.T) {
	t.Parallel()
	theirs, err := avro.ParseWithCache(order{}.AvroSchema(), "", &avro.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	api := avro.Config{DisableBlockSizeHeader: true}.Freeze()
	want, err := api.Marshal(theirs, sampleOrder())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, orderBytes(t)); diff != "" {
		t.Error(diff)
	}
	// hamba's default writes blocks with their size, which must be read too.
	sized, err := avro.Marshal(theirs, sampleOrder())
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder[order](nil)
	if err != nil {
		t.Fatal(err)
	}
	var got order
	if err := dec.DecodeFrom(dec.Schema(), sized, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleOrder(), got); diff != "" {
		t.Error(diff)
	}
}

// Depth counts what is nested, not what stands side by side.
func TestManyItemsAreNotDeep(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	e := fullEverything()
	e.Cards = make([]card, 10*MaxDepth)
	if _, err := enc.Append(nil, &e); err != nil {
		t.Error(err)
	}
	tree, err := NewEncoder[nodeV2]()
	if err != nil {
		t.Fatal(err)
	}
	broad := nodeV2{Kids: make([]nodeV2, 10*MaxDepth)}
	for i := range broad.Kids {
		broad.Kids[i].By = map[string]nodeV2{"a": {}, "b": {}}
	}
	data, err := tree.Append(nil, &broad)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Schema().Check(data); err != nil {
		t.Error(err)
	}
}

func TestTimesOfOtherZones(t *testing.T) {
	t.Parallel()
	tokyo := time.FixedZone("Tokyo", 9*3600)
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	e := fullEverything()
	at := time.Date(2024, 3, 1, 5, 0, 0, 0, tokyo)
	e.Date, e.Millis, e.LocalMillis = at, at, at
	data, err := enc.Append(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	text, err := ToJSON(enc.Schema(), data)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"date":"2024-02-29"`, `"millis":"2024-02-29T20:00:00Z"`, `"localMillis":"2024-03-01T05:00:00"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestEncodeAllocatesNothing(t *testing.T) {
	enc, err := NewEncoder[order]()
	if err != nil {
		t.Fatal(err)
	}
	o := sampleOrder()
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := enc.Append(dst, &o); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEncoderAndDecoderAreShared(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder[everything](nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			// Each goroutine brings its own copy of the writer's schema, so that plans are built side by side.
			writer, err := Parse(enc.Schema().String())
			if err != nil {
				t.Error(err)
				return
			}
			want := fullEverything()
			var buf []byte
			for range 100 {
				var got everything
				if buf, err = enc.Append(buf[:0], &want); err != nil {
					t.Error(err)
				}
				if err := dec.DecodeFrom(writer, buf, &got); err != nil {
					t.Error(err)
				}
				// Nothing of the event is a view into the buffer.
				for i := range buf {
					buf[i] = 0xee
				}
				if got.String != want.String || !bytes.Equal(got.Bytes, want.Bytes) || got.Map[""] != 3 || got.Cards[1].Number != "2" {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	wg.Wait()
}

func TestIntegersThatTheGoTypeCannotHold(t *testing.T) {
	t.Parallel()
	s := mustParse(t, everything{}.AvroSchema())
	enc, _ := NewEncoder[everything]()
	e := fullEverything()
	data, err := enc.Append(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	text, err := ToJSON(s, data)
	if err != nil {
		t.Fatal(err)
	}
	dec, _ := NewDecoder[everything](nil)
	for from, to := range map[string]string{`"int8":-128`: `"int8":128`, `"uint16":65535`: `"uint16":-1`, `"uint64":9223372036854775807`: `"uint64":-1`} {
		changed := strings.Replace(string(text), from, to, 1)
		if changed == string(text) {
			t.Fatalf("no %s in %s", from, text)
		}
		var got everything
		err := dec.DecodeFrom(s, mustAvro(t, s, changed), &got)
		var bad *DataError
		if !errors.As(err, &bad) || !strings.HasPrefix(from, `"`+strings.TrimPrefix(bad.Path, "/")+`"`) {
			t.Errorf("%s: %v", to, err)
		}
		if got.By != "" || got.Bool {
			t.Errorf("%s: a half-filled value: %+v", to, got)
		}
	}
}
