package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/replay/filter"
)

func (w *world) request(change func(*deadletter.RedriveRequest)) deadletter.RedriveRequest {
	r := deadletter.RedriveRequest{Cluster: w.cluster, Topic: dead}
	change(&r)
	return r
}

func (w *world) planOf(change func(*deadletter.RedriveRequest)) deadletter.Redrive {
	w.t.Helper()
	plan, err := deadletter.PlanRedrive(w.t.Context(), w.request(change))
	if err != nil {
		w.t.Fatal(err)
	}
	return plan
}

// TestOneCauseOfMany redrives every second dead letter, more than one block of marks holds, and then the rest.
func TestOneCauseOfMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const letters = 9000
	var records []*kgo.Record
	for i := range int64(letters) {
		message := fmt.Sprintf("no address of customer %d", i)
		if i%2 == 1 {
			message = fmt.Sprintf("order %d is too late", i)
		}
		records = append(records, letter(0, i, consumer.HeaderMessage, message))
	}
	w.put(records...)
	even := w.planOf(func(r *deadletter.RedriveRequest) { r.Selection.Error = "no address of customer 1" })
	if even.Events() != letters/2 || len(even.Partitions) != 1 || len(even.Partitions[0].Spans) != letters/2 {
		t.Fatalf("%d planned, in %d partitions", even.Events(), len(even.Partitions))
	}
	w.apply(even)
	left := w.list(false)
	if len(left) != letters/2 || !strings.Contains(left[0].Error, "too late") {
		t.Fatalf("%d left, the first is %+v", len(left), left[0])
	}
	for _, d := range w.list(true) {
		if want := deadletter.FateRedriven; d.Offset%2 == 0 && (d.Fate != want || d.Run == "") {
			t.Fatalf("%s is %s by %q", d.Location, d.Fate, d.Run)
		}
	}
	if done := w.apply(w.plan()); done.Events != letters/2 {
		t.Errorf("then %d", done.Events)
	}
	seen := map[string]int{}
	for _, r := range w.orders() {
		seen[string(r.Key)]++
	}
	if len(seen) != letters || len(w.orders()) != letters {
		t.Errorf("%d events, %d of them different", len(w.orders()), len(seen))
	}
}

// TestSecondRedriveIsRefusedWhileOneRuns begins a redrive while another goes on.
func TestSecondRedriveIsRefusedWhileOneRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range int64(40) {
		w.put(letter(0, i))
	}
	plan := w.plan()
	ctx, cancel := context.WithCancel(t.Context())
	begun, ended := make(chan struct{}), make(chan error)
	go func() {
		first := true
		_, err := deadletter.ApplyRedrive(ctx, deadletter.RedriveConfig{Cluster: w.cluster, By: "ann@example", Rate: 2, Progress: func(deadletter.Redriven) {
			if first {
				close(begun)
			}
			first = false
		}}, plan)
		ended <- err
	}()
	<-begun
	told := 0
	_, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster, Waits: func(*deadletter.BusyError) { told++ }}, plan)
	busy, ok := errors.AsType[*deadletter.BusyError](err)
	if !ok || busy.Topic != dead || !strings.Contains(busy.Holder, "redrive by ann@example, process ") || told != 1 {
		t.Errorf("the second ended with %v; it was told %d times that it waits", err, told)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the first ended with %v", err)
	}
	rest := w.apply(plan)
	if all := len(w.orders()); all != 40 || rest.Events+rest.Others != 40 || rest.Others == 0 {
		t.Errorf("%d events, the last run %+v", all, rest)
	}
}

func TestRetryRecordOfAGroupIsAsTheConsumerWritesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.returned(1, letter(1, 41)))
	_, err := deadletter.PlanRedrive(t.Context(), w.request(func(r *deadletter.RedriveRequest) { r.ToGroup = true }))
	if none, ok := errors.AsType[*deadletter.NoRetryTopicError](err); !ok || none.Group != "mail" || none.Topic != "orders" {
		t.Fatalf("got %v", err)
	}
	w.createTopics("orders.mail.retry.1h", "orders.mail.retry.5m", "orders.mail.retry.5m0s", "orders.mail2.retry.1s")
	w.apply(w.planOf(func(r *deadletter.RedriveRequest) { r.ToGroup = true }))
	found := w.contents("orders.mail.retry.5m")
	if len(found) != 1 {
		t.Fatalf("the first retry topic holds %d events", len(found))
	}
	headers := map[string]string{}
	var marks []string
	for _, h := range found[0].Headers {
		if headers[h.Key] = string(h.Value); h.Key == deadletter.HeaderRedriveMark {
			marks = append(marks, string(h.Value))
		}
	}
	delete(headers, deadletter.HeaderRedriveMark)
	if len(marks) != 2 || marks[0] != earlierRun+"/0:0" || !strings.HasSuffix(marks[1], "/1:0") {
		t.Errorf("marks of its returns are %v", marks)
	}
	for _, now := range []string{consumer.HeaderTime, consumer.HeaderRetryDue} {
		if headers[now] == "" {
			t.Errorf("%s is missing", now)
		}
		delete(headers, now)
	}
	want := map[string]string{
		"trace": "abc", consumer.HeaderTopic: "orders", consumer.HeaderPartition: "1", consumer.HeaderOffset: "41", consumer.HeaderGroup: "mail",
		consumer.HeaderDeliveryCount: "0", consumer.HeaderRetryTier: "0", consumer.HeaderRetryTime: "1700000000041", deadletter.HeaderRedrives: "2",
	}
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1), w.returned(2, letter(0, 2)), w.returned(3, letter(0, 3)), w.returned(17, letter(0, 4)))
	for most, want := range map[int]int64{0: 2, 1: 1, 4: 3, -1: 4} {
		plan := w.planOf(func(r *deadletter.RedriveRequest) { r.MaxRedrives = most })
		if plan.Events() != want {
			t.Errorf("with at most %d redrives: %d go back, want %d", most, plan.Events(), want)
		}
	}
	if left := w.plan().Left; len(left) != 1 || left[0] != (deadletter.Left{Reason: "in quarantine: returned 3 times or more already", Events: 2}) {
		t.Errorf("left: %+v", left)
	}
}

