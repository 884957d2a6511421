package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// oversize has events that a broker takes and that are hard to copy: with many headers, large but compressed by their producer, and as
// large as their topic takes. They fail; those around them, and a large batch of our own producer that compresses some hundred times, are
// handled. Each of the bad ones becomes one dead letter, by itself, and is returned to its topic.
func oversize(t *trial) {
	const own, around = 300, 2
	topic, group := t.name("events"), t.name("group")
	dead := consumer.DeadLetterTopic(topic, group)
	admin.CreateTopic(t, t.kafka(), topic, 1, nil)
	admin.CreateTopic(t, t.kafka(), dead, 1, nil)
	registry := t.registry()
	encode := t.encoder(registry, topic)
	noise := make([]byte, 1_048_400) // the event fits into max.message.bytes; its copy does not, with some 335 bytes of headers beside it
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	headers := func(n int) []kgo.RecordHeader {
		list := make([]kgo.RecordHeader, n)
		for i := range list {
			list[i] = kgo.RecordHeader{Key: fmt.Sprint("header-", i), Value: []byte("value")}
		}
		return list
	}
	bad := map[string]*kgo.Record{
		"995 headers":     {Value: encode(events.Numbered{Number: -1}), Headers: headers(995)},
		"1001 headers":    {Value: encode(events.Numbered{Number: -1}), Headers: headers(1001)},
		"3 MiB of zeros":  {Value: encode(events.Numbered{Number: -1, Payload: make([]byte, 3<<20)})},
		"16 MiB of zeros": {Value: encode(events.Numbered{Number: -1, Payload: make([]byte, 16<<20-100)})},
		"1 MiB of noise":  {Value: encode(events.Numbered{Number: -1, Payload: noise})},
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(t.kafka().Internal()...), kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(32<<20), kgo.BrokerMaxWriteBytes(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for name, r := range bad {
		good := record.Record{Key: record.Bytes("around"), Value: encode(events.Numbered{Number: 1})}
		r.Key = []byte(name)
		admin.Write(t, t.kafka(), topic, good)
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		admin.Write(t, t.kafka(), topic, good)
	}
	p, err := producer.New(producer.Config{
		Cluster: t.cluster(), Registry: registry, Compression: producer.Zstd, BatchBytes: 8 << 20, Linger: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	same := strings.Repeat("the same again ", 1500)
	for i := range own {
		producer.For[events.Numbered](p, topic).Post(t.Context(), "own", events.Numbered{Number: int64(i), Payload: []byte(same)}, nil)
	}
	if err := errors.Join(p.Flush(t.Context()), p.Close(t.Context())); err != nil {
		t.Fatal(err)
	}

	var handled atomic.Int64
	good := int64(own + around*len(bad))
	config := consumer.Config{
		Cluster: t.cluster(), Registry: registry, Group: group, Topics: []string{topic},
		Policy: consumer.Policy{Attempts: 1, DeadLetter: true},
	}
	config.Concurrency = *concurrency
	w := stack.Work(t, config, consumer.On(func(_ context.Context, e events.Numbered) error {
		if e.Number < 0 {
			return errors.New("too hard")
		}
		handled.Add(1)
		return nil
	}))
	w.Until(t, 2*time.Minute, "every good event is handled and every bad one is a dead letter", func() bool {
		return handled.Load() >= good && w.Stats().DeadLettered >= int64(len(bad))
	})
	if err := w.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	t.verdict.Lost += int(good - handled.Load())
	references := 0
	err = deadletter.Read(t.Context(), deadletter.Query{Cluster: t.cluster(), Topics: []string{dead}}, func(d deadletter.Letter) error {
		t.require(d.Kind == "handler", "dead letter of kind %s: %s", d.Kind, d.Error)
		if d.Refers.Topic != "" {
			references++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.require(references == 1, "%d dead letters refer to their event, want that of the noise", references)
	plan, err := deadletter.PlanRedrive(t.Context(), deadletter.RedriveRequest{Cluster: t.cluster(), Topic: dead})
	if err != nil {
		t.Fatal(err)
	}
	done, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: t.cluster(), By: "row 51"}, plan)
	if err != nil || done.Events != int64(len(bad)) {
		t.Errorf("returned %d of %d: %v", done.Events, len(bad), err)
	}
	times := map[string]int{}
	err = reader.Read(t.Context(), reader.Config{Cluster: t.cluster(), Topic: topic, Range: reader.Range{To: reader.AtEnd()}}, func(r reader.Record) error {
		if want := bad[string(r.Key)]; want != nil && string(want.Value) == string(r.Value) && len(r.Headers) >= len(want.Headers) {
			times[string(r.Key)]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range bad {
		t.require(times[name] == 2, "%s is there %d times after it was returned, want 2", name, times[name])
	}
	t.cases(int(good)+len(bad), "events")
	t.figure("dead letters", "%d, of which %d refer to their event", len(bad), references)
}
