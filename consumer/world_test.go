package consumer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Ids of the schemas that the registry of a world has. ghost is in none.
const (
	pingID  = 1
	pongID  = 2
	badID   = 3 // what is registered is no schema
	ghostID = 99
)

type ping struct {
	N   int64  `avro:"n"`
	Who string `avro:"who"`
}

func (ping) AvroSchema() string {
	return `{"type":"record","name":"Ping","namespace":"test","fields":[{"name":"n","type":"long"},{"name":"who","type":"string"}]}`
}

type pong struct {
	OK bool `avro:"ok"`
}

func (pong) AvroSchema() string {
	return `{"type":"record","name":"Pong","namespace":"test","fields":[{"name":"ok","type":"boolean"}]}`
}

// patience only keeps a test that hangs from hanging for ever: no test is about it, and no pause of the machine is as long.
const patience = 2 * time.Minute

// quickGrace is for workers that are to give handlers up. All others have a grace that no pause of the machine uses up.
const quickGrace = 50 * time.Millisecond

// world is a broker, a registry that can fail, and the means to look at both.
type world struct {
	t        testing.TB
	kafka    *kfake.Cluster
	cluster  headrace.Cluster
	client   *kafka.Client
	registry *registry.Client

	registryURL string

	down  atomic.Bool // the registry answers 503
	calls atomic.Int64

	metadata time.Duration // between looks for new partitions; zero is the worker's own
	grace    time.Duration // until a handler is given up; zero is patience

	logs *observer.ObservedLogs
	log  *zap.Logger
}

func newWorld(t testing.TB, opts ...kfake.Opt) *world {
	t.Helper()
	w := &world{t: t}
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Millisecond)}, opts...)
	var err error
	if w.kafka, err = kfake.NewCluster(opts...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.kafka.Close)
	w.cluster = headrace.Cluster{Brokers: w.kafka.ListenAddrs()}
	if w.client, err = kafka.Open(w.cluster); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)

	server := httptest.NewServer(http.HandlerFunc(w.serveRegistry))
	t.Cleanup(server.Close)
	w.registryURL = server.URL
	w.registry = w.asking(patience)

	var core zapcore.Core
	core, w.logs = observer.New(zap.DebugLevel)
	w.log = zap.New(core)
	t.Cleanup(func() {
		if t.Failed() {
			for _, entry := range w.logs.All() {
				t.Logf("%s %s %s %v", entry.Time.Format("05.000"), entry.Level, entry.Message, entry.ContextMap())
			}
		}
	})
	return w
}

// asking opens the registry with a limit for each call.
func (w *world) asking(limit time.Duration) *registry.Client {
	w.t.Helper()
	reg, err := registry.New(w.registryURL, registry.WithTimeout(limit))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(reg.Close)
	return reg
}

func (w *world) serveRegistry(rw http.ResponseWriter, r *http.Request) {
	w.calls.Add(1)
	if w.down.Load() {
		http.Error(rw, `{"error_code":50003,"message":"down"}`, http.StatusServiceUnavailable)
		return
	}
	text, ok := map[string]string{
		strconv.Itoa(pingID): ping{}.AvroSchema(),
		strconv.Itoa(pongID): pong{}.AvroSchema(),
		strconv.Itoa(badID):  `{"type":"record","name":"Bad"}`,
	}[strings.TrimPrefix(r.URL.Path, "/schemas/ids/")]
	if !ok {
		http.Error(rw, `{"error_code":40403,"message":"Schema not found"}`, http.StatusNotFound)
		return
	}
	body, _ := json.Marshal(map[string]string{"schema": text})
	_, _ = rw.Write(body)
}

// topic creates a topic, and its dead-letter topic for group "g" when dead is set.
func (w *world) topic(name string, partitions int32, dead bool) {
	w.t.Helper()
	names := []string{name}
	if dead {
		names = append(names, DeadLetterTopic(name, "g"))
	}
	for _, n := range names {
		if err := w.kafka.CreateTopic(n, partitions, nil); err != nil {
			w.t.Fatal(err)
		}
	}
}

// rec is a record to write.
type rec struct {
	key     string // "" is null
	value   []byte
	headers []headrace.Header
	at      int64
}

func pingValue(n int64, who string) []byte { return encoded(pingID, ping{N: n, Who: who}) }

func encoded[E schema.Event](id int, e E) []byte {
	encoder, err := schema.NewEncoder[E]()
	if err != nil {
		panic(err)
	}
	value, err := encoder.Append(schema.AppendID(nil, id), &e)
	if err != nil {
		panic(err)
	}
	return value
}

func (w *world) pings(topic string, partition int32, first, count int64) {
	w.t.Helper()
	recs := make([]rec, count)
	for i := range recs {
		recs[i] = rec{key: fmt.Sprint("k", int64(i)%7), value: pingValue(first+int64(i), "w"), at: 1000 + first + int64(i)}
	}
	w.put(topic, partition, recs...)
}

