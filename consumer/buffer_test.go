package consumer

import (
	"testing"

	"github.com/headrace/headrace/internal/kafka"
)

// TestLanesAndFetcherShareTheBuffer: with lanes the fetcher has two thirds of the worker's buffer and what the lanes have in hand a
// third, of which a partition has its part; without lanes the fetcher has it all.
func TestLanesAndFetcherShareTheBuffer(t *testing.T) {
	t.Parallel()
	const buffer = 30 << 20
	fetcher, part := Tuning{BufferBytes: buffer, PartitionBytes: 1 << 20}.fetchBuffer(false)
	if fetcher != buffer || part != 1<<20 {
		t.Errorf("without lanes the fetcher has %d, of which a partition %d", fetcher, part)
	}
	fetcher, part = Tuning{BufferBytes: buffer, PartitionBytes: buffer}.fetchBuffer(true)
	if fetcher != buffer/3*2 || part != fetcher {
		t.Errorf("beside lanes the fetcher has %d, of which a partition %d", fetcher, part)
	}
	if fetcher, _ = (Tuning{BufferBytes: 1, PartitionBytes: 1}).fetchBuffer(true); fetcher != 1 {
		t.Errorf("of a buffer of one byte the fetcher has %d", fetcher)
	}

	// Two partitions share what the lanes have; one that is full takes no more until something of it is done.
	cfg := Config{Concurrency: 1, Tuning: Tuning{BufferBytes: buffer, PartitionBytes: 1 << 20}}.withDefaults()
	e := &engine{cfg: cfg, stats: new(counters), memory: newMemory(), lanes: newLanes(1)}
	t.Cleanup(e.lanes.stop)
	e.stats.assigned.Store(2)
	p := &partition{TopicPartition: kafka.TopicPartition{Topic: "t"}, engine: e, lanes: e.lanes}
	s := e.memory.block()
	s.seq, p.seq, p.live = 1, 1, []*taskBlock{s}
	for _, tc := range []struct {
		bytes int
		want  int32
	}{{buffer/3/2 - 1, notPaused}, {buffer / 3 / 2, pausedLanes}} {
		if p.bytes = tc.bytes; p.full() != tc.want {
			t.Errorf("with %d bytes in hand the partition says %d, want %d", tc.bytes, p.full(), tc.want)
		}
	}
}
