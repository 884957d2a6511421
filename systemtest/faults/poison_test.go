package faults

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// poisoned returns values that are no event: every way to cut a good one short, and what is wrong in itself.
func poisoned(good record.Bytes) (values map[string]record.Bytes) {
	values = map[string]record.Bytes{}
	for length := range good {
		values[fmt.Sprintf("cut after %d bytes", length)] = good[:length:length]
	}
	for _, magic := range []byte{1, 2, 0x42, 0x80, 0xff} {
		bad := bytes.Clone(good)
		bad[0] = magic
		values[fmt.Sprintf("magic byte %#x", magic)] = bad
	}
	for _, id := range []uint32{0, 7_000_001, 0x7fffffff, 0x80000000, 0xffffffff} {
		bad := bytes.Clone(good)
		binary.BigEndian.PutUint32(bad[1:], id)
		values[fmt.Sprintf("schema id %#x", id)] = bad
	}
	values["one byte too many"] = append(bytes.Clone(good), 0)
	values["two events in one value"] = append(bytes.Clone(good), good[schema.IDPrefixLen:]...)
	// The key's first byte follows its length.
	text := bytes.Clone(good)
	text[schema.IDPrefixLen+1] = 0xff
	values["text that is not UTF-8"] = text
	length := bytes.Clone(good)
	length[schema.IDPrefixLen] = 0x01 // -1
	values["a negative length"] = length
	return values
}

// poison mixes bad values with good events. Each goes to the dead-letter topic once, byte for byte, and says why; none is taken for
// an event; the events around them are handled.
func poison(t *trial) {
	topic, group := t.name("events"), t.name("group")
	reg := t.registry()
	encode := t.encoder(reg, topic)
	values := poisoned(encode(events.Numbered{Key: "key of some length", Number: 123456789, Payload: []byte("payload")}))
	w := t.quarantine(reg, topic, group, encode, values)
	t.cases(len(values), "bad values")
	t.figure("dead letters", "%d", w.Stats().DeadLettered)
}

// quarantine writes the values among good events, runs a worker over them, and holds the dead letters against the values.
func (t *trial) quarantine(
	reg *registry.Client, topic, group string, encode func(events.Numbered) record.Bytes, values map[string]record.Bytes,
) *stack.Worker {
	t.Helper()
	dead := consumer.DeadLetterTopic(topic, group)
	admin.CreateTopic(t, t.kafka(), topic, 1, nil)
	admin.CreateTopic(t, t.kafka(), dead, 1, nil)
	good, what := 0, map[int64]string{}
	var records []record.Record
	for name, value := range values {
		what[int64(len(records))] = name
		records = append(records, record.Record{Key: record.Bytes(name), Value: value},
			record.Record{Key: record.Bytes("key"), Value: encode(events.Numbered{Key: "key", Number: int64(good)})})
		good++
	}
	admin.Write(t, t.kafka(), topic, records...)

	var handled, taken atomic.Int64
	config := consumer.Config{
		Cluster: t.cluster(), Registry: reg, Group: group, Topics: []string{topic}, Policy: consumer.Policy{DeadLetter: true},
		Unhandled: consumer.UnhandledDeadLetter,
	}
	config.Concurrency = *concurrency
	w := stack.Work(t, config, consumer.On(func(ctx context.Context, _ events.Numbered) error {
		handled.Add(1)
		if name, bad := what[consumer.InfoFrom(ctx).Offset]; bad {
			taken.Add(1)
			t.Errorf("a handler was given %s", name)
		}
		return nil
	}))
	w.Until(t, 2*time.Minute, "every good event is handled and every bad one is a dead letter", func() bool {
		return handled.Load()-taken.Load() >= int64(good) && w.Stats().DeadLettered+taken.Load() >= int64(len(values))
	})
	if err := w.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	t.verdict.FalseOK += int(taken.Load())
	t.verdict.Lost += good - int(handled.Load()-taken.Load())
	letters := map[string]int{}
	admin.ReadAll(t, t.kafka(), dead, func(r record.Record) {
		headers := map[string]string{}
		for _, h := range r.Headers {
			headers[h.Key] = string(h.Value)
		}
		offset, err := strconv.ParseInt(headers[consumer.HeaderOffset], 10, 64)
		name := what[offset]
		letters[name]++
		t.require(err == nil && name != "", "a dead letter says it is of offset %q, where no bad value is", headers[consumer.HeaderOffset])
		t.require(bytes.Equal(r.Value, values[name]), "dead letter of %s: bytes differ from those in the topic", name)
		t.require(headers[consumer.HeaderMessage] != "" && headers[consumer.HeaderKind] == "decode", "dead letter of %s: kind %q, reason %q", name,
			headers[consumer.HeaderKind], headers[consumer.HeaderMessage])
	})
	for name := range values {
		switch {
		case letters[name] == 0:
			t.verdict.Lost++
			t.Errorf("%s: no dead letter", name)
		case letters[name] > 1:
			t.verdict.Doubled += letters[name] - 1
			t.Errorf("%s: %d dead letters", name, letters[name])
		}
	}
	return w
}

