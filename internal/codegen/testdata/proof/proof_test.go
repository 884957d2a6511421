// Package proof holds generated codecs to hamba's and to the guard. It is built by TestGeneratedCodeIsHambas of package codegen, which
// lays the generated types beside it.
package proof

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"
	"pgregory.net/rapid"

	"github.com/headrace/headrace/internal/codegen/testdata/proof/types"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/codec"
)

// subject is a generated type beside what hamba and the guard make of its schema.
type subject struct {
	fresh func() codec.Event
	hamba avro.Schema
	api   avro.API // one for each: hamba takes records of one name for one record
	guard *schema.Schema
}

func each(t *testing.T, check func(t *rapid.T, s subject, data []byte)) {
	t.Parallel()
	for i, fresh := range types.All {
		text := fresh().AvroSchema()
		hamba, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
		if err != nil {
			t.Fatal(err)
		}
		guard, err := schema.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		api := avro.Config{DisableBlockSizeHeader: true}.Freeze()
		t.Run(fmt.Sprintf("%d %T", i, fresh()), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s := subject{fresh, hamba, api, guard}
				check(t, s, draw(t, hamba, nil, 0))
			})
		})
	}
}

func (s subject) decode(data []byte) (codec.Event, error) {
	var r codec.Reader
	r.Reset(data)
	e := s.fresh()
	e.DecodeAvro(&r)
	if r.Err() == nil && r.Rest() > 0 {
		return nil, fmt.Errorf("%d bytes follow", r.Rest())
	}
	return e, r.Err()
}

func TestBytesAreHambas(t *testing.T) {
	each(t, func(t *rapid.T, s subject, data []byte) {
		var value any
		r := avro.NewReader(nil, 0, avro.WithReaderConfig(s.api))
		r.Reset(data)
		r.ReadVal(s.hamba, &value)
		if r.Error != nil && !errors.Is(r.Error, io.EOF) {
			t.Fatalf("%s: hamba does not read %x: %v", s.guard, data, r.Error)
		}
		w := avro.NewWriter(nil, 512, avro.WithWriterConfig(s.api))
		w.WriteVal(s.hamba, value)
		if w.Error != nil {
			t.Fatalf("%s: hamba does not write %v: %v", s.guard, value, w.Error)
		}
		want := w.Buffer()
		for _, from := range [][]byte{data, want} {
			e, err := s.decode(from)
			if err != nil {
				t.Fatalf("%s: %x: %v", s.guard, from, err)
			}
			got, err := e.AppendAvro([]byte("before"))
			if err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Fatalf("%s: %x was written as\n%x, hamba writes\n%x (%v)", s.guard, from, got, want, err)
			}
		}
	})
}

func TestValuesAreTakenWholeOrNotAtAll(t *testing.T) {
	each(t, func(t *rapid.T, s subject, data []byte) {
		for n := range data {
			if _, err := s.decode(data[:n]); err == nil {
				t.Fatalf("%s: %d of the %d bytes %x were taken", s.guard, n, len(data), data)
			}
		}
		if _, err := s.decode(append(bytes.Clone(data), 0)); err == nil {
			t.Fatalf("%s: a byte more than %x was taken", s.guard, data)
		}
	})
}

// The guard's rules are the decoder's own; what a Go type adds is that a UUID is one, and that a time of day fits a duration.
func TestDecoderTakesWhatTheGuardTakes(t *testing.T) {
	each(t, func(t *rapid.T, s subject, data []byte) {
		for range rapid.IntRange(1, 3).Draw(t, "damages") {
			at := rapid.IntRange(0, len(data)).Draw(t, "at")
			damage := rapid.SampledFrom([][]byte{
				binary.AppendVarint(nil, 1<<62), binary.AppendVarint(nil, math.MinInt64), binary.AppendVarint(nil, -1),
				binary.AppendVarint(nil, 1<<33), bytes.Repeat([]byte{0xff}, 11),
				{0},
				{1},
				{2},
				{4},
				{0x80, 0},
				{3, 4, 2},
			}).Draw(t, "damage")
			end := min(len(data), at+rapid.IntRange(0, 3).Draw(t, "instead of"))
			data = bytes.Join([][]byte{data[:at], damage, data[end:]}, nil)
		}
		guard := s.guard.Check(data)
		e, err := s.decode(data)
		if guard == nil && err != nil && (strings.Contains(err.Error(), "UUID") || strings.Contains(err.Error(), "time of day")) {
			return
		}
		if (guard == nil) != (err == nil) {
			t.Fatalf("%s: %x: the guard says %v, the decoder %v", s.guard, data, guard, err)
		}
		if err == nil {
			if _, err := e.AppendAvro(nil); err != nil {
				t.Fatalf("%s: %x was read, but not written again: %v", s.guard, data, err)
			}
		}
	})
}

func TestBombsAreRefusedWithLittleMemory(t *testing.T) {
	bombs := [][]byte{
		bytes.Repeat(binary.AppendVarint(nil, 1<<62), 20), bytes.Repeat(binary.AppendVarint(nil, math.MinInt64), 20),
		bytes.Repeat([]byte{2}, 1<<20), bytes.Repeat([]byte{2, 2, 'k'}, 1<<19), bytes.Repeat([]byte{0xfe, 0xff, 0x7f}, 1<<16),
		bytes.Repeat([]byte{1, 0}, 1<<19),
	}
	for _, fresh := range types.All {
		for _, bomb := range bombs {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := subject{fresh: fresh}.decode(bomb)
			runtime.ReadMemStats(&after)
			// What is there may take 24 bytes for one, as a time or an empty slice does, and a long slice that grows by a
			// quarter at a time is copied about five times over, which this counts too.
			if n := after.TotalAlloc - before.TotalAlloc; err != nil && n > 24*5*uint64(len(bomb))+1<<16 {
				t.Errorf("%T: %d bytes of memory for %d: %v", fresh(), n, len(bomb), err)
			}
		}
	}
}

func TestAppendTakesNoMemory(t *testing.T) {
	for i, fresh := range types.All {
		if strings.Contains(fresh().AvroSchema(), `"decimal"`) {
			continue
		}
		hamba, err := avro.ParseWithCache(fresh().AvroSchema(), "", &avro.SchemaCache{})
		if err != nil {
			t.Fatal(err)
		}
		data := rapid.Custom(func(t *rapid.T) []byte {
			rapid.Bool().Draw(t, "something") // a record without fields draws nothing
			return draw(t, hamba, nil, 0)
		}).Example(i)
		e, err := subject{fresh: fresh}.decode(data)
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]byte, 0, 2*len(data)+64)
		if n := testing.AllocsPerRun(5, func() { _, err = e.AppendAvro(dst) }); n > 0 || err != nil {
			t.Errorf("%T: %v allocations, %v\n%s", e, n, err, e.AvroSchema())
		}
	}
}
