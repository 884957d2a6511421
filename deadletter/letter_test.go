package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// world is a broker with a dead-letter topic and the topic its dead letters came from.
type world struct {
	t       *testing.T
	kafka   *kfake.Cluster
	cluster headrace.Cluster
	client  *kgo.Client
}

const dead = "orders.mail.dead"

func newWorld(t *testing.T) *world {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "orders", dead))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &world{t: t, kafka: broker, cluster: headrace.Cluster{Brokers: broker.ListenAddrs()}, client: client}
}

// letter is a dead letter of the topic orders, with other headers where changes name some; "-" takes one out.
func letter(partition int32, offset int64, changes ...string) *kgo.Record {
	headers := map[string]string{
		consumer.HeaderTopic: "orders", consumer.HeaderPartition: fmt.Sprint(partition), consumer.HeaderOffset: fmt.Sprint(offset),
		consumer.HeaderGroup: "mail", consumer.HeaderMessage: "no such address", consumer.HeaderKind: "handler",
		consumer.HeaderDeliveryCount: "5", consumer.HeaderEvent: "shop.Order", consumer.HeaderTime: "2024-05-01T10:00:00Z",
		consumer.HeaderRetryTier: "2", "trace": "abc",
	}
	for i := 0; i < len(changes); i += 2 {
		headers[changes[i]] = changes[i+1]
	}
	r := &kgo.Record{
		Topic: dead, Partition: partition, Key: []byte(fmt.Sprint("k", offset)), Value: []byte(fmt.Sprint("v", offset)),
		Timestamp: time.UnixMilli(1700000000000 + offset),
	}
	for key, value := range headers {
		if value != "-" {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
		}
	}
	return r
}

// earlierRun is a redrive of a topic that is no more.
const earlierRun = "20260301-120000-0a1b2c3d"

// returned makes a dead letter one of an event that was returned so many times before, and has the marks say so.
func (w *world) returned(times int, r *kgo.Record) *kgo.Record {
	w.t.Helper()
	if w.kafka.TopicInfo(deadletter.MarksTopic) == nil {
		if err := w.kafka.CreateTopic(deadletter.MarksTopic, 1, map[string]string{"cleanup.policy": "compact"}); err != nil {
			w.t.Fatal(err)
		}
		for key, value := range map[string]string{
			"run:" + earlierRun:                       `{"id":"` + earlierRun + `","action":"redrive","topic":"gone.mail.dead"}`,
			"mark:gone.mail.dead:-:0:0:" + earlierRun: `{"action":"redrive","offsets":"0-99"}`,
		} {
			w.put(&kgo.Record{Topic: deadletter.MarksTopic, Key: []byte(key), Value: []byte(value)})
		}
	}
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: deadletter.HeaderRedrives, Value: fmt.Append(nil, times)})
	for i := range times {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: deadletter.HeaderRedriveMark, Value: fmt.Appendf(nil, "%s/0:%d", earlierRun, i)})
	}
	return r
}