// TestShareGroupWithoutACopy has a dead letter whose event is not in it: to return it would be a tombstone.
func TestShareGroupWithoutACopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	none := letter(0, 1, consumer.HeaderKind, "-", consumer.HeaderTime, "-")
	none.Key, none.Value = nil, nil
	w.put(none)
	if plan := w.plan(); plan.Events() != 0 || len(plan.Left) != 1 || !strings.Contains(plan.Left[0].Reason, "still in its topic") {
		t.Errorf("got %+v", plan)
	}
}

func TestEventsOfOtherFamiliesAreReturned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	connect := &kgo.Record{Topic: dead, Partition: 0, Key: []byte("k"), Value: []byte("v"), Headers: []kgo.RecordHeader{
		{Key: "trace", Value: []byte("abc")}, {Key: "__connect.errors.topic", Value: []byte("orders")}, {Key: "__connect.errors.partition", Value: []byte("2")},
	}}
	spring := &kgo.Record{Topic: dead, Partition: 0, Key: []byte("k"), Value: []byte("v"), Headers: []kgo.RecordHeader{
		{Key: "trace", Value: []byte("abc")},
		{Key: "kafka_dlt-original-topic", Value: []byte("orders")},
		{Key: "kafka_dlt-original-partition", Value: []byte{0, 0, 0, 2}},
		{Key: "retry_topic-attempts", Value: []byte{0, 0, 0, 4}},
	}}
	w.put(connect, spring)
	if _, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster, Targets: []string{"orders"}}, w.plan()); err != nil {
		t.Fatal(err)
	}
	found := w.orders()
	for _, r := range found {
		if r.Partition != 2 || len(r.Headers) != 3 || r.Headers[0].Key != "trace" || r.Headers[1].Key != deadletter.HeaderRedrives {
			t.Errorf("returned as %+v", r)
		}
	}
	if len(found) != 2 {
		t.Errorf("%d events", len(found))
	}
}

// TestMarksTopicThatForgetsIsRefused has one that deletes by time, as somebody may have made it by hand.
func TestMarksTopicThatForgetsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createTopics(deadletter.MarksTopic)
	w.put(letter(0, 1))
	_, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster}, w.plan())
	if err == nil || !strings.Contains(err.Error(), "cleanup.policy=delete") || len(w.orders()) != 0 {
		t.Errorf("got %v", err)
	}
}

// TestTopicMadeAnew has a plan, and marks, of a topic that is not this one.
func TestTopicMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1))
	plan := w.plan()
	w.apply(plan)
	if err := w.kafka.DeleteTopic(dead); err != nil {
		t.Fatal(err)
	}
	w.createTopics(dead)
	w.client.PurgeTopicsFromClient(dead)
	w.put(letter(0, 2))
	stale, ok := errors.AsType[*deadletter.StaleError](errOf(deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster}, plan)))
	if !ok || stale.Topic != dead || stale.Is == stale.Was {
		t.Errorf("got %v", stale)
	}
	if open := w.list(false); len(open) != 1 {
		t.Errorf("%d dead letters are open, want 1: the marks are of another topic", len(open))
	}
}

func errOf(_ deadletter.Redriven, err error) error { return err }

func TestDiscardNeedsAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1), letter(0, 2))
	request := deadletter.DiscardRequest{Cluster: w.cluster, Topic: dead, Selection: deadletter.Selection{At: []deadletter.Position{{Offset: 1}}}}
	if _, err := deadletter.PlanDiscard(t.Context(), request); err == nil || !strings.Contains(err.Error(), "reason") {
		t.Errorf("got %v", err)
	}
	request.Reason = "a test"
	plan, err := deadletter.PlanDiscard(t.Context(), request)
	if err != nil || plan.Events() != 1 {
		t.Fatalf("%+v, %v", plan, err)
	}
	w.apply(plan)
	got, run, err := deadletter.ReadAt(t.Context(), w.cluster, nil, headrace.Location{Topic: dead, Offset: 1})
	if err != nil || got.Fate != deadletter.FateDiscarded || run == nil || run.Reason != "a test" || run.By != "me@here" || run.Selection != "at 0:1" {
		t.Errorf("%s by %+v, %v", got.Fate, run, err)
	}
	if len(w.orders()) != 0 || len(w.list(true)) != 2 {
		t.Errorf("%d events were returned, %d dead letters are kept", len(w.orders()), len(w.list(true)))
	}
}