// put writes records as one batch.
func (w *world) put(topic string, partition int32, recs ...rec) {
	w.t.Helper()
	w.putRaw(topic, partition, sealed(w.t, batch.None, recs...))
}

func sealed(t testing.TB, codec batch.Codec, recs ...rec) []byte {
	t.Helper()
	var b batch.Builder
	for _, r := range recs {
		var key []byte
		if r.key != "" {
			key = []byte(r.key)
		}
		dst := b.Begin(r.at, key)
		var err error
		if r.value == nil {
			_, err = b.EndNull(r.headers)
		} else {
			_, err = b.End(append(dst, r.value...), r.headers)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := b.Seal(codec)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (w *world) putRaw(topic string, partition int32, raw []byte) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := w.client.Retry(ctx, func(ctx context.Context) error {
		found, err := w.client.Topic(ctx, topic)
		if err != nil {
			return err
		}
		p, _ := found.Partition(partition)
		answer, err := w.client.Produce(ctx, p.Leader, &kafka.ProduceRequest{Partitions: []kafka.ProduceBatch{{Topic: topic, Partition: partition, Batch: raw}}})
		if err != nil {
			return err
		}
		return answer.Partitions[0].Err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// committed returns the group's offset of a partition, -1 for none.
func (w *world) committed(topic string, partition int32) int64 {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	offsets, err := w.client.FetchOffsets(ctx, "g", kafka.TopicPartition{Topic: topic, Partition: partition})
	if errors.Is(err, kerr.GroupIDNotFound) {
		return -1
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return offsets[0].Offset
}

// read returns every record of a topic that is there now.
func (w *world) read(topic string) []reader.Record {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var records []reader.Record
	err := reader.Read(ctx, reader.Config{Cluster: w.cluster, Topic: topic, Range: reader.Range{To: reader.AtEnd()}}, func(r reader.Record) error {
		r.Key, r.Value = cloneValue(r.Key), cloneValue(r.Value)
		var headers []headrace.Header
		for _, h := range r.Headers {
			headers = append(headers, headrace.Header{Key: h.Key, Value: cloneValue(h.Value)})
		}
		r.Headers = headers
		records = append(records, r)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return records
}

// config is a worker's, quick enough for a test.
func (w *world) config(topics ...string) Config {
	return Config{
		Cluster: w.cluster, Registry: w.registry, Group: "g", Topics: topics, Logger: w.log,
		Policy: Policy{Attempts: 3, Backoff: Backoff{Initial: time.Millisecond, Max: 5 * time.Millisecond}},
		Tuning: Tuning{
			CommitInterval: 20 * time.Millisecond, HeartbeatInterval: 20 * time.Millisecond, SessionTimeout: 10 * time.Second,
			DrainTimeout: patience,
		},
	}
}

// job is a worker that runs.
type job struct {
	*Worker
	t      testing.TB
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

func (w *world) start(cfg Config, handlers ...Handler) *job {
	w.t.Helper()
	worker, err := New(cfg, handlers...)
	if err != nil {
		w.t.Fatal(err)
	}
	worker.grace = cmp.Or(w.grace, patience)
	if w.metadata > 0 {
		worker.metadata = w.metadata
	}
	ctx, cancel := context.WithCancel(context.Background())
	j := &job{Worker: worker, t: w.t, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(j.done)
		j.err = worker.Run(ctx)
	}()
	w.t.Cleanup(func() { j.cancel(); <-j.done })
	return j
}

// stop ends the worker in order.
func (j *job) stop() {
	j.t.Helper()
	j.cancel()
	if err := j.wait(); err != nil {
		j.t.Fatalf("worker ended with: %v", err)
	}
}

// wait returns what Run returned.
func (j *job) wait() error {
	j.t.Helper()
	select {
	case <-j.done:
		return j.err
	case <-time.After(patience):
		j.t.Fatal("worker did not end")
		return nil
	}
}

// eventually waits until ok is true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// sink collects what handlers were given.
type sink struct {
	mu   sync.Mutex
	seen []Info
	ns   []int64
}

func (s *sink) handle(ctx context.Context, p ping) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, InfoFrom(ctx))
	s.ns = append(s.ns, p.N)
	return nil
}

func (s *sink) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ns)
}

func (s *sink) numbers() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int64(nil), s.ns...)
}

// asError fails unless err is of type T.
func asError[T error](t testing.TB, err error) T {
	t.Helper()
	target, ok := errors.AsType[T](err)
	if !ok {
		t.Fatalf("got error %v (%T), want %T", err, err, target)
	}
	return target
}

// goexit ends the goroutine, as FailNow of a test does in a handler.
func goexit() { runtime.Goexit() }

// crash ends the worker as SIGKILL does, as far as the broker can tell: nothing more is sent, no commit and no leave.
func (j *job) crash() {
	j.t.Helper()
	eventually(j.t, "worker runs", func() bool { return j.engine.Load() != nil })
	j.engine.Load().client.Close()
	if err := j.wait(); !errors.Is(err, kafka.ErrClosed) {
		j.t.Fatalf("crashed worker ended with: %v", err)
	}
}
