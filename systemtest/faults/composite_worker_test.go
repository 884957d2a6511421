package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/schema/registry"
	"go.uber.org/zap"

	"github.com/headrace/headrace/systemtest/internal/events"
)

// task is what the handler of the composite row makes of an event. It follows from the event's number, so that every process and the
// judge agree.
type task int

const (
	plain    task = iota
	slow          // takes a while, and ends early when its context does
	flaky         // fails at the first attempt
	deferred      // fails in its own topic, and succeeds in a retry topic
	dying         // becomes a dead letter, and succeeds once it has been redriven
)

func taskOf(number int) task {
	switch {
	case number%101 == 13:
		return dying
	case number%53 == 11:
		return deferred
	case number%41 == 7:
		return flaky
	case number%97 == 5:
		return slow
	default:
		return plain
	}
}

// slowWork is less than any session.
const slowWork = 300 * time.Millisecond

var errPlanned = errors.New("planned failure")

// compositeSession is how long the group waits for a worker of the composite row.
const compositeSession = 6 * time.Second

// compositeAttempts is how often an event is tried in place.
const compositeAttempts = 3

// runComposite is a worker process of the composite row. It writes a line when an attempt begins and one when it ends, each with its time.
func runComposite(j job) error {
	log, err := zap.NewDevelopment(zap.IncreaseLevel(zap.WarnLevel))
	if err != nil {
		return err
	}
	reg, err := registry.New(j.Registry)
	if err != nil {
		return err
	}
	w, err := consumer.New(consumer.Config{
		Cluster: headrace.Cluster{Brokers: j.Brokers}, Registry: reg, Group: j.Group, Topics: []string{j.Topic}, Concurrency: j.Concurrency,
		Policy: consumer.Policy{
			Attempts: compositeAttempts, Retry: []time.Duration{500 * time.Millisecond, 2 * time.Second}, DeadLetter: true,
			Backoff: consumer.Backoff{Initial: 10 * time.Millisecond, Max: 50 * time.Millisecond},
		},
		Tuning: consumer.Tuning{
			InstanceID: j.InstanceID, SessionTimeout: compositeSession, HeartbeatInterval: time.Second, RebalanceTimeout: 10 * time.Second,
			DrainTimeout: 2 * time.Second, CommitInterval: commitInterval, CreateTopics: true,
		},
		Logger: log,
	}, consumer.On(handleComposite))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return w.Run(ctx)
}

func handleComposite(ctx context.Context, e events.Numbered) error {
	info := consumer.InfoFrom(ctx)
	redriven := slices.ContainsFunc(info.Headers, func(h headrace.Header) bool { return h.Key == deadletter.HeaderRedrives })
	returned := redriven || info.Retry > 0
	tell := func(what string) {
		// One write a line: the pipe keeps it when the process dies a moment later.
		_, _ = fmt.Fprintf(os.Stdout, "%s %d %d %d %s %d %t\n", what, time.Now().UnixNano(), info.Partition, info.Offset, e.Key, e.Number, returned)
	}
	tell("begin")
	var err error
	switch taskOf(int(e.Number)) {
	case slow:
		err = wait(ctx, slowWork)
	case flaky:
		if info.Attempt == 1 {
			err = errPlanned
		}
	case deferred:
		if !returned {
			err = errPlanned
		}
	case dying:
		if !redriven {
			err = consumer.Permanent(errPlanned)
		}
	case plain:
	}
	if err != nil {
		tell("failed")
		return err
	}
	tell("handled")
	return nil
}