func (w *world) put(records ...*kgo.Record) {
	w.t.Helper()
	if err := w.client.ProduceSync(w.t.Context(), records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// topicID is how the broker calls a topic.
func (w *world) topicID(topic string) [16]byte { return w.kafka.TopicInfo(topic).TopicID }

func (w *world) createTopics(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if err := w.kafka.CreateTopic(name, 3, nil); err != nil {
			w.t.Fatal(err)
		}
	}
}

// orders is what the topic orders holds now.
func (w *world) orders() []reader.Record {
	w.t.Helper()
	return w.contents("orders")
}

func (w *world) contents(topic string) []reader.Record {
	w.t.Helper()
	var found []reader.Record
	err := reader.Read(w.t.Context(), reader.Config{
		Cluster: w.cluster, Topic: topic, Range: reader.Range{To: reader.AtEnd()},
	}, func(r reader.Record) error {
		copied := r
		copied.Key, copied.Value, copied.Headers = []byte(string(r.Key)), []byte(string(r.Value)), nil
		for _, h := range r.Headers {
			copied.Headers = append(copied.Headers, headrace.Header{Key: h.Key, Value: []byte(string(h.Value))})
		}
		found = append(found, copied)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func (w *world) list(all bool) (letters []deadletter.Letter) {
	w.t.Helper()
	err := deadletter.Read(w.t.Context(), deadletter.Query{Cluster: w.cluster, Topics: []string{dead}, All: all}, func(d deadletter.Letter) error {
		d.Key, d.Value = []byte(string(d.Key)), []byte(string(d.Value))
		letters = append(letters, d)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return letters
}

func (w *world) plan() deadletter.Redrive {
	w.t.Helper()
	plan, err := deadletter.PlanRedrive(w.t.Context(), deadletter.RedriveRequest{Cluster: w.cluster, Topic: dead})
	if err != nil {
		w.t.Fatal(err)
	}
	return plan
}

func (w *world) apply(plan deadletter.Redrive) deadletter.Redriven {
	w.t.Helper()
	done, err := deadletter.ApplyRedrive(w.t.Context(), deadletter.RedriveConfig{Cluster: w.cluster, By: "me@here"}, plan)
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

func TestDeadLetterTellsWhatItsHeadersTell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.returned(1, letter(2, 41)))
	got := w.list(false)
	want := []deadletter.Letter{{
		Fate: deadletter.FateOpen, Family: deadletter.FamilyOwn,
		Location: headrace.Location{Topic: dead, Partition: 2}, Origin: headrace.Location{Topic: "orders", Partition: 2, Offset: 41},
		Group: "mail", Event: "shop.Order", Kind: "handler", Error: "no such address", Attempts: 5,
		Died: time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC), Redrives: 1,
		Time: time.UnixMilli(1700000000041).UTC(), Key: []byte("k41"), Value: []byte("v41"), Headers: got[0].Headers, Raw: got[0].Raw,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	own := map[string]string{}
	for _, h := range got[0].Headers {
		own[h.Key] = string(h.Value)
	}
	if diff := cmp.Diff(map[string]string{"trace": "abc", deadletter.HeaderRedrives: "1", deadletter.HeaderRedriveMark: earlierRun + "/0:0"}, own); diff != "" {
		t.Errorf("the event's own headers (-want +got)\n%s", diff)
	}
}

func TestHeadersThatMakeNoSenseAreLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1, consumer.HeaderPartition, "-7", consumer.HeaderOffset, "99999999999999999999", consumer.HeaderDeliveryCount, "many",
		consumer.HeaderTime, "yesterday", deadletter.HeaderRedrives, "-1"))
	got := w.list(false)[0]
	if got.Origin != (headrace.Location{Topic: "orders", Partition: -1, Offset: -1}) || got.Attempts != 0 || !got.Died.IsZero() || got.Redrives != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestRedriveReturnsEventsAsTheyWere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	null := letter(1, 8)
	null.Value = nil
	w.put(letter(2, 41), w.returned(2, letter(2, 42)), null)
	plan := w.plan()
	if diff := cmp.Diff([]deadletter.Return{{Topic: "orders", Events: 3}}, plan.Returns); diff != "" {
		t.Errorf("plan (-want +got)\n%s", diff)
	}
	if got := w.orders(); len(got) != 0 {
		t.Fatalf("planning has written %v", got)
	}
	if done := w.apply(plan); done.Events != 3 || done.Others != 0 || done.Run == "" {
		t.Errorf("got %+v", done)
	}
	count := func(n string) headrace.Header {
		return headrace.Header{Key: deadletter.HeaderRedrives, Value: []byte(n)}
	}
	trace := headrace.Header{Key: "trace", Value: []byte("abc")}
	want := map[string]reader.Record{
		"k41": {Topic: "orders", Partition: 2, Offset: 0, Time: time.UnixMilli(1700000000041).UTC(), Key: []byte("k41"), Value: []byte("v41"), Headers: []headrace.Header{trace, count("1")}},
		"k42": {Topic: "orders", Partition: 2, Offset: 1, Time: time.UnixMilli(1700000000042).UTC(), Key: []byte("k42"), Value: []byte("v42"), Headers: []headrace.Header{trace, count("3")}},
		"k8":  {Topic: "orders", Partition: 1, Offset: 0, Time: time.UnixMilli(1700000000008).UTC(), Key: []byte("k8"), Value: []byte{}, Headers: []headrace.Header{trace, count("1")}},
	}
	got := map[string]reader.Record{}
	for _, r := range w.orders() {
		r.Headers = slices.DeleteFunc(r.Headers, func(h headrace.Header) bool { return h.Key == deadletter.HeaderRedriveMark })
		got[string(r.Key)] = r
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRedriveGoesOnWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1), letter(0, 2))
	w.apply(w.plan())
	if left := w.list(false); len(left) != 0 {
		t.Errorf("still listed: %v", left)
	}
	if all := w.list(true); len(all) != 2 {
		t.Errorf("%d dead letters in all", len(all))
	}
	if plan := w.plan(); plan.Events() != 0 {
		t.Errorf("planned again: %+v", plan)
	}
	w.put(letter(0, 3), letter(1, 4))
	w.apply(w.plan())
	if got := len(w.orders()); got != 4 {
		t.Errorf("%d events returned, want 4", got)
	}
}

func TestWhatCannotGoBackIsLeftAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1, consumer.HeaderKind, "batch"), letter(0, 2), letter(0, 3, consumer.HeaderTopic, "-"), letter(0, 4, consumer.HeaderTopic, dead))
	plan := w.plan()
	if len(plan.Left) != 3 || plan.Events() != 1 {
		t.Errorf("got %+v", plan)
	}
	if done := w.apply(plan); done.Events != 1 {
		t.Errorf("got %+v", done)
	}
	if left := w.list(false); len(left) != 3 {
		t.Errorf("%d are still open, want the 3 that stay", len(left))
	}
}

func TestTopicThatIsGoneIsNamedBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1), letter(0, 2, consumer.HeaderTopic, "refunds"))
	_, err := deadletter.PlanRedrive(t.Context(), deadletter.RedriveRequest{Cluster: w.cluster, Topic: dead})
	var missing *reader.MissingTopicError
	if !errors.As(err, &missing) || missing.Topic != "refunds" || !strings.Contains(err.Error(), "1 dead letter of "+dead) {
		t.Errorf("got %v", err)
	}
	if _, err := deadletter.PlanRedrive(t.Context(), deadletter.RedriveRequest{Cluster: w.cluster, Topic: "nowhere"}); !errors.As(err, &missing) || missing.Topic != "nowhere" {
		t.Errorf("got %v", err)
	}
}

// TestPartitionThatIsGoneLeavesTheChoiceToTheKey returns an event to a topic that was made anew with fewer partitions.
func TestPartitionThatIsGoneLeavesTheChoiceToTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1, consumer.HeaderPartition, "17"))
	w.apply(w.plan())
	if got := w.orders(); len(got) != 1 || got[0].Partition != kafka.PartitionForKey([]byte("k1"), 3) {
		t.Errorf("got %+v", got)
	}
}

// TestPlanIsAppliedOnce applies a plan again, whose dead letters are done by then.
func TestPlanIsAppliedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1))
	plan := w.plan()
	w.apply(plan)
	if done := w.apply(plan); done.Events != 0 || done.Others != 1 {
		t.Errorf("got %+v", done)
	}
	if got := len(w.orders()); got != 1 {
		t.Errorf("%d events", got)
	}
}

// TestRefusedEventsAreNotCounted has a broker that refuses every write until somebody gives the rights.
func TestRefusedEventsAreNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1), letter(0, 2), letter(1, 3))
	plan := w.plan()
	var granted atomic.Bool
	w.kafka.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		produce := req.(*kmsg.ProduceRequest)
		if granted.Load() || !slices.ContainsFunc(produce.Topics, func(t kmsg.ProduceRequestTopic) bool { return t.Topic == "orders" || t.TopicID == w.topicID("orders") }) {
			return nil, nil, false
		}
		resp := produce.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range produce.Topics {
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic, topic.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				answer := kmsg.NewProduceResponseTopicPartition()
				answer.Partition, answer.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
				topic.Partitions = append(topic.Partitions, answer)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	done, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster}, plan)
	if !errors.Is(err, kerr.TopicAuthorizationFailed) || strings.Count(err.Error(), "dead letter at topic "+dead+" partition") != 1 {
		t.Errorf("got %v", err)
	}
	if left := w.list(false); done.Events != 0 || len(left) != 3 {
		t.Errorf("%d counted, %d left", done.Events, len(left))
	}
	granted.Store(true)
	if done := w.apply(w.plan()); done.Events != 3 || len(w.orders()) != 3 {
		t.Errorf("then %+v", done)
	}
}

// TestInterruptedRedriveLosesNothing ends the context after the first window. What is left is returned by the next redrive, nothing twice.
func TestInterruptedRedriveLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const letters = 2300
	var records []*kgo.Record
	for i := range int64(letters) {
		records = append(records, letter(int32(i%3), i))
	}
	w.put(records...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, err := deadletter.ApplyRedrive(ctx, deadletter.RedriveConfig{Cluster: w.cluster, Progress: func(deadletter.Redriven) { cancel() }}, w.plan())
	if !errors.Is(err, context.Canceled) || first.Events == 0 || first.Events == letters {
		t.Fatalf("got %+v, %v", first, err)
	}
	second := w.apply(w.plan())
	if first.Events+second.Events != letters {
		t.Errorf("%d and %d returned", first.Events, second.Events)
	}
	seen := map[string]int{}
	for _, r := range w.orders() {
		seen[string(r.Key)]++
	}
	if len(seen) != letters || len(w.orders()) != letters {
		t.Errorf("%d events in the topic, %d of them different, want %d", len(w.orders()), len(seen), letters)
	}
}
