package faults

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// growAndMove moves the leaders of a topic's partitions from broker to broker, adds partitions, and measures how long it takes until
// an event of a new one is handled. Keys change their partition with the number of partitions, so those that come after are others.
func growAndMove(t *trial) {
	f := t.flow(plan{keys: 30})
	f.awaitMore(1000, time.Minute)
	moves := pick(3, 10)
	for range moves {
		f.moveLeaders()
		f.awaitMore(1000, time.Minute)
	}
	f.flush()
	start := time.Now()
	f.addPartitions(6)
	f.rename("later")
	f.startSending()
	f.until(time.Minute, "the new partitions are consumed", func() bool {
		committed, err := f.commits.Sample(t.Context())
		return err == nil && committed[3] > 0 && committed[4] > 0 && committed[5] > 0
	})
	pickUp := time.Since(start)
	f.finish()
	f.figure("leader moves", "%d", 3*moves)
	f.figure("new partitions handled after", "%s", round(pickUp))
}

// moveLeaders makes another replica of each partition the preferred one, and elects it.
func (f *flow) moveLeaders() {
	f.Helper()
	listed, err := f.kafka().Admin.ListTopics(f.Context(), f.topic)
	if err != nil {
		f.Fatal(err)
	}
	var moved kadm.AlterPartitionAssignmentsReq
	partitions := kadm.TopicsSet{}
	for _, p := range listed[f.topic].Partitions {
		moved.Assign(f.topic, p.Partition, append(p.Replicas[1:], p.Replicas[0]))
		partitions.Add(f.topic, p.Partition)
	}
	if _, err := f.kafka().Admin.AlterPartitionAssignments(f.Context(), moved); err != nil {
		f.Fatalf("reassign: %v", err)
	}
	f.until(2*time.Minute, "the reassignment has ended", func() bool {
		going, err := f.kafka().Admin.ListPartitionReassignments(f.Context(), partitions)
		return err == nil && len(going) == 0
	})
	if _, err := f.kafka().Admin.ElectLeaders(f.Context(), kadm.ElectPreferredReplica, partitions); err != nil {
		f.Fatalf("elect leaders: %v", err)
	}
}

// refusedEvents mixes events that are too large, and events from the day after tomorrow, into the flow. Only they may fail, for
// certain, and the order of the others must hold.
func refusedEvents(t *trial) {
	f := t.flow(plan{
		settings: map[string]string{"max.message.bytes": "300000", "message.timestamp.after.max.ms": "3600000"},
		produce:  func(c *producer.Config) { c.BatchBytes, c.BufferBytes = 1<<20, 16<<20 },
	})
	f.awaitMore(1000, time.Minute)
	numbered := producer.For[events.Numbered](f.producer, f.topic)
	large, huge := make([]byte, 400_000), make([]byte, 2<<20)
	bad, each := 0, pick(20, 100)
	for range each {
		for what, send := range map[string]func() error{
			"too large for the topic": func() error {
				_, err := numbered.Send(t.Context(), "key-1", events.Numbered{Key: "bad", Payload: large})
				return err
			},
			"too large for a batch": func() error {
				_, err := numbered.Send(t.Context(), "key-1", events.Numbered{Key: "bad", Payload: huge})
				return err
			},
			"from the future": func() error {
				_, err := numbered.Send(t.Context(), "key-1", events.Numbered{Key: "bad"}, producer.At(time.Now().Add(48*time.Hour)))
				return err
			},
		} {
			bad++
			err := send()
			var failure *producer.Error
			if !errors.As(err, &failure) || failure.Outcome != producer.Failed {
				t.Errorf("event %s: %v, want an Error whose outcome is failed", what, err)
			}
			var tooLarge *producer.TooLargeError
			if strings.HasPrefix(what, "too large") && !errors.As(err, &tooLarge) {
				t.Errorf("event %s: %v, want a TooLargeError", what, err)
			}
		}
	}
	f.awaitMore(1000, time.Minute)
	f.finish()
	f.figure("refused, each by itself", "%d", bad)
}

