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

// rounds is how many producers write to the compacted topic before it is rolled.
const rounds = 6

// stepOverEmptied makes batches without records: the cleaner keeps the last batch of an idempotent producer for its
// sequence numbers' sake although every record of it has been replaced. A worker must read on behind them.
func stepOverEmptied(t *testing.T, b *bench) {
	const topic = "compacted"
	admin.CreateTopic(t, b.cluster, topic, 1, compacted)
	registry := stack.Registry(t, b.registry)
	encode := encoder(t, registry, topic)

	written := 0
	for range rounds {
		// Each call is a producer of its own, whose only batch the next one's makes obsolete.
		var batch []record.Record
		for range 20 {
			batch = append(batch, record.Record{
				Key: fmt.Appendf(nil, "key-%d", written%4), Value: encode(events.Numbered{Key: "k", Number: int64(written)}),
			})
			written++
		}
		admin.Write(t, b.cluster, topic, batch...)
	}
	empty := awaitCleaned(t, b, topic, encode)
	admin.Configure(t, b.cluster, topic, "cleanup.policy", "delete") // so that the worker finds what Java found
	left := offsets(b.java.Read(t, topic, javaclient.Uncommitted))[0]

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
	t.Logf("%d batches emptied by the cleaner, events left at offsets %v: all handled, committed %v", empty, left, committed)
}

// awaitCleaned writes on, because the newest segment is never cleaned, until the cleaner has emptied the batches of
// all producers but the newest, and returns how many it has emptied.
func awaitCleaned(t *testing.T, b *bench, topic string, encode func(events.Numbered) record.Bytes) (empty int) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); {
		<-time.After(1100 * time.Millisecond)
		admin.Write(t, b.cluster, topic, record.Record{Key: record.Bytes("roll"), Value: encode(events.Numbered{Key: "roll"})})
		if empty, _ = admin.EmptyBatches(t, b.cluster, topic, 0); empty >= rounds-1 {
			return empty
		}
	}
	t.Fatalf("the cleaner has emptied %d batches of topic %s in 90 s, want %d", empty, topic, rounds-1)
	return 0
}
