package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/producer"
)

// bury writes dead letters of the topic orders, one for each error, which is its kind, a colon and its message.
func (s servers) bury(topic string, deaths ...string) {
	s.t.Helper()
	p, err := producer.New(producer.Config{Cluster: headrace.Cluster{Brokers: []string{s.KafkaAddr}}})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := p.Close(s.t.Context()); err != nil {
			s.t.Error(err)
		}
	}()
	partition := int32(0)
	for i, death := range deaths {
		kind, message, _ := strings.Cut(death, ": ")
		header := func(key, value string) producer.Header { return producer.Header{Key: key, Value: []byte(value)} }
		err := p.SendRecord(s.t.Context(), topic, producer.Record{
			Key: fmt.Append(nil, "k", i), Value: []byte("v"), Partition: &partition, Time: time.UnixMilli(1700000000000),
			Headers: []producer.Header{
				header("trace", "abc"), header(consumer.HeaderTopic, "orders"), header(consumer.HeaderPartition, "1"), header(consumer.HeaderOffset, fmt.Sprint(40+i)),
				header(consumer.HeaderGroup, "mail"), header(consumer.HeaderKind, kind), header(consumer.HeaderMessage, message),
				header(consumer.HeaderEvent, "shop.Order"), header(consumer.HeaderDeliveryCount, "5"), header(consumer.HeaderTime, fmt.Sprintf("2024-05-01T10:00:%02dZ", i)),
			},
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestDeadLettersAreListedCountedAndRedriven(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 2)
	s.createTopic("orders.mail.dead", 2)
	s.run("", "dead", "list", "orders.mail.dead").want(t, exitDone, "no dead letters")
	s.run("", "dead", "redrive", "orders.mail.dead").want(t, exitDone, "no dead letters to return")

	s.bury("orders.mail.dead", "handler: no such address", "panic: nil\x1b[2J map\nof two lines", "handler: no such address", "batch: too large")
	for _, out := range formats {
		golden(t, "dead_list_"+out, s.run("", "dead", "list", "orders.mail.dead", "-o", out).want(t, exitDone).stdout)
		golden(t, "dead_causes_"+out, s.run("", "dead", "list", "orders.mail.dead", "--causes", "-o", out).want(t, exitDone).stdout)
		golden(t, "dead_redrive_"+out, s.run("", "dead", "redrive", "orders.mail.dead", "--dry-run", "-o", out).want(t, exitChanges).stdout)
	}
	if r := s.run("", "dead", "list", "orders.mail.dead", "-n", "2", "-o", "jsonl").want(t, exitDone); strings.Count(r.stdout, "\n") != 2 {
		t.Errorf("-n 2 lists\n%s", r.stdout)
	}

	s.run("", "dead", "redrive", "orders.mail.dead").want(t, exitUsage, "--yes is missing")
	s.run("", "dead", "redrive", "orders.mail.dead", "--yes").want(t, exitDone, "no redrive of topic orders.mail.dead is remembered", "returned 3 events", "left in topic orders.mail.dead: 1 event: a record batch")
	s.run("", "dead", "list", "orders.mail.dead").want(t, exitDone, "no dead letters that are not redriven")
	if r := s.run("", "dead", "list", "orders.mail.dead", "--all", "-o", "jsonl").want(t, exitDone); strings.Count(r.stdout, "\n") != 4 {
		t.Errorf("--all lists\n%s", r.stdout)
	}
	r := s.run("", "topics", "describe", "orders", "-o", "json").want(t, exitDone)
	if !strings.Contains(r.stdout, `"end": 3`) {
		t.Errorf("orders holds\n%s", r.stdout)
	}
}

func TestRedriveThatCannotBeDoneChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders.mail.dead", 1)
	s.bury("orders.mail.dead", "handler: no such address")
	s.run("", "dead", "redrive", "orders.mail.dead", "--yes").want(t, exitFailed, "topic orders does not exist", "headrace topics create orders")
	s.run("", "dead", "redrive", "nowhere", "--yes").want(t, exitFailed, "topic nowhere does not exist")
	s.run("", "dead", "list", "nowhere").want(t, exitFailed, "topic nowhere does not exist")
	s.run("", "dead", "list", "orders.mail.dead", "-n", "-1").want(t, exitUsage, "--max -1")
}
