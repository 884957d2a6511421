package headracetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
)

// Rebalance puts every member out of a group in the middle of whatever they do, as the group does with workers whose heartbeats fail to
// come, and returns when as many have joined again and have their partitions.
//
// A handler that runs meanwhile finds its context ended with the cause [consumer.ErrLost]. What it returns no longer counts, and its
// event is handed over again, to it or to another worker: a handler whose effect must not happen twice has to be ready for that.
//
// Workers notice by their next heartbeat, so that this takes as long as Tuning.HeartbeatInterval; a test may make it short. It must
// not be called by a handler, for which it would wait. The test fails when the group has no members.
func (e *Env) Rebalance(t testing.TB, group string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), e.timeout(t))
	defer cancel()
	if err := e.server.AwaitGroup(ctx, group, 1, nil); err != nil {
		t.Fatalf("headracetest: rebalance of group %s: no worker has joined it: %v", group, err)
	}
	gone, err := e.server.Expel(ctx, group)
	if err != nil {
		t.Fatalf("headracetest: %v", err)
	}
	if err := e.server.AwaitGroup(ctx, group, len(gone), gone); err != nil {
		t.Fatalf("headracetest: rebalance of group %s: its %d members have not joined again: %v", group, len(gone), err)
	}
}

// CrashBeforeCommit runs a worker up to the worst moment to die: what it has handled has taken effect, and none of it is committed.
//
// run is [consumer.Worker.Run], or whatever runs the service; it gets a context that ends when until, which is asked again and again,
// says that the effect is there. Nothing that group commits meanwhile is accepted, not even while run drains. The group then forgets
// its members, as it would after a crash, so that the next worker need not wait. What run returns is of no account: a process that is
// killed returns nothing. The test fails when until does not come true in time, or run returns before.
//
// A worker that is started afterwards handles the same events again.
func (e *Env) CrashBeforeCommit(t testing.TB, group string, run func(context.Context) error, until func() bool) {
	t.Helper()
	defer e.server.RefuseCommits(group)()
	limit := e.timeout(t)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var failure error // once ended is closed
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failure = run(ctx)
	}()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !until() {
		select {
		case <-ticker.C:
		case <-ended:
			if ctx.Err() == nil {
				t.Fatalf("headracetest: crash of group %s: the worker ended before its effect was seen: %v", group, failure)
			}
			t.Fatalf("headracetest: crash of group %s: the effect was not seen within %v", group, limit.Round(time.Millisecond))
		case <-ctx.Done():
			<-ended
			t.Fatalf("headracetest: crash of group %s: the effect was not seen within %v", group, limit.Round(time.Millisecond))
		}
	}
	cancel()
	<-ended
	after, done := context.WithTimeout(context.Background(), limit)
	defer done()
	if _, err := e.server.Expel(after, group); err != nil {
		t.Fatalf("headracetest: %v", err)
	}
}

// Duplicate writes every record of a topic once more, to the same partition with the same key, value and headers, and returns how
// many there were: what a producer without sequence numbers does when an answer is lost, and what a replay does. It copies what the
// topic holds when it is called.
func (e *Env) Duplicate(t testing.TB, topic string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), e.timeout(t))
	defer cancel()
	var copies []producer.Record
	err := reader.Read(ctx, reader.Config{
		Cluster: e.Cluster, Topic: topic, Range: reader.Range{From: reader.AtStart(), To: reader.AtEnd()},
	}, func(r reader.Record) error {
		partition := r.Partition
		c := producer.Record{Key: slices.Clone(r.Key), Value: slices.Clone(r.Value), Time: r.Time, Partition: &partition}
		for _, h := range r.Headers {
			c.Headers = append(c.Headers, headrace.Header{Key: h.Key, Value: slices.Clone(h.Value)})
		}
		copies = append(copies, c)
		return nil
	})
	if err != nil {
		t.Fatalf("headracetest: duplicate topic %s: %v", topic, err)
	}
	for _, c := range copies {
		if _, err := e.producer.SendRecord(ctx, topic, c); err != nil {
			t.Fatalf("headracetest: duplicate topic %s: %v", topic, err)
		}
	}
	return len(copies)
}

// RegistryDown takes the registry away, and returns what brings it back, with all that it held. Meanwhile schemas that a client has
// seen go on working, and an event of any other waits. The end of the test brings it back as well.
func (e *Env) RegistryDown(t testing.TB) (up func()) {
	t.Helper()
	e.server.StopRegistry(true)
	up = func() { e.server.StopRegistry(false) }
	t.Cleanup(up)
	return up
}
