package replay_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/replay"
)

func TestPlanTellsWhatTheTargetDoesWithLateEvents(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	set := func(name, key, value string) replay.Plan {
		t.Helper()
		if err := s.server.Broker().CreateTopic(name, 2, map[string]string{key: value}); err != nil {
			t.Fatal(err)
		}
		r := s.request("", "")
		r.Target = replay.Target{Topic: name}
		return s.make(r)
	}
	wantRisk(t, set("compacted", "cleanup.policy", "compact"), "topic compacted is compacted")
	wantRisk(t, set("stamped", "message.timestamp.type", "LogAppendTime"), "their own timestamps are not kept")
	wantRisk(t, set("short", "retention.ms", "86400000"), "topic short keeps events for 24h0m0s, and the oldest is")
	wantRisk(t, set("strict", "message.timestamp.before.max.ms", "3600000"), "topic strict refuses events older than 1h0m0s")
	wantRisk(t, set("narrow", "max.message.bytes", "3"), "topic narrow takes batches of up to 3 bytes")
	for _, risk := range set("patient", "retention.ms", "-1").Risks {
		if strings.Contains(risk, "topic patient") && !strings.Contains(risk, "subject") {
			t.Errorf("told of a topic that keeps everything: %s", risk)
		}
	}
}

func TestPlanTellsOfOpenTransactions(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	writer, err := kgo.NewClient(kgo.SeedBrokers(s.server.KafkaAddr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("open"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(writer.Close)
	if err := writer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: "orders", Value: s.value(77), Timestamp: time.Now()}
	if err := writer.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	p := s.make(s.request("", ""))
	wantRisk(t, p, "topic orders partition 0 has a transaction open at offset 5: what lies from there to 6 is not replayed")
	if p.Spans[0].To != 5 {
		t.Errorf("the span is %+v", p.Spans[0])
	}
	if err := writer.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

func TestPlanTellsOfALiveGroup(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.commit("mail", 3)
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.server.KafkaAddr), kgo.ConsumerGroup("mail"), kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	if err := s.server.AwaitGroup(t.Context(), "mail", 1, nil); err != nil {
		t.Fatal(err)
	}
	r := s.request("1", "")
	r.Target = replay.Target{Rewind: "mail"}
	wantRisk(t, s.make(r), "group mail is live (")
}

func TestPlanWithoutARegistrySaysSo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.topic("again", 2)
	r := s.request("", "")
	r.Registry, r.Target = nil, replay.Target{Topic: "again"}
	wantRisk(t, s.make(r), "made without a schema registry")
}
