package reader

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
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

// patience only keeps a test that hangs from hanging for ever.
const patience = 2 * time.Minute

var errBroken = errors.New("broken")

// world is a broker, and a registry that can fail.
type world struct {
	t        testing.TB
	kafka    *kfake.Cluster
	cluster  headrace.Cluster
	client   *kafka.Client
	registry *registry.Client

	registryURL string
	down        atomic.Bool // the registry answers 503
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t}
	var err error
	if w.kafka, err = kfake.NewCluster(kfake.NumBrokers(1)); err != nil {
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

func (w *world) topic(name string, partitions int32) {
	w.t.Helper()
	if err := w.kafka.CreateTopic(name, partitions, nil); err != nil {
		w.t.Fatal(err)
	}
}

func part(partition int32, from, to int64) PartitionRange {
	return PartitionRange{Partition: partition, OffsetRange: headrace.OffsetRange{From: from, To: to}}
}

// rec is a record to write.
type rec struct {
	key     string // "" is null
	value   []byte
	headers []headrace.Header
	at      int64
}

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
		n := first + int64(i)
		recs[i] = rec{key: fmt.Sprint("k", i%7), value: encoded(pingID, ping{N: n, Who: "w"}), at: 1000 + n}
	}
	w.put(topic, partition, recs...)
}

// put writes records as one batch.
func (w *world) put(topic string, partition int32, recs ...rec) {
	w.t.Helper()
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
			w.t.Fatal(err)
		}
	}
	raw, err := b.Seal(batch.None)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = w.client.Retry(ctx, func(ctx context.Context) error {
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

// read returns every record of a topic that is there now.
func (w *world) read(topic string) []Record {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var records []Record
	err := Read(ctx, Config{Cluster: w.cluster, Topic: topic, Range: Range{To: AtEnd()}}, func(r Record) error {
		r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
		var headers []headrace.Header
		for _, h := range r.Headers {
			headers = append(headers, headrace.Header{Key: h.Key, Value: bytes.Clone(h.Value)})
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

// asError fails unless err is of type T.
func asError[T error](t testing.TB, err error) T {
	t.Helper()
	target, ok := errors.AsType[T](err)
	if !ok {
		t.Fatalf("got error %v (%T), want %T", err, err, target)
	}
	return target
}