// explosive is an event whose schema can ask for far more than its bytes hold.
type explosive struct {
	Numbers []int64          `avro:"numbers"`
	Names   map[string]int64 `avro:"names"`
	Blobs   [][]byte         `avro:"blobs"`
}

func (explosive) AvroSchema() string {
	return `{"type": "record", "name": "Explosive", "namespace": "systemtest", "fields": [
  {"name": "numbers", "type": {"type": "array", "items": "long"}},
  {"name": "names", "type": {"type": "map", "values": "long"}},
  {"name": "blobs", "type": {"type": "array", "items": "bytes"}}
]}`
}

// bombs sends values of a few bytes that ask for gigabytes, each to a decoder to measure what it costs to refuse, and a record batch
// that decompresses to 9,000 times its size through a broker to a worker.
func bombs(t *trial) {
	server, _ := t.scripted()
	embedded := stack.Registry(t, server.RegistryURL)
	of, err := schema.Of[explosive]()
	if err != nil {
		t.Fatal(err)
	}
	id, err := embedded.Register(t.Context(), "bombs-value", of)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := schema.NewDecoder[explosive](embedded)
	if err != nil {
		t.Fatal(err)
	}
	values := explosives()
	worst, most := time.Duration(0), uint64(0)
	for name, body := range values {
		var e explosive
		_ = decoder.Decode(t.Context(), schema.RefID(id), body, &e) // the plan is built once, and is not what is measured
		before, start := allocated(), time.Now()
		err := decoder.Decode(t.Context(), schema.RefID(id), body, &e)
		took, cost := time.Since(start), allocated()-before
		t.require(err != nil, "%s was taken for an event", name)
		if err == nil {
			t.verdict.FalseOK++
		}
		worst, most = max(worst, took), max(most, cost)
	}
	t.require(most < 1<<20, "refusing a bomb took %d bytes of memory", most)
	t.cases(len(values)+1, "bombs")
	t.figure("slowest refusal", "%s", worst.Round(time.Microsecond))
	t.figure("most memory", "%.1f KiB", float64(most)/1024)
	t.batchBomb()
}

// explosives are Avro bodies of explosive, in zigzag varints: 2^62 is as large as a count can get.
func explosives() map[string][]byte {
	count := func(n int64) []byte { return binary.AppendVarint(nil, n) }
	many := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	none := []byte{0}
	return map[string][]byte{
		"2^62 longs":                  many(count(1<<62), none),
		"2^30 longs":                  many(count(1<<30), none, none, none),
		"2^62 longs in a sized block": many(count(-(1 << 62)), count(1<<62), none),
		"least count there is":        many(count(-1<<63), count(8), none),
		"2^62 entries of a map":       many(none, count(1<<62), none),
		"2^62 blobs":                  many(none, none, count(1<<62), none),
		"a blob of 2^40 bytes":        many(none, none, count(1), count(1<<40), none),
		"blocks without end":          many(bytes.Repeat(many(count(1), none), 1<<16)),
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// batchBomb writes a record of 48 MiB of zeros, which zstd makes a few KiB of, between two events. With the toolkit's limits it is not taken
// into memory: its dead letter says where it lies.
func (t *trial) batchBomb() {
	const size = 48 << 20
	topic, group := t.name("events"), t.name("group")
	dead := consumer.DeadLetterTopic(topic, group)
	admin.CreateTopic(t, t.kafka(), topic, 1, nil)
	admin.CreateTopic(t, t.kafka(), dead, 1, nil)
	reg := t.registry()
	encode := t.encoder(reg, topic)
	admin.Write(t, t.kafka(), topic, record.Record{Key: record.Bytes("k"), Value: encode(events.Numbered{Number: 1})})
	client, err := kgo.NewClient(kgo.SeedBrokers(t.kafka().Internal()...), kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(size+1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Value: make([]byte, size)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	admin.Write(t, t.kafka(), topic, record.Record{Key: record.Bytes("k"), Value: encode(events.Numbered{Number: 2})})
	before := allocated()
	var handled atomic.Int64
	w := stack.Work(t, consumer.Config{
		Cluster: t.cluster(), Registry: reg, Group: group, Topics: []string{topic}, Policy: consumer.Policy{DeadLetter: true},
	}, consumer.On(func(context.Context, events.Numbered) error {
		handled.Add(1)
		return nil
	}))
	w.Until(t, 2*time.Minute, "both events are handled and the bomb is a dead letter", func() bool {
		return handled.Load() == 2 && w.Stats().DeadLettered == 1
	})
	cost := allocated() - before
	if err := w.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	kinds := ""
	admin.ReadAll(t, t.kafka(), dead, func(r record.Record) {
		for _, h := range r.Headers {
			if h.Key == consumer.HeaderKind {
				kinds += string(h.Value) + " "
			}
		}
		t.figure("batch bomb", "a dead letter of %d bytes for %d MiB", len(r.Value), size>>20)
	})
	t.require(strings.TrimSpace(kinds) == "record", "dead letters of kinds %q, want one of kind record", kinds)
	t.require(cost < 2*size, "the worker took %d MiB of memory for it", cost>>20)
	t.figure("memory of the worker meanwhile", "%d MiB", cost>>20)
}
