package faults

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/process"
)

// workerVariable turns the test binary into the worker that it describes.
const workerVariable = "HEADRACE_FAULTS_WORKER"

// job is what a worker process is told.
type job struct {
	Brokers     []string
	Registry    string
	Group       string
	Topic       string
	InstanceID  string
	Concurrency int
	Work        time.Duration // what a handler takes
	BufferBytes int
	Session     time.Duration // the session timeout; 0 is 2s
	Composite   bool          // be a worker of the composite row
	Copy        *copyJob      // copy instead of working
}

// work is the worker process. It runs until it is killed, or told to stop by SIGTERM, and returns its exit code. Each handled event
// is one line, written before the handler returns; the pipe keeps it when the process dies a moment later.
func work(described string) int {
	if err := runJob(described); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runJob(described string) error {
	var j job
	if err := json.Unmarshal([]byte(described), &j); err != nil {
		return err
	}
	switch {
	case j.Copy != nil:
		return runCopy(j.Brokers, *j.Copy)
	case j.Composite:
		return runComposite(j)
	}
	reg, err := registry.New(j.Registry)
	if err != nil {
		return err
	}
	config := consumer.Config{
		Cluster: headrace.Cluster{Brokers: j.Brokers}, Registry: reg, Group: j.Group, Topics: []string{j.Topic},
		Tuning: consumer.Tuning{
			InstanceID: j.InstanceID, SessionTimeout: cmp.Or(j.Session, 2*time.Second), CommitInterval: commitInterval, BufferBytes: j.BufferBytes,
		},
	}
	config.Concurrency = j.Concurrency
	w, err := consumer.New(config, consumer.On(func(ctx context.Context, e events.Numbered) error {
		if j.Work > 0 {
			<-time.After(j.Work)
		}
		info := consumer.InfoFrom(ctx)
		_, err := fmt.Fprintf(os.Stdout, "%d %d %s %d\n", info.Partition, info.Offset, e.Key, e.Number)
		return err
	}))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return w.Run(ctx)
}

// start runs a worker process whose standard output goes to the journal.
func (t *trial) start(name string, j job, journal io.Writer) *process.Process {
	t.Helper()
	described, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Start(t, process.Spec{
		Name: name, Command: []string{binary}, Env: []string{workerVariable + "=" + string(described)}, Stdout: journal,
	})
}