// outOfRange takes away the events that the group is to handle next, and then the whole topic, whose new namesake ends before the
// group's offset. The worker must stop and say so, or go on where its policy says.
func outOfRange(t *trial) {
	topic, group := t.name("events"), t.name("group")
	admin.CreateTopic(t, t.kafka(), topic, 1, nil)
	registry := t.registry()
	p := stack.Producer(t, producer.Config{Cluster: t.cluster(), Registry: registry, AutoRegister: true})
	numbered := producer.For[events.Numbered](p, topic)
	fill := func(n int) {
		for i := range n {
			if _, err := numbered.Send(t.Context(), "key", events.Numbered{Key: "key", Number: int64(i)}); err != nil {
				t.Fatal(err)
			}
			t.n++
		}
	}
	work := func(policy consumer.OutOfRange, until int) (handled []int64, err error) {
		got := make(chan int64, 1000)
		w := stack.Work(t, consumer.Config{
			Cluster: t.cluster(), Registry: registry, Group: group, Topics: []string{topic},
			Tuning: consumer.Tuning{OutOfRange: policy, CommitInterval: commitInterval},
		}, consumer.On(func(ctx context.Context, _ events.Numbered) error {
			got <- consumer.InfoFrom(ctx).Offset
			return nil
		}))
		for len(handled) < until {
			select {
			case offset := <-got:
				handled = append(handled, offset)
			case <-w.Ended():
				return handled, w.Wait()
			case <-time.After(time.Minute):
				t.Fatalf("no event for a minute after %v", handled)
			}
		}
		return handled, w.Stop()
	}
	is := func(what string, handled []int64, err error, first int64) {
		t.require(err == nil && len(handled) > 0 && handled[0] == first, "%s: handled %v, %v; want it to go on at offset %d", what, handled, err, first)
	}
	stops := func(what string, handled []int64, err error) {
		var out *reader.OutOfRangeError
		t.require(errors.As(err, &out) && len(handled) == 0, "%s: handled %v, %v; want an OutOfRangeError and nothing handled", what, handled, err)
		t.Logf("%s: %v", what, err)
	}

	fill(20)
	handled, err := work(consumer.OutOfRangeStop, 20)
	is("the beginning", handled, err, 0)
	fill(20)
	if _, err := t.kafka().Admin.DeleteRecords(t.Context(), offsetsOf(topic, 30)); err != nil {
		t.Fatalf("delete records: %v", err)
	}
	handled, err = work(consumer.OutOfRangeStop, 1)
	stops("events deleted before they were handled", handled, err)
	handled, err = work(consumer.OutOfRangeStart, 10)
	is("events deleted, OutOfRangeStart", handled, err, 30)

	if _, err := t.kafka().Admin.DeleteTopics(t.Context(), topic); err != nil {
		t.Fatalf("delete topic: %v", err)
	}
	t.recreate(topic)
	fill(5)
	t.until(time.Minute, "the group has its old offset", func() bool {
		// Kafka deletes a deleted topic's offsets; a group that was elsewhere at the time keeps them.
		offsets := kadm.Offsets{}
		offsets.AddOffset(topic, 0, 40, -1)
		_, err := t.kafka().Admin.CommitOffsets(t.Context(), group, offsets)
		return err == nil
	})
	handled, err = work(consumer.OutOfRangeStop, 1)
	stops("topic made anew", handled, err)
	handled, err = work(consumer.OutOfRangeStart, 5)
	is("topic made anew, OutOfRangeStart", handled, err, 0)
	t.figure("silent skips", "0 of 4 cases")
}

func offsetsOf(topic string, offset int64) kadm.Offsets {
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, offset, -1)
	return offsets
}

// recreate makes a topic whose namesake is being deleted.
func (t *trial) recreate(topic string) {
	t.Helper()
	t.until(time.Minute, "the topic is made anew", func() bool {
		_, err := t.kafka().Admin.CreateTopic(t.Context(), 1, -1, nil, topic)
		return err == nil
	})
	t.until(time.Minute, "the new topic has a leader", func() bool { return admin.Leader(t, t.kafka(), topic, 0) > 0 })
}
