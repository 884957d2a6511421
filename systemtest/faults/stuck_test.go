package faults

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/record"
)

// stuckEvent holds one event up while everything around it goes on. Its partition's commit must not pass it, whatever was handled
// beyond; the other partitions must not notice.
func stuckEvent(t *trial) {
	var stuckAt, partition, beyond atomic.Int64
	stuckAt.Store(-1)
	release := make(chan struct{})
	f := t.flow(plan{
		perTick: 5,
		consume: func(c *consumer.Config) { c.Tuning.BufferBytes, c.Tuning.PartitionBytes = 1<<20, 128<<10 },
		handle: func(ctx context.Context, e events.Numbered) error {
			info := consumer.InfoFrom(ctx)
			if e.Key == "key-7" && e.Number == 20 && stuckAt.Load() < 0 {
				partition.Store(int64(info.Partition))
				stuckAt.Store(info.Offset)
				select {
				case <-release:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			} else if at := stuckAt.Load(); at >= 0 && int64(info.Partition) == partition.Load() && info.Offset > at {
				beyond.Add(1)
			}
			return nil
		},
	})
	f.until(time.Minute, "the event is stuck", func() bool { return stuckAt.Load() >= 0 })
	before := f.handled.SeenOnce()
	for until := time.Now().Add(pick(4*time.Second, 20*time.Second)); time.Now().Before(until); {
		committed, err := f.commits.Sample(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at := committed[int32(partition.Load())]; at > stuckAt.Load() {
			t.verdict.Lost++
			t.Fatalf("committed up to %d, past the event at %d that is not handled", at, stuckAt.Load())
		}
		<-time.After(20 * time.Millisecond)
	}
	meanwhile := f.handled.SeenOnce() - before
	t.require(meanwhile > 500, "only %d events were handled while one was stuck", meanwhile)
	stats := f.workers[0].Stats()
	t.require(stats.Lost == 0 && stats.Rebalances <= 1, "one stuck event cost %d partitions and %d rebalances", stats.Lost, stats.Rebalances)
	f.figure("handled meanwhile", "%d, of its partition %d", meanwhile, beyond.Load())
	close(release)
	f.finish()
}

// deadLetterGone deletes the dead-letter topic while a worker runs. An event that must go there waits, with its partition; nothing is
// acknowledged in vain, and when the topic is back the event goes there once.
func deadLetterGone(t *trial) {
	f := t.flow(plan{perTick: 5, idle: true})
	dead := consumer.DeadLetterTopic(f.topic, f.topic)
	admin.CreateTopic(t, t.kafka(), dead, 1, nil)
	var refusedAt atomic.Int64
	refusedAt.Store(-1)
	var poisoned atomic.Int64
	f.handle = func(ctx context.Context, e events.Numbered) error {
		if e.Key == "poison" {
			info := consumer.InfoFrom(ctx)
			poisoned.Store(int64(info.Partition))
			refusedAt.Store(info.Offset)
			return consumer.Permanent(context.DeadlineExceeded)
		}
		return nil
	}
	f.work("first", func(c *consumer.Config) { c.Policy.DeadLetter = true })
	f.awaitHandled(500, time.Minute)
	if _, err := t.kafka().Admin.DeleteTopics(t.Context(), dead); err != nil {
		t.Fatalf("delete topic %s: %v", dead, err)
	}
	// The brokers forget the topic one after the other.
	f.until(time.Minute, "the topic is gone", func() bool {
		listed, err := t.kafka().Admin.ListTopics(t.Context(), dead)
		return err == nil && listed[dead].Err != nil
	})
	numbered := producer.For[events.Numbered](f.producer, f.topic)
	number := f.written.Next("poison")
	_, err := numbered.Send(t.Context(), "poison", events.Numbered{Key: "poison", Number: int64(number)})
	f.written.Ended("poison", number, outcome(err))
	f.until(time.Minute, "the event is given up", func() bool { return refusedAt.Load() >= 0 })
	before := f.handled.SeenOnce()
	for until := time.Now().Add(pick(3*time.Second, 15*time.Second)); time.Now().Before(until); {
		committed, err := f.commits.Sample(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at := committed[int32(poisoned.Load())]; at > refusedAt.Load() {
			t.verdict.Lost++
			t.Fatalf("committed up to %d, past the event at %d that has no dead letter", at, refusedAt.Load())
		}
		<-time.After(20 * time.Millisecond)
	}
	meanwhile := f.handled.SeenOnce() - before
	t.require(meanwhile > 200, "only %d events of other partitions were handled meanwhile", meanwhile)
	t.recreate(dead)
	back := time.Now()
	f.until(time.Minute, "the dead letter is written", func() bool { return f.workers[0].Stats().DeadLettered > 0 })
	took := time.Since(back)
	f.flush()
	f.readBack()
	written := f.written.Report()
	f.verdict.Written(written)
	f.n += written.Sent
	f.drain(written.Seen - 1)
	letters := 0
	admin.ReadAll(t, t.kafka(), dead, func(record.Record) { letters++ })
	t.require(letters == 1, "%d dead letters, want 1", letters)
	f.figure("handled meanwhile", "%d", meanwhile)
	f.figure("dead letter written after", "%s", round(took))
}
