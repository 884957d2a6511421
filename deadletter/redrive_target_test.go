package deadletter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
)

// forgeries are dead letters whose headers name the topic payments, which the dead-letter topic orders.mail.dead does not belong to.
func forgeries() map[string]*kgo.Record {
	foreign := func(headers ...string) *kgo.Record {
		r := &kgo.Record{Topic: dead, Key: []byte("k"), Value: []byte("v")}
		for i := 0; i < len(headers); i += 2 {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: headers[i], Value: []byte(headers[i+1])})
		}
		return r
	}
	return map[string]*kgo.Record{
		"own topic":   letter(0, 1, consumer.HeaderTopic, "payments"),
		"own group":   letter(0, 1, consumer.HeaderTopic, "payments", consumer.HeaderGroup, "mail.dead"),
		"no group":    letter(0, 1, consumer.HeaderTopic, "payments", consumer.HeaderGroup, "-"),
		"connect":     foreign("__connect.errors.topic", "payments"),
		"spring":      foreign("kafka_dlt-original-topic", "payments"),
		"streams":     foreign("__streams.errors.topic", "payments"),
		"share group": foreign(consumer.HeaderTopic, "payments", consumer.HeaderGroup, "mail"),
	}
}

// TestForgedHeadersDoNotChooseTheTarget has dead letters of each family that name a topic of a forger's choice.
func TestForgedHeadersDoNotChooseTheTarget(t *testing.T) {
	t.Parallel()
	for name, record := range forgeries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.createTopics("payments")
			w.put(record)
			plan := w.plan()
			_, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster}, plan)
			if err == nil || !strings.Contains(err.Error(), "payments") {
				t.Errorf("applied: %v", err)
			}
			if n := len(w.contents("payments")); n != 0 {
				t.Errorf("%d events of %+v were sent to payments", n, plan.Returns)
			}
		})
	}
}

// TestTargetThatIsNamedIsAgreedTo has the same letters, and somebody who knows that they belong there.
func TestTargetThatIsNamedIsAgreedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createTopics("payments")
	all := forgeries()
	for _, record := range all {
		w.put(record)
	}
	w.put(letter(0, 2))
	plan := w.plan()
	want := []deadletter.Return{{Topic: "orders", Events: 1}, {Topic: "payments", Events: int64(len(all)), Claimed: true}}
	if !slices.Equal(plan.Returns, want) {
		t.Errorf("planned %+v", plan.Returns)
	}
	done, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster, Targets: []string{"payments"}}, plan)
	if err != nil || done.Events != int64(len(all))+1 || len(w.contents("payments")) != len(all) || len(w.orders()) != 1 {
		t.Errorf("%+v, %v: %d in payments, %d in orders", done, err, len(w.contents("payments")), len(w.orders()))
	}
}

// TestPlanThatSaysNothingOfItsTargets was changed after it was made.
func TestPlanThatSaysNothingOfItsTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createTopics("payments")
	w.put(letter(0, 1, consumer.HeaderTopic, "payments"))
	plan := w.plan()
	plan.Returns = nil
	_, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster}, plan)
	if err == nil || len(w.contents("payments")) != 0 {
		t.Errorf("%v, %d events in payments", err, len(w.contents("payments")))
	}
}

// TestNameThatTwoTopicsShare has a dead-letter topic that is that of orders and mail.eu as well as of orders.mail and eu.
func TestNameThatTwoTopicsShare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const shared = "orders.mail.eu.dead"
	w.createTopics(shared)
	put := letter(0, 1, consumer.HeaderGroup, "mail.eu")
	put.Topic = shared
	w.put(put)
	planned := func() deadletter.Return {
		plan := w.planOf(func(r *deadletter.RedriveRequest) { r.Topic = shared })
		if len(plan.Returns) != 1 {
			t.Fatalf("planned %+v", plan)
		}
		return plan.Returns[0]
	}
	if to := planned(); to != (deadletter.Return{Topic: "orders", Events: 1}) {
		t.Errorf("where one topic can have it: %+v", to)
	}
	w.createTopics("orders.mail")
	if to := planned(); to != (deadletter.Return{Topic: "orders", Events: 1, Claimed: true}) {
		t.Errorf("where two can: %+v", to)
	}
}

// TestReturnsAreCountedByTheMarks has an event that dies again after each return, and headers that only say so.
func TestReturnsAreCountedByTheMarks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forged := letter(1, 1)
	forged.Headers = append(forged.Headers, kgo.RecordHeader{Key: deadletter.HeaderRedrives, Value: []byte("17")})
	for i := range 17 {
		forged.Headers = append(forged.Headers, kgo.RecordHeader{Key: "__redrive.mark", Value: fmt.Appendf(nil, "20260301-120000-0a1b2c3d/0:%d", i)})
	}
	w.put(letter(0, 1), forged)
	for round := range 3 {
		plan := w.plan()
		if want := int64(2 - min(round, 1)); plan.Events() != want {
			t.Fatalf("round %d: %d go back, %+v stay", round, plan.Events(), plan.Left)
		}
		w.apply(plan)
		w.dieAgain(0)
	}
	if got := w.list(false); len(got) != 1 || got[0].Redrives != 3 {
		t.Fatalf("open are %+v", got)
	}
	left := w.plan()
	if left.Events() != 0 || len(left.Left) != 1 || left.Left[0] != (deadletter.Left{Reason: "in quarantine: returned 3 times or more already", Events: 1}) {
		t.Errorf("planned %+v", left)
	}
}

// dieAgain makes a dead letter of the last event that was returned to a partition, as a worker would.
func (w *world) dieAgain(partition int32) {
	w.t.Helper()
	again := letter(partition, 1, "trace", "-")
	for _, r := range w.orders() {
		if r.Partition != partition {
			continue
		}
		again = letter(partition, 1, "trace", "-")
		for _, h := range r.Headers {
			again.Headers = append(again.Headers, kgo.RecordHeader(h))
		}
	}
	w.put(again)
}
