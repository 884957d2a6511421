package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/schema"

	"github.com/headrace/headrace/systemtest/internal/events"
)

// workerVariable turns the test binary into the worker that it describes.
const workerVariable = "HEADRACE_CRASH_WORKER"

// commitInterval is short, so that little is in flight when the worker dies.
const commitInterval = 200 * time.Millisecond

// job is what a worker process is told.
type job struct {
	Brokers    []string
	Registry   string
	Group      string
	Topic      string
	InstanceID string
}

func TestMain(m *testing.M) {
	if described := os.Getenv(workerVariable); described != "" {
		if err := work(described); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	m.Run()
}

// work runs until it is killed. Each handled event is one line, written before the handler returns; the pipe keeps
// it when the process dies a moment later.
func work(described string) error {
	var j job
	if err := json.Unmarshal([]byte(described), &j); err != nil {
		return err
	}
	registry, err := schema.NewRegistry(j.Registry)
	if err != nil {
		return err
	}
	w, err := consumer.New(consumer.Config{
		Cluster: headrace.Cluster{Brokers: j.Brokers}, Registry: registry, Group: j.Group, Topics: []string{j.Topic},
		Tuning: consumer.Tuning{InstanceID: j.InstanceID, SessionTimeout: 2 * time.Second, CommitInterval: commitInterval},
	}, consumer.On(func(ctx context.Context, e events.Numbered) error {
		info := consumer.InfoFrom(ctx)
		_, err := fmt.Fprintf(os.Stdout, "%d %d %s %d\n", info.Partition, info.Offset, e.Key, e.Number)
		return err
	}))
	if err != nil {
		return err
	}
	return w.Run(context.Background())
}
