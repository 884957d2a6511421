// Package stack sets the toolkit up for a system test: a cluster value, a registry, a producer, a running worker.
package stack

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/kraft"
)

// VersionsVariable names the environment variable that picks the Kafka versions, separated by commas.
const VersionsVariable = "HEADRACE_KAFKA_VERSIONS"

// Versions returns the Kafka versions to test on: those of the environment, or otherwise these.
func Versions(otherwise ...string) []string {
	if chosen := os.Getenv(VersionsVariable); chosen != "" {
		return strings.Split(chosen, ",")
	}
	return otherwise
}

// Cluster is how the toolkit reaches the first listener of c.
func Cluster(c *kraft.Cluster) headrace.Cluster {
	return headrace.Cluster{Brokers: c.Brokers(), ClientID: "systemtest"}
}

// Registry opens the registry at url and closes it with the test.
func Registry(tb testing.TB, url string) *registry.Client {
	tb.Helper()
	reg, err := registry.New(url)
	if err != nil {
		tb.Fatalf("registry %s: %v", url, err)
	}
	tb.Cleanup(reg.Close)
	return reg
}

// Producer makes a producer and closes it with the test, if the test has not done so.
func Producer(tb testing.TB, config producer.Config) *producer.Producer {
	tb.Helper()
	p, err := producer.New(config)
	if err != nil {
		tb.Fatalf("producer: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			tb.Errorf("close the producer: %v", err)
		}
	})
	return p
}

// Worker is a worker that runs in the background.
type Worker struct {
	*consumer.Worker

	stop  context.CancelFunc
	ended chan struct{}
	err   error
}

// Work runs a worker until Stop, or until the test ends.
func Work(tb testing.TB, config consumer.Config, handlers ...consumer.Handler) *Worker {
	tb.Helper()
	if config.Logger == nil {
		config.Logger = logger(tb)
	}
	made, err := consumer.New(config, handlers...)
	if err != nil {
		tb.Fatalf("worker: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &Worker{Worker: made, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		w.err = made.Run(ctx)
	}()
	tb.Cleanup(func() { _ = w.Stop() })
	return w
}

// Stop asks the worker to stop and returns what Run returned.
func (w *Worker) Stop() error {
	w.stop()
	return w.Wait()
}

// Wait returns what Run returned, once it has.
func (w *Worker) Wait() error {
	<-w.ended
	return w.err
}

// Ended is closed when Run has returned.
func (w *Worker) Ended() <-chan struct{} { return w.ended }

// Until waits until done is true, and fails the test when the worker ends first or limit passes.
func (w *Worker) Until(tb testing.TB, limit time.Duration, what string, done func() bool) {
	tb.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-w.ended:
			tb.Fatalf("worker ended before %s: %v", what, w.err)
		case <-deadline.C:
			tb.Fatalf("%s: not within %s; worker: %+v", what, limit, w.Stats())
		case <-tick.C:
		}
	}
}
