package replay

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// audited is a copy that is recorded, of one partition with n events.
func newAuditedCopy(t *testing.T, n int) (*copyWorld, CopyConfig) {
	t.Helper()
	w := newCopyWorld(t, 1)
	w.fill(rand.New(rand.NewPCG(1, 9)), n)
	plan := w.plan(false)
	plan.MadeAt, plan.MadeBy, plan.Counts.Events = time.Now().UTC(), "ann@desk", int64(n)
	plan.Source.Topics = []string{copySource}
	cfg := w.config(plan)
	cfg.Audit = Auditing{By: "bob@desk"}
	return w, cfg
}

func (w *copyWorld) status(id string) Audit {
	w.t.Helper()
	a, err := Status(w.t.Context(), w.cluster, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func TestReplayIsRecorded(t *testing.T) {
	t.Parallel()
	w, cfg := newAuditedCopy(t, 50)
	if history, err := List(t.Context(), w.cluster); err != nil || len(history.Replays) != 0 {
		t.Errorf("before the first: %+v, %v", history, err)
	}
	if _, err := Status(t.Context(), w.cluster, copyID); !isUnknownReplay(err) {
		t.Errorf("before the first: %v", err)
	}
	began := time.Now()
	w.copy(cfg)
	w.copy(cfg) // it is done: the record says so, after two runs
	want := Audit{
		Version: 1, ID: copyID, Kind: KindCopy, State: StateDone, By: "bob@desk", PlannedBy: "ann@desk", PlannedAt: cfg.Plan.MadeAt, Runs: 2,
		Source: cfg.Plan.Source, Target: cfg.Plan.Target, Planned: 50, Events: 50, Passed: 50, Total: 50,
	}
	got := w.status(copyID)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Audit{}, "StartedAt", "UpdatedAt", "EndedAt", "Run", "Bytes")); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if got.StartedAt.Before(began) || got.EndedAt.Before(got.StartedAt) || got.Bytes == 0 || got.Run == "" {
		t.Errorf("record is %+v", got)
	}
	described, err := w.client.Request(t.Context(), &kmsg.DescribeConfigsRequest{Resources: []kmsg.DescribeConfigsRequestResource{
		{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: AuditTopic, ConfigNames: []string{"cleanup.policy"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if policy := described.(*kmsg.DescribeConfigsResponse).Resources[0].Configs[0].Value; policy == nil || *policy != "compact" {
		t.Errorf("the audit topic's cleanup.policy is %v", policy)
	}
	if err := Cancel(t.Context(), w.cluster, copyID, "eve"); !strings.Contains(err.Error(), "is done since") {
		t.Errorf("cancelled when done: %v", err)
	}
}

func isUnknownReplay(err error) bool {
	_, ok := errors.AsType[*UnknownReplayError](err)
	return ok
}

func TestReplayThatWasAppliedIsNotBegunAnew(t *testing.T) {
	t.Parallel()
	w, cfg := newAuditedCopy(t, 50)
	w.copy(cfg)
	cfg.Checkpoint += ".other"
	_, err := Copy(t.Context(), cfg)
	if again, ok := errors.AsType[*AppliedError](err); !ok || again.Audit.ID != copyID || !strings.Contains(err.Error(), "50 events") {
		t.Errorf("without its checkpoint: %v", err)
	}
	w.compare(w.wanted(cfg.Plan, nil))
}

func TestReplayIsCancelledAndGoneOnWith(t *testing.T) {
	t.Parallel()
	w, cfg := newAuditedCopy(t, 300)
	cfg.Rate = 40
	asked := make(chan error, 1)
	go func() {
		for {
			a, err := Status(t.Context(), w.cluster, copyID)
			if isUnknownReplay(err) || err == nil && a.Total == 0 {
				time.Sleep(20 * time.Millisecond) //nolint:forbidigo // another process would poll too
				continue
			}
			if err == nil {
				err = Cancel(t.Context(), w.cluster, copyID, "eve")
			}
			asked <- err
			return
		}
	}()
	out, err := Copy(t.Context(), cfg)
	if !errors.Is(err, ErrCancelled) || out.Done || out.Events == 300 {
		t.Errorf("cancelled: %+v, %v", out, err)
	}
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	if a := w.status(copyID); a.State != StateCancelled || a.Events != out.Events {
		t.Errorf("record is %+v, outcome %+v", a, out)
	}
	cfg.Rate = 0
	w.copy(cfg)
	w.compare(w.wanted(cfg.Plan, nil))
	if a := w.status(copyID); a.State != StateDone || a.Runs != 2 || a.Events != 300 {
		t.Errorf("record is %+v", a)
	}
}

func TestEndsOfAReplayAreTold(t *testing.T) {
	t.Parallel()
	w, cfg := newAuditedCopy(t, 300)
	cfg.Rate = 100
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Progress = func(Outcome) { cancel() }
	if _, err := Copy(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if a := w.status(copyID); a.State != StateInterrupted {
		t.Errorf("record is %+v", a)
	}
	w.broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: copyTarget, Err: kerr.TopicAuthorizationFailed, Count: -1})
	_, err := Copy(t.Context(), cfg)
	if a := w.status(copyID); err == nil || a.State != StateFailed || !strings.Contains(a.Reason, "TOPIC_AUTHORIZATION_FAILED") {
		t.Errorf("record is %+v, error %v", a, err)
	}
}

func TestReplayWithoutTheRightToRecordIt(t *testing.T) {
	t.Parallel()
	for _, key := range []kmsg.Key{kmsg.CreateTopics, kmsg.Produce} {
		w, cfg := newAuditedCopy(t, 20)
		w.broker.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Topic: AuditTopic, Err: kerr.TopicAuthorizationFailed, Count: -1})
		_, err := Copy(t.Context(), cfg)
		if _, ours := errors.AsType[*AuditError](err); !ours || !strings.Contains(err.Error(), "--no-audit") {
			t.Errorf("%v: %v", key, err)
		}
		if got := w.events(copyTarget)[0]; len(got) != 0 {
			t.Errorf("%v: %d events were copied all the same", key, len(got))
		}
		cfg.Audit.Off = true
		w.copy(cfg)
	}
}

func TestHostileRecordsArePassedOver(t *testing.T) {
	t.Parallel()
	w, cfg := newAuditedCopy(t, 20)
	w.copy(cfg)
	put := func(key, value string) {
		w.put(w.client, &kgo.Record{Topic: AuditTopic, Key: []byte(key), Value: []byte(value)})
	}
	good := `{"version":1,"id":"x","kind":"copy","state":"done","started_at":"2024-01-01T00:00:00Z","updated_at":"2024-01-01T00:00:00Z","runs":1,` +
		`"source":{"cluster_id":"c","topics":["t"],"from":"","to":""},"target":{"topic":"u"},"planned":1,"events":1,"passed":1,"total":1}`
	put("x", good)
	bad := []string{
		"", "{", "[]", "null", good + "{}", strings.Repeat("[", 100_000), strings.Repeat(" ", maxAuditBytes+1),
		strings.Replace(good, `"version":1`, `"version":2`, 1), strings.Replace(good, `"state":"done"`, `"state":"lost"`, 1),
		strings.Replace(good, `"events":1`, `"events":-1`, 1), strings.Replace(good, `"runs":1`, `"runs":0`, 1),
		strings.Replace(good, `"kind":"copy"`, `"kind":"rewind"`, 1), strings.Replace(good, `"runs":1`, `"runs":1,"more":1`, 1),
		strings.Replace(good, `"events":1`, `"events":1e99`, 1), strings.Replace(good, `"id":"x"`, `"id":"../y"`, 1),
	}
	for _, value := range bad {
		put("y", value)
	}
	put("", good)
	put("x/cancel", good)
	history, err := List(t.Context(), w.cluster)
	if err != nil || len(history.Replays) != 2 || history.Foreign != int64(len(bad))+1 || history.FirstForeign == nil {
		t.Errorf("%d replays, %d foreign (%v), %v", len(history.Replays), history.Foreign, history.FirstForeign, err)
	}
	if _, err := Status(t.Context(), w.cluster, "y"); !isUnknownReplay(err) {
		t.Errorf("a replay that nobody has applied: %v", err)
	}
}

func TestReplayThatAnotherProcessGoesOnWithIsLeftToIt(t *testing.T) {
	t.Parallel()
	w, cfg := newAuditedCopy(t, 300)
	slow := cfg
	slow.Rate = 40
	begun, once := make(chan struct{}), sync.Once{}
	slow.Progress = func(Outcome) { once.Do(func() { close(begun) }) }
	ended := make(chan error, 1)
	go func() {
		_, err := Copy(t.Context(), slow)
		ended <- err
	}()
	<-begun
	cfg.Rate = 100
	w.copy(cfg)
	if err := <-ended; !errors.Is(err, ErrTakenOver) {
		t.Errorf("the first process: %v", err)
	}
	w.compare(w.wanted(cfg.Plan, nil))
	if a := w.status(copyID); a.State != StateDone || a.Events != 300 || a.Runs != 2 {
		t.Errorf("record is %+v", a)
	}
}
