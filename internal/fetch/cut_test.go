package fetch

import (
	"errors"
	"slices"
	"testing"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// sealed returns a batch of count records at an offset.
func sealed(t *testing.T, base int64, count int) []byte {
	t.Helper()
	var b batch.Builder
	for range count {
		if _, err := b.End(append(b.Begin(0, nil), "value"...), nil); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := b.Seal(batch.None)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		raw[i] = byte(base >> (56 - 8*i))
	}
	return raw
}

func TestCut(t *testing.T) {
	t.Parallel()
	damaged := sealed(t, 4, 2)
	damaged[len(damaged)-1] ^= 1
	aborted := sealed(t, 4, 2)
	batch.Stamp(aborted, 7, 0, 0, true)
	other := sealed(t, 6, 2)
	batch.Stamp(other, 8, 0, 0, true)
	for _, tc := range []struct {
		name      string
		position  int64
		data      []byte
		aborted   []kafka.AbortedTransaction
		committed bool
		end       int64
		bases     []int64
		corrupt   bool
	}{
		{name: "nothing", position: 4, end: 4},
		{name: "two batches", position: 0, data: slices.Concat(sealed(t, 0, 4), sealed(t, 4, 2)), end: 6, bases: []int64{0, 4}},
		{name: "from the middle of a batch", position: 2, data: sealed(t, 0, 4), end: 4, bases: []int64{0}},
		{name: "a batch from before", position: 4, data: slices.Concat(sealed(t, 0, 4), sealed(t, 4, 2)), end: 6, bases: []int64{4}},
		{name: "a batch that is there twice", position: 0, data: slices.Concat(sealed(t, 0, 4), sealed(t, 0, 4)), end: 4, bases: []int64{0}},
		{name: "cut off", position: 0, data: slices.Concat(sealed(t, 0, 4), sealed(t, 4, 2)[:70]), end: 4, bases: []int64{0}},
		{name: "cut off in the first", position: 0, data: sealed(t, 0, 4)[:70], end: 0},
		{name: "damaged behind a good one", position: 0, data: slices.Concat(sealed(t, 0, 4), damaged, sealed(t, 6, 1)), end: 4, bases: []int64{0}, corrupt: true},
		{name: "damaged at once", position: 4, data: damaged, end: 4, corrupt: true},
		{
			name: "an aborted transaction", position: 4, data: slices.Concat(aborted, other), end: 8, bases: []int64{6},
			aborted: []kafka.AbortedTransaction{{ProducerID: 7, FirstOffset: 4}}, committed: true,
		},
		{
			name: "an aborted transaction, to one who reads them", position: 4, data: slices.Concat(aborted, other), end: 8, bases: []int64{4, 6},
			aborted: []kafka.AbortedTransaction{{ProducerID: 7, FirstOffset: 4}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := NewFeed(kafka.TopicPartition{Topic: "t"}, [16]byte{}, tc.position, nil)
			c, err := f.cut(&kafka.FetchedPartition{Records: tc.data, Aborted: tc.aborted}, tc.committed)
			if _, corrupt := errors.AsType[*batch.CorruptError](err); corrupt != tc.corrupt || (err != nil) != tc.corrupt {
				t.Errorf("error %v", err)
			}
			var bases []int64
			for _, b := range c.Batches {
				bases = append(bases, b.BaseOffset)
			}
			if c.From != tc.position || c.End != tc.end || !slices.Equal(bases, tc.bases) {
				t.Errorf("chunk from %d to %d with batches at %v, want to %d with %v", c.From, c.End, bases, tc.end, tc.bases)
			}
		})
	}
}

// TestChunkOwnsItsMemory overwrites the answer's buffer, as its next use does.
func TestChunkOwnsItsMemory(t *testing.T) {
	t.Parallel()
	data := sealed(t, 0, 1)
	f := NewFeed(kafka.TopicPartition{Topic: "t"}, [16]byte{}, 0, nil)
	c, err := f.cut(&kafka.FetchedPartition{Records: data}, true)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	var r batch.Reader
	var rec batch.Record
	if err := r.Open(c.Batches[0], batch.Limits{}); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.Next(&rec); !ok || err != nil || string(rec.Value) != "value" {
		t.Errorf("record %q, %t, %v", rec.Value, ok, err)
	}
	c.Release()
	c.Release()
}

func TestShareStaysWithinTheBuffer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ buffer, partition, feeds, want int }{
		{64 << 20, 1 << 20, 1, 1 << 20},
		{64 << 20, 1 << 20, 32, 1 << 20},
		{64 << 20, 1 << 20, 64, 512 << 10},
		{64 << 20, 1 << 20, 100_000, minAsk},
		{1 << 20, 1 << 20, 0, 512 << 10},
	} {
		f := New(Config{BufferBytes: tc.buffer, PartitionBytes: tc.partition})
		f.feeds.Store(int64(tc.feeds))
		if got := f.share(); int(got) != tc.want {
			t.Errorf("%+v: got %d", tc, got)
		}
		f.Stop()
	}
}

func TestPausesGrowAndEnd(t *testing.T) {
	t.Parallel()
	last := pauseAfter(0)
	for n := 1; n < 100; n++ {
		if now := pauseAfter(n); now < last || now > maxRetryPause {
			t.Fatalf("pause after %d failures is %v, after %v", n, now, last)
		} else {
			last = now
		}
	}
	if last != maxRetryPause {
		t.Errorf("longest pause is %v", last)
	}
}

// TestBatchThatIsNeverWholeEndsItsFeed: a broker that cuts a batch off however much is asked for is not asked for ever.
func TestBatchThatIsNeverWholeEndsItsFeed(t *testing.T) {
	t.Parallel()
	f := New(Config{Logger: zap.NewNop(), BufferBytes: minAsk, PartitionBytes: minAsk})
	t.Cleanup(f.Stop)
	l := &loop{fetcher: f}
	out := make(chan Delivery, 1)
	feed := NewFeed(kafka.TopicPartition{Topic: "t"}, [16]byte{}, 7, out)
	answer := kafka.FetchedPartition{Topic: "t", Records: sealed(t, 7, 4)[:70]}
	asked := 0
	for len(out) == 0 && asked < 100 {
		l.take(feed, &answer)
		asked++
	}
	d := <-out
	var corrupt *CorruptError
	if !errors.As(d.Err, &corrupt) || corrupt.Offset != 7 || !errors.Is(d.Err, errTooLarge) {
		t.Errorf("after %d requests: %v", asked, d.Err)
	}
}
