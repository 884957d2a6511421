package interop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/javaclient"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// cleanSoon makes the broker's log cleaner look every tenth of a second.
var cleanSoon = map[string]string{"log.cleaner.backoff.ms": "100"}

// compacted is a topic whose closed segments are cleaned at once.
var compacted = map[string]string{
	"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "1000", "min.compaction.lag.ms": "0",
	"delete.retention.ms": "0",
}

// stepOverEmptied makes batches without records: the cleaner keeps the last batch of an idempotent producer for its
// sequence numbers' sake although every record of it has been replaced. A worker must read on behind them.
func stepOverEmptied(t *testing.T, b *bench) {
	const topic, rounds = "compacted", 6
	admin.CreateTopic(t, b.cluster, topic, 1, compacted)
	registry := stack.Registry(t, b.registry)
	encode := encoder(t, registry, topic)

	written := 0
	for range rounds {
		// Each call is a producer of its own, whose only batch the next one's makes obsolete.
		var steps []javaclient.Step
		for range 20 {
			steps = append(steps, javaclient.Send(record.Record{
				Key: fmt.Appendf(nil, "key-%d", written%4), Value: encode(events.Numbered{Key: "k", Number: int64(written)}),
			}))
			written++
		}
		b.java.Write(t, topic, javaclient.Writer{Codec: "zstd"}, steps...)
	}
	left := awaitCleaned(t, b, topic, encode)

	var got []int64
	handled := make(chan consumer.Info)
	w := stack.Work(t, consumer.Config{
		Cluster: stack.Cluster(b.cluster), Registry: registry, Group: "compacted", Topics: []string{topic},
	}, consumer.On(func(ctx context.Context, _ events.Numbered) error {
		handled <- consumer.InfoFrom(ctx)
		return nil
	}))
	for len(got) < len(left) {
		select {
		case info := <-handled:
			got = append(got, info.Offset)
		case <-w.Ended():
			t.Fatalf("worker ended: %v", w.Wait())
		case <-time.After(time.Minute):
			t.Fatalf("no event for a minute after %v, Java reads %v", got, left)
		}
	}
	committed := awaitCommitted(t, b, "compacted", topic)
	if err := w.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	if diff := cmp.Diff(left, got); diff != "" {
		t.Errorf("offsets handled differ from those Java reads (-java +worker):\n%s", diff)
	}
	if diff := cmp.Diff(admin.Ends(t, b.cluster, topic), committed); diff != "" {
		t.Errorf("the group stopped before the end of the topic (-end +committed):\n%s", diff)
	}
	t.Logf("%d events in %d batches, %d left after cleaning at offsets %v: all handled, committed %v", written, rounds, len(left), left, committed)
}

// awaitCleaned pushes the active segment on, which is never cleaned, until the cleaner has taken all but the newest
// records, and returns the offsets that are left.
func awaitCleaned(t *testing.T, b *bench, topic string, encode func(events.Numbered) record.Bytes) []int64 {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); {
		<-time.After(time.Second)
		b.java.Write(t, topic, javaclient.Writer{Codec: "none"}, javaclient.Send(record.Record{
			Key: record.Bytes("roll"), Value: encode(events.Numbered{Key: "roll"}),
		}))
		left := offsets(b.java.Read(t, topic, javaclient.Uncommitted))[0]
		// The four keys' newest records, and a few of those that rolled the segment.
		if len(left) > 0 && left[0] >= 100 {
			return left
		}
	}
	t.Fatalf("the cleaner has not cleaned topic %s in 90 s", topic)
	return nil
}
