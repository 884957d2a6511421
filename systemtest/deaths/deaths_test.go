// Package deaths tests on real Kafka what a worker leaves behind that ends at an event: one that kills its process does so a counted
// number of times, and one that stops the worker costs no other.
package deaths

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"
	"github.com/headrace/headrace/topics"
	"go.uber.org/zap"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

const (
	topic      = "orders"
	group      = "mail"
	partitions = 3
	keys       = 60
	perKey     = 300
	lanes      = 16
	attempts   = 5
)

// poison is the event that no process outlives.
var poison = event{"k41", 222}

type event struct {
	key    string
	number int64
}

// workerVariable turns the test binary into a worker.
const workerVariable = "HEADRACE_DEATHS_WORKER"

type job struct {
	Brokers  []string
	Registry string
	Interval time.Duration
}

func TestMain(m *testing.M) {
	if described := os.Getenv(workerVariable); described != "" {
		if err := work(described); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // a worker process is a program of its own
		}
		return
	}
	m.Run()
}

// work is the worker process, until it is told to stop or handles the poison. Each event that is handled is one line.
func work(described string) error {
	var j job
	if err := json.Unmarshal([]byte(described), &j); err != nil {
		return err
	}
	reg, err := registry.New(j.Registry)
	if err != nil {
		return err
	}
	log, err := zap.NewDevelopment()
	if err != nil {
		return err
	}
	w, err := consumer.New(consumer.Config{
		Cluster: headrace.Cluster{Brokers: j.Brokers}, Registry: reg, Group: group, Topics: []string{topic}, Concurrency: lanes,
		Policy: consumer.Policy{Attempts: attempts, DeadLetter: true},
		Tuning: consumer.Tuning{InstanceID: "one", CommitInterval: j.Interval, CreateTopics: true},
		Logger: log,
	}, consumer.On(func(_ context.Context, e events.Numbered) error {
		if (event{e.Key, e.Number}) == poison {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		<-time.After(200 * time.Microsecond)
		_, err := fmt.Printf("%s %d\n", e.Key, e.Number) //nolint:forbidigo // what the test reads
		return err
	}))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return w.Run(ctx)
}

// TestAnEventThatKillsItsProcess restarts a worker, as a supervisor does, until all is done.
func TestAnEventThatKillsItsProcess(t *testing.T) {
	reg := apicurio.Start(t)
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) {
			cluster := kraft.Start(t, kraft.Config{Version: version})
			send(t, cluster, reg.URL)
			handled := &journal{times: map[event]int{}}
			started, deaths := time.Now(), 0
			for !restart(t, cluster, reg.URL, deaths, handled) {
				if deaths++; deaths > 2*attempts {
					t.Fatal("it goes on killing")
				}
			}
			if deaths != attempts {
				t.Errorf("%d processes died, want %d", deaths, attempts)
			}
			repeats := handled.check(t)
			checkDead(t, cluster)
			t.Logf("kafka %s: %d events, %d processes died in %v, %d events were handled again",
				version, keys*perKey, deaths, time.Since(started).Round(time.Millisecond), repeats)
		})
	}
}

func send(t *testing.T, c *kraft.Cluster, reg string) {
	t.Helper()
	cluster := stack.Cluster(c)
	if err := topics.Create(t.Context(), cluster, topics.Spec{Name: topic, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	p := stack.Producer(t, producer.Config{Cluster: cluster, Registry: stack.Registry(t, reg), AutoRegister: true})
	out := producer.For[events.Numbered](p, topic)
	for number := range int64(perKey) {
		for key := range keys {
			name := "k" + strconv.Itoa(key)
			out.Post(t.Context(), name, events.Numbered{Key: name, Number: number}, func(_ headrace.Location, err error) {
				if err != nil {
					t.Errorf("send: %v", err)
				}
			})
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// restart runs one worker process to its end. It returns true when the process ended in order, because all was done.
func restart(t *testing.T, c *kraft.Cluster, reg string, life int, handled *journal) (over bool) {
	t.Helper()
	described, err := json.Marshal(job{Brokers: c.Brokers(), Registry: reg, Interval: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	worker := process.Start(t, process.Spec{
		Name: fmt.Sprint("worker-", life), Command: []string{binary}, Env: []string{workerVariable + "=" + string(described)}, Stdout: handled,
	})
	deadline := time.After(3 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-worker.Ended():
			return false
		case <-deadline:
			t.Fatalf("life %d: not done within three minutes", life)
		case <-tick.C:
			if done(t, c) {
				worker.Signal(syscall.SIGTERM)
				<-worker.Ended()
				return true
			}
		}
	}
}

// done reports whether everything is committed.
func done(t *testing.T, c *kraft.Cluster) bool {
	t.Helper()
	committed, err := admin.Committed(t.Context(), c, group, topic)
	if err != nil {
		t.Fatal(err)
	}
	for partition, end := range admin.Ends(t, c, topic) {
		if committed[partition] < end {
			return false
		}
	}
	return true
}

// journal is what worker processes have handled, as they write it.
type journal struct {
	mu    sync.Mutex
	rest  []byte
	times map[event]int
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rest = append(j.rest, p...)
	end := bytes.LastIndexByte(j.rest, '\n') + 1
	lines := bufio.NewScanner(strings.NewReader(string(j.rest[:end])))
	for lines.Scan() {
		var e event
		if _, err := fmt.Sscan(lines.Text(), &e.key, &e.number); err != nil {
			return 0, err
		}
		j.times[e]++
	}
	j.rest = append(j.rest[:0], j.rest[end:]...)
	return len(p), nil
}

// check fails unless every event but the poison was handled. It returns how often one was handled again.
func (j *journal) check(t *testing.T) (repeats int) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for key := range keys {
		for number := range int64(perKey) {
			e := event{"k" + strconv.Itoa(key), number}
			switch n := j.times[e]; {
			case n == 0 && e != poison:
				t.Errorf("%v was lost", e)
			case n > 1:
				repeats += n - 1
			}
		}
	}
	return repeats
}

// checkDead fails unless the poison is the only dead letter, and says why.
func checkDead(t *testing.T, c *kraft.Cluster) {
	t.Helper()
	var dead []record.Record
	admin.ReadAll(t, c, consumer.DeadLetterTopic(topic, group), func(r record.Record) { dead = append(dead, r) })
	if len(dead) != 1 {
		t.Fatalf("%d dead letters", len(dead))
	}
	headers := map[string]string{}
	for _, h := range dead[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	if string(dead[0].Key) != poison.key || headers[consumer.HeaderKind] != "crash" || headers[consumer.HeaderDeliveryCount] != strconv.Itoa(attempts) {
		t.Errorf("dead letter of %s: %v", dead[0].Key, headers)
	}
}