// TestPlaceThatIsLostIsTakenAgain has a coordinator that forgets the member once, as after a restart that took longer than the session,
// between two windows, and while one is marked.
func TestPlaceThatIsLostIsTakenAgain(t *testing.T) {
	t.Parallel()
	for _, marking := range []bool{false, true} {
		t.Run(fmt.Sprint("while marking ", marking), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			const letters = 40
			for i := range int64(letters) {
				w.put(letter(0, i))
			}
			headway, forgotten := make(chan struct{}), make(chan struct{})
			w.kafka.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
				w.kafka.KeepControl()
				select {
				case <-headway: // without which a place that is lost is not taken again
				default:
					return nil, nil, false
				}
				select {
				case <-forgotten: // once
					return nil, nil, false
				default:
				}
				resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
				resp.ErrorCode = kerr.UnknownMemberID.Code
				close(forgotten)
				return resp, nil, true
			})
			var once sync.Once
			lose := func() { once.Do(func() { close(headway) }) }
			if marking { // the first window's marks are on their way until the place is lost
				marks := 0
				w.kafka.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
					w.kafka.KeepControl()
					if req.(*kmsg.ProduceRequest).Topics[0].Topic != deadletter.MarksTopic {
						return nil, nil, false
					}
					if marks++; marks == 2 { // the first says that the redrive begins
						lose()
						w.kafka.SleepControl(func() {
							<-forgotten
							<-time.After(200 * time.Millisecond) // in which the redrive hears of it; if it does not, this is the other case
						})
					}
					return nil, nil, false
				})
			}
			highest := int64(0)
			done, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster, Rate: 10, Progress: func(so deadletter.Redriven) {
				if so.Events < highest {
					t.Errorf("told of %d events after %d", so.Events, highest)
				}
				if highest = so.Events; highest > 0 {
					lose()
				}
			}}, w.plan())
			if err != nil || done.Events != letters || done.Others != 0 || highest != letters {
				t.Errorf("got %+v, %v; told of %d", done, err, highest)
			}
			<-forgotten
			if n := len(w.orders()); n != letters {
				t.Errorf("%d events, want %d", n, letters)
			}
		})
	}
}

// TestExpressionWithoutAnyAnswer: what is mistyped says so; what only some events have leaves the others.
func TestExpressionWithoutAnyAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(letter(0, 1), letter(0, 2, "tenant", "a"), letter(1, 3))
	where := func(text string) deadletter.Selection {
		return deadletter.Selection{Filter: filter.Filter{Where: text}}
	}
	some := w.planOf(func(r *deadletter.RedriveRequest) { r.Selection = where(`headers.tenant == "a"`) })
	if some.Events() != 1 || len(some.Left) != 1 || some.Left[0].Reason != "cannot be decided: filter: where:1:8: no such key: tenant" || some.Left[0].Events != 2 {
		t.Errorf("planned %+v", some)
	}
	none := where(`headers.tennant == "a"`)
	_, redrive := deadletter.PlanRedrive(t.Context(), w.request(func(r *deadletter.RedriveRequest) { r.Selection = none }))
	_, discard := deadletter.PlanDiscard(t.Context(), deadletter.DiscardRequest{Cluster: w.cluster, Topic: dead, Selection: none, Reason: "test"})
	list := deadletter.Read(t.Context(), deadletter.Query{Cluster: w.cluster, Topics: []string{dead}, Selection: none}, func(deadletter.Letter) error { return nil })
	for _, err := range []error{redrive, discard, list} {
		wrong, ok := errors.AsType[*filter.Error](err)
		if !ok || wrong.Column != 8 || !strings.Contains(err.Error(), `headers.tennant == \"a\"`) || !strings.Contains(err.Error(), "any of 3 dead letters") ||
			!strings.Contains(err.Error(), "no such key: tennant") {
			t.Errorf("got %v", err)
		}
	}
}

func TestMarksAreReadBehindAnOpenTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.kafka.CreateTopic(deadletter.MarksTopic, 1, nil); err != nil {
		t.Fatal(err)
	}
	foreign, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.Brokers...), kgo.TransactionalID("foreign"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(foreign.Close)
	if err := foreign.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	open := &kgo.Record{Topic: deadletter.MarksTopic, Key: []byte("foreign"), Value: []byte("{}")}
	if err := foreign.ProduceSync(t.Context(), open).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w.put(&kgo.Record{Topic: deadletter.MarksTopic, Key: []byte("run:r"), Value: []byte(`{"id":"r"}`)})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if runs, err := deadletter.Runs(ctx, w.cluster); err != nil || len(runs) != 1 {
		t.Errorf("%+v, %v", runs, err)
	}
}
