package replay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
)

// A damagedLog answers fetches of the source as Kafka does: it finds the batch of an offset by what the batches before it say of their
// offsets and lengths, from the nearest place that its index knows, and sends what lies there without a look into it.
type damagedLog struct {
	data    []byte
	starts  []int // of the batches
	index   []int // batches that the index knows
	end     int64
	events  int // in each batch
	fetches int
}

func newDamagedLog(t *testing.T, batches, events int) *damagedLog {
	t.Helper()
	d := &damagedLog{events: events, end: int64(batches * events)}
	for i := range batches {
		var b batch.Builder
		for j := range events {
			if _, err := b.End(append(b.Begin(1700000000000, []byte("k")), fmt.Sprintf("value %d", i*events+j)...), nil); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := b.Seal(batch.None)
		if err != nil {
			t.Fatal(err)
		}
		binary.BigEndian.PutUint64(raw, uint64(i*events))
		d.starts = append(d.starts, len(d.data))
		d.data = append(d.data, raw...)
	}
	return d
}

// at is the batch with a number, to be damaged.
func (d *damagedLog) at(i int) []byte { return d.data[d.starts[i]:] }

// from is what the log sends for an offset.
func (d *damagedLog) from(offset int64, most int32) ([]byte, error) {
	at := 0
	for _, i := range d.index {
		if int64(i*d.events) <= offset {
			at = d.starts[i]
		}
	}
	for len(d.data)-at >= batch.HeaderSize {
		b := d.data[at:]
		base, length := int64(binary.BigEndian.Uint64(b)), int(int32(binary.BigEndian.Uint32(b[8:])))
		switch {
		case length < 14:
			return nil, kerr.CorruptMessage
		case 12+length > len(b):
			return nil, nil
		case base+int64(int32(binary.BigEndian.Uint32(b[23:]))) >= offset:
			return b[:min(max(12+length, int(most)), len(b))], nil
		}
		at += 12 + length
	}
	return nil, nil
}

func (d *damagedLog) serve(w *copyWorld) {
	id := w.broker.TopicInfo(copySource).TopicID
	w.broker.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		w.broker.KeepControl()
		fetch := request.(*kmsg.FetchRequest)
		wanted := fetch.Topics[0]
		if wanted.TopicID != id {
			return nil, nil, false
		}
		d.fetches++
		response := fetch.ResponseKind().(*kmsg.FetchResponse)
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = wanted.Topic, wanted.TopicID
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark, p.LastStableOffset, p.LogStartOffset = d.end, d.end, 0
		records, err := d.from(wanted.Partitions[0].FetchOffset, wanted.Partitions[0].PartitionMaxBytes)
		if err != nil {
			p.ErrorCode = kerr.CorruptMessage.Code
		}
		p.RecordBatches = records
		topic.Partitions = append(topic.Partitions, p)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
}

// TestDamagedBatchIsSkippedExactly damages one batch of ten in every way: what follows it is copied, whatever the batch says of itself,
// and what is left out is told.
func TestDamagedBatchIsSkippedExactly(t *testing.T) {
	t.Parallel()
	const batches, events, damaged = 10, 10, 3
	put32 := func(at int, n uint32) func(*damagedLog) {
		return func(d *damagedLog) { binary.BigEndian.PutUint32(d.at(damaged)[at:], n) }
	}
	for name, test := range map[string]struct {
		damage func(*damagedLog)
		index  []int
		to     int64 // of what is skipped
	}{
		"records":                 {func(d *damagedLog) { d.at(damaged)[70] ^= 1 }, nil, 40},
		"span too long":           {put32(23, 45), nil, 40},
		"span beyond all":         {put32(23, 1<<30), nil, 40},
		"span too short":          {put32(23, 0), nil, 40},
		"span negative":           {put32(23, 1<<31), nil, 40},
		"offset too high":         {func(d *damagedLog) { binary.BigEndian.PutUint64(d.at(damaged), 1<<40) }, nil, 40},
		"offset a little high":    {func(d *damagedLog) { binary.BigEndian.PutUint64(d.at(damaged), 52) }, nil, 40},
		"magic":                   {func(d *damagedLog) { d.at(damaged)[16] = 1 }, nil, 40},
		"length too short":        {put32(8, 70), []int{6}, 60},
		"length too long":         {put32(8, 1<<20), []int{6}, 60},
		"length of two":           {func(d *damagedLog) { put32(8, 2*binary.BigEndian.Uint32(d.at(damaged)[8:])+12)(d) }, []int{6}, 50},
		"length of two and span":  {func(d *damagedLog) { put32(8, 2*binary.BigEndian.Uint32(d.at(damaged)[8:])+12)(d); put32(23, 12)(d) }, []int{6}, 50},
		"length negative":         {put32(8, 1<<31), []int{6}, 60},
		"length too long, no way": {put32(8, 1<<20), nil, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCopyWorld(t, 1)
			log := newDamagedLog(t, batches, events)
			test.damage(log)
			log.index = test.index
			plan := Plan{ID: copyID, Target: Target{Topic: copyTarget}, Spans: []Span{{Topic: copySource, OffsetRange: headrace.OffsetRange{To: log.end}}}}
			random := rand.New(rand.NewPCG(19, 20))
			// The broker does not know of the log that stands for its own.
			for range batches * events {
				w.put(w.client, copyRecord(random, copySource, 0, 0))
			}
			log.serve(w)
			cfg := w.config(plan)
			cfg.pace.empty = 2
			out, err := Copy(t.Context(), cfg)
			if bad, ok := errors.AsType[*CorruptError](err); !ok || bad.Offset != damaged*events {
				t.Fatalf("outcome is %+v, error %v, want it to stop at offset 30", out, err)
			}
			cfg.SkipCorrupt = true
			out = w.copy(cfg)
			if len(out.Skipped) != 1 || out.SkippedTotal != 1 {
				t.Fatalf("skipped: %+v", out.Skipped)
			}
			want := Skipped{Topic: copySource, OffsetRange: headrace.OffsetRange{From: damaged * events, To: test.to}, Reason: out.Skipped[0].Reason}
			if diff := cmp.Diff(want, out.Skipped[0]); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
			var got, wanted []string
			for _, r := range w.events(copyTarget)[0] {
				got = append(got, string(r.Value))
			}
			for i := range log.end {
				if !want.Contains(i) {
					wanted = append(wanted, fmt.Sprintf("value %d", i))
				}
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("the target holds (-want +got):\n%s", diff)
			}
			t.Logf("%d to %d skipped after %d fetches: %s", want.From, want.To, log.fetches, strings.TrimSpace(want.Reason))
		})
	}
}
