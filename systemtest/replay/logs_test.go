package replay

import (
	"fmt"
	"testing"
	"time"

	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/javaclient"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// TestCopiesOfOddLogs copies what Java has written with each codec, in transactions, and what a log cleaner has left. Java tells what is
// wanted: the committed events of the source, in order.
func TestCopiesOfOddLogs(t *testing.T) {
	for _, version := range stack.Versions(kraft.Current) {
		cluster := kraft.Start(t, kraft.Config{Version: version, Properties: map[string]string{
			"log.cleaner.backoff.ms": "200", "log.initial.task.delay.ms": "200",
		}})
		java := javaclient.New(t, cluster)
		for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
			t.Run(version+" "+codec, func(t *testing.T) {
				topic := "codec." + codec
				admin.CreateTopic(t, cluster, topic, 2, forever)
				java.Write(t, topic, javaclient.Writer{Codec: codec}, oddRecords(3000)...)
				copyBothWays(t, cluster, java, topic)
			})
		}
		t.Run(version+" transactions", func(t *testing.T) {
			const topic = "transactions"
			admin.CreateTopic(t, cluster, topic, 2, forever)
			var steps []javaclient.Step
			for i, send := range oddRecords(3000) {
				if i%30 == 0 {
					steps = append(steps, javaclient.Begin)
				}
				steps = append(steps, send)
				switch {
				case i%150 == 149:
					steps = append(steps, javaclient.Abort)
				case i%30 == 29:
					steps = append(steps, javaclient.Commit)
				}
			}
			java.Write(t, topic, javaclient.Writer{Codec: "lz4", TransactionalID: "odd"}, steps...)
			if got := copyBothWays(t, cluster, java, topic); got != 2400 {
				t.Errorf("%d events are committed, want 2400", got)
			}
		})
		t.Run(version+" compacted", func(t *testing.T) {
			const topic = "compacted"
			admin.CreateTopic(t, cluster, topic, 2, map[string]string{
				"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "1000", "min.compaction.lag.ms": "0", "delete.retention.ms": "86400000",
			})
			var steps []javaclient.Step
			for i := range 3000 {
				r := record.Record{Partition: int32(i % 2), Key: fmt.Appendf(nil, "k%d", i%70), Value: fmt.Appendf(nil, "value %d", i)}
				if i%11 == 0 {
					r.Value = nil
				}
				steps = append(steps, javaclient.Send(r))
				if i%100 == 99 {
					steps = append(steps, javaclient.Flush)
				}
			}
			java.Write(t, topic, javaclient.Writer{Codec: "none"}, steps...)
			awaitGaps(t, cluster, topic)
			copyBothWays(t, cluster, java, topic)
		})
	}
}

// oddRecords are events with null, empty and plain keys and values, with and without headers, in two partitions.
func oddRecords(n int) (steps []javaclient.Step) {
	base := time.Date(2013, 1, 1, 10, 0, 0, 0, time.UTC).UnixMilli()
	for i := range n {
		r := record.Record{
			Partition: int32(i % 2), Timestamp: base + int64(i*7%1000),
			Key: fmt.Appendf(nil, "k%d", i%17), Value: fmt.Appendf(nil, "a value that repeats, a value that repeats, number %d", i),
		}
		switch i % 13 {
		case 1:
			r.Key = nil
		case 2:
			r.Value = nil
		case 3:
			r.Key, r.Value = nil, nil
		case 4:
			r.Key, r.Value = record.Bytes{}, record.Bytes{}
		case 5:
			r.Headers = []record.Header{{Key: "trace", Value: record.Bytes("abc")}, {Key: "none"}, {Key: "trace", Value: record.Bytes{}}}
		}
		steps = append(steps, javaclient.Send(r))
	}
	return steps
}

// copyBothWays copies a topic raw and with headers, twice each into the same target, and holds the targets against what Java reads as
// committed. It returns how many events that is.
func copyBothWays(t *testing.T, c *kraft.Cluster, java *javaclient.Client, topic string) (events int) {
	t.Helper()
	want := map[int32][]event{}
	for _, r := range java.Read(t, topic, javaclient.Committed) {
		want[r.Partition] = append(want[r.Partition], event{Record: r})
	}
	for _, raw := range []bool{false, true} {
		target := fmt.Sprintf("%s.copy-raw-%v", topic, raw)
		admin.CreateTopic(t, c, target, 2, forever)
		plan := planCopy(t, c, c, nil, topic, replay.Target{Topic: target, Raw: raw}, filter.Filter{})
		out := copyHere(t, replay.CopyConfig{From: stack.Cluster(c), Plan: plan})
		events = sameEvents(t, want, contents(t, c, target, plan.ID), !raw)
		if out.Events != int64(events) || out.SkippedTotal != 0 {
			t.Errorf("raw %v: the outcome is %+v, and the target holds %d events", raw, out, events)
		}
		for partition, end := range admin.Ends(t, c, target) {
			if end != int64(len(want[partition])) {
				t.Errorf("raw %v: partition %d ends at %d and holds %d events: markers, or aborted events, came over", raw, partition, end, len(want[partition]))
			}
		}
	}
	t.Logf("%s: %d events, raw and with headers", topic, events)
	return events
}

// awaitGaps waits until the cleaner has taken half of the events.
func awaitGaps(t *testing.T, c *kraft.Cluster, topic string) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		left := 0
		for _, events := range contents(t, c, topic, "") {
			left += len(events)
		}
		if int64(left) < held(t, c, topic)/2 {
			t.Logf("the cleaner has left %d of %d events", left, held(t, c, topic))
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cleaner has left %d of %d events after three minutes", left, held(t, c, topic))
		}
		// A segment is closed by the next event.
		admin.Write(t, c, topic, record.Record{Partition: 0, Key: record.Bytes("roll")}, record.Record{Partition: 1, Key: record.Bytes("roll")})
		<-time.After(500 * time.Millisecond)
	}
}
