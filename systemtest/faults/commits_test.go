package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/producer"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/systemtest/internal/check"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// scripted starts a broker in this process that answers as it is told, and a registry beside it.
func (t *trial) scripted() (*devserver.Server, headrace.Cluster) {
	t.Helper()
	server, err := devserver.Start(devserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, headrace.Cluster{Brokers: []string{server.KafkaAddr}}
}

// refusedCommits has the group refuse three commits in a row with each code that Kafka has for it. The worker tries again, or joins
// anew, or stops, by the code; it never commits what is not handled, and never leaves an event out.
func refusedCommits(t *trial) {
	server, cluster := t.scripted()
	registry := stack.Registry(t, server.RegistryURL)
	p := stack.Producer(t, producer.Config{Cluster: cluster, Registry: registry, AutoRegister: true})
	for _, code := range []*kerr.Error{
		kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.IllegalGeneration,
		kerr.UnknownMemberID, kerr.RebalanceInProgress, kerr.FencedInstanceID,
	} {
		topic := t.name(fmt.Sprint(code.Code))
		if err := server.Broker().CreateTopic(topic, 2, nil); err != nil {
			t.Fatal(err)
		}
		c := &refusal{trial: t, server: server, topic: topic, handled: newJournal(&check.Log{})}
		how := c.run(code, p, consumer.Config{Cluster: cluster, Registry: registry, Group: topic, Topics: []string{topic}})
		t.figure(code.Message, "%s", how)
	}
}

// refusal is what one worker does about commits that are refused.
type refusal struct {
	*trial
	server *devserver.Server
	topic  string

	log     check.Log
	handled *journal
}

func (r *refusal) run(code *kerr.Error, p *producer.Producer, config consumer.Config) (how string) {
	const batch = 200
	config.Concurrency = *concurrency
	config.Tuning = consumer.Tuning{InstanceID: "the-one", CommitInterval: 20 * time.Millisecond, SessionTimeout: 6 * time.Second}
	r.handled.log = &r.log
	w := stack.Work(r.T, config, consumer.On(func(ctx context.Context, e events.Numbered) error {
		info := consumer.InfoFrom(ctx)
		_, err := fmt.Fprintf(r.handled, "%d %d %s %d\n", info.Partition, info.Offset, e.Key, e.Number)
		return err
	}))
	r.send(p, batch)
	r.until(2*time.Minute, "the first events are handled", func() bool { return r.handled.count() >= batch })
	fenced := errors.Is(code, kerr.FencedInstanceID)
	refused := kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Group: r.topic, Err: code, Count: 3}
	if fenced { // for good, and heartbeats hear of it too
		refused.Keys, refused.Count = append(refused.Keys, kmsg.Heartbeat), -1
	}
	fault := r.server.Broker().Fault(refused)
	defer fault.Remove()
	r.send(p, batch)
	if fenced {
		select {
		case <-w.Ended():
		case <-time.After(2 * time.Minute):
			r.Fatalf("%s: the worker still runs", code.Message)
		}
		var gone *consumer.FencedError
		err := w.Wait()
		r.require(errors.As(err, &gone), "%s: the worker ended with %v, want a FencedError", code.Message, err)
	} else {
		r.until(2*time.Minute, code.Message+": every event is handled and committed", func() bool {
			return r.handled.count() >= 2*batch && r.committed() == 2*batch
		})
		r.require(fault.Hits() >= 3, "%s: answered %d times, want 3", code.Message, fault.Hits())
		if err := w.Stop(); err != nil {
			r.Errorf("%s: worker: %v", code.Message, err)
		}
	}
	stats := w.Stats()
	_, skipped := r.handled.uncommitted(r.offsets())
	r.require(skipped == nil, "%s: committed beyond an event that was never handled: %+v", code.Message, skipped)
	report := r.log.Report()
	if fenced {
		report.Lost = 0 // its successor handles the rest
	}
	r.verdict.Handled(report)
	r.n += report.Acked
	switch {
	case fenced:
		return "stops"
	case stats.Rebalances > 1 || stats.Lost > 0:
		return fmt.Sprintf("joins anew, %d again", report.Doubled)
	default:
		return fmt.Sprintf("commits again, %d again", report.Doubled)
	}
}

func (r *refusal) send(p *producer.Producer, n int) {
	r.Helper()
	numbered := producer.For[events.Numbered](p, r.topic)
	for i := range n {
		key := fmt.Sprintf("key-%d", i%20)
		number := r.log.Next(key)
		numbered.Post(r.Context(), key, events.Numbered{Key: key, Number: int64(number)}, func(_ headrace.Location, err error) {
			r.log.Ended(key, number, outcome(err))
		})
	}
	if err := p.Flush(r.Context()); err != nil {
		r.Fatal(err)
	}
}

// offsets is what the group has committed.
func (r *refusal) offsets() map[int32]int64 {
	committed := map[int32]int64{}
	if group := r.server.Broker().GroupInfo(r.topic); group != nil {
		for partition, commit := range group.Commits[r.topic] {
			committed[partition] = commit.Offset
		}
	}
	return committed
}

func (r *refusal) committed() (total int64) {
	for _, offset := range r.offsets() {
		total += offset
	}
	return total
}
