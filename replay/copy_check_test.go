package replay_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
)

// ends is how many offsets each partition of a topic has.
func (s *shop) ends(topic string) (n int64) {
	s.t.Helper()
	ranges, err := reader.Resolve(s.t.Context(), s.cluster, topic, nil, reader.Range{To: reader.AtEnd()})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range ranges {
		n += r.To
	}
	return n
}

func TestCopyThatGoesOnIsNotRefusedForWhatIsBehindIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.topic("again", 2)
	r := s.request("", "")
	r.Target = replay.Target{Topic: "again"}
	plan := s.make(r)
	cfg := replay.CopyConfig{From: s.cluster, Plan: plan, Checkpoint: filepath.Join(t.TempDir(), "checkpoint"), Rate: 4}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cfg.Progress = func(out replay.Outcome) {
		if out.Events > 2 {
			stop()
		}
	}
	if _, err := replay.Copy(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	// What is copied is trimmed, and the topic grows: a copy that began now would be refused for both.
	for partition := range int32(2) {
		if err := s.server.Broker().DeleteRecords("orders", partition, 1); err != nil {
			t.Fatal(err)
		}
	}
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "orders", Count: 3}}
	if _, err := s.client.Request(t.Context(), grow); err != nil {
		t.Fatal(err)
	}
	anew := cfg
	anew.Checkpoint += ".other"
	_, err := replay.Copy(t.Context(), anew)
	if !isStale(err, replay.TopicGrown, "orders", -1) || !isStale(err, replay.LogTrimmed, "orders", 0) {
		t.Errorf("begun anew: %v", err)
	}
	cfg.Rate, cfg.Progress = 0, nil
	if out, err := replay.Copy(t.Context(), cfg); err != nil || out.Events != 10 || s.ends("again") != 10 {
		t.Errorf("gone on with: %+v, %v; the target has %d", out, err, s.ends("again"))
	}
}

func TestCopyIsPlannedWithoutATrace(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.topic("again", 2)
	r := s.request("", "")
	r.Target = replay.Target{Topic: "again"}
	cfg := replay.CopyConfig{From: s.cluster, Plan: s.make(r), Checkpoint: filepath.Join(t.TempDir(), "checkpoint")}
	if out, err := replay.PlanCopy(t.Context(), cfg); err != nil || out.Done || out.Total != 10 || out.Passed != 0 {
		t.Errorf("before: %+v, %v", out, err)
	}
	if history, err := replay.List(t.Context(), s.cluster); err != nil || len(history.Replays) != 0 || s.ends("again") != 0 {
		t.Errorf("it has left %+v, %v", history, err)
	}
	if _, err := replay.Copy(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if out, err := replay.PlanCopy(t.Context(), cfg); err != nil || !out.Done || out.Events != 10 {
		t.Errorf("after: %+v, %v", out, err)
	}
	cfg.Checkpoint += ".other"
	if _, err := replay.PlanCopy(t.Context(), cfg); !isApplied(err) {
		t.Errorf("without its checkpoint: %v", err)
	}
}

func isApplied(err error) bool {
	_, ok := errors.AsType[*replay.AppliedError](err)
	return ok
}
