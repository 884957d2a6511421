package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// begun is a run that has looked at an empty history and not yet said that it runs.
func (w *copyWorld) begun(plan *Plan, run string) *auditedRun {
	w.t.Helper()
	log, err := openAudit(w.t.Context(), w.cluster, true)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(log.close)
	now := time.Now().UTC()
	return &auditedRun{cluster: w.cluster, plan: plan, log: log, record: Audit{
		Version: auditVersion, ID: plan.ID, Kind: KindCopy, State: StateRunning, StartedAt: now, Runs: 1, Run: run, Target: plan.Target,
	}}
}

// TestTwoProcessesThatBeginAtOnce has two that did not see each other in the history: the first to say that it runs goes on alone.
func TestTwoProcessesThatBeginAtOnce(t *testing.T) {
	t.Parallel()
	w := newCopyWorld(t, 1)
	plan := w.plan(false)
	first, second := w.begun(&plan, "a"), w.begun(&plan, "b")
	for _, a := range []*auditedRun{first, second} {
		if err := a.write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.checkAlone(t.Context()); err != nil {
		t.Errorf("the first: %v", err)
	}
	err := second.checkAlone(t.Context())
	if applied, ok := errors.AsType[*AppliedError](err); !ok || applied.Audit.Run != "a" {
		t.Errorf("the second: %v", err)
	}
	second.resumes = true
	if err := second.checkAlone(t.Context()); !errors.Is(err, ErrTakenOver) {
		t.Errorf("the second, which goes on from a checkpoint: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	if err := first.log.read(ctx, func(key string, value []byte, _ int64) { first.handle(key, value, cancel) }); err != nil || ctx.Err() != nil {
		t.Errorf("the first hears of the second and stops: %v, %v", err, context.Cause(ctx))
	}
	second.record.Runs = 2 // one that knows of the first takes over
	if err := errors.Join(second.write(t.Context()), second.checkAlone(t.Context())); err != nil {
		t.Errorf("the one that takes over: %v", err)
	}
	if err := first.log.read(ctx, func(key string, value []byte, _ int64) { first.handle(key, value, cancel) }); err != nil || !takenOver(ctx) {
		t.Errorf("the first is taken over: %v, %v", err, context.Cause(ctx))
	}
}

// TestEndOfTheOtherProcessStaysKnown has a second that says that it runs behind the end of the first.
func TestEndOfTheOtherProcessStaysKnown(t *testing.T) {
	t.Parallel()
	w := newCopyWorld(t, 1)
	plan := w.plan(false)
	first, second := w.begun(&plan, "a"), w.begun(&plan, "b")
	first.outcome = Outcome{Events: 7, Total: 7}
	if err := errors.Join(first.write(t.Context()), first.end(t.Context(), nil), second.write(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := second.checkAlone(t.Context()); err == nil {
		t.Error("the second runs too")
	}
	if a := w.status(plan.ID); a.State != StateDone || a.Events != 7 || a.Run != "a" {
		t.Errorf("record is %+v", a)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	record := func(id string, runs int64) []byte {
		return fmt.Appendf(nil, `{"version":1,"id":%q,"kind":"copy","state":"done","started_at":"2024-01-01T00:00:00Z","updated_at":"2024-01-01T00:00:00Z",`+
			`"runs":%d,"source":{"cluster_id":"c","topics":["t"],"from":"","to":""},"target":{"topic":"u"},"planned":1,"events":1,"passed":1,"total":1}`, id, runs)
	}
	padding := bytes.Repeat([]byte(" "), maxAuditBytes-1000)
	r := newAuditReader()
	const last = 400
	for i := range int64(last) {
		id := fmt.Sprintf("r%d", i)
		r.add(id, append(record(id, 1), padding...), i)
		if r.bytes > maxAuditSum {
			t.Fatalf("%d bytes after %d records", r.bytes, i)
		}
	}
	h := r.history()
	if n := len(h.Replays); n < 100 || n > maxAuditSum/len(padding) {
		t.Errorf("%d replays", n)
	}
	if _, err := h.of(fmt.Sprintf("r%d", last-1)); err != nil || h.Foreign != 0 {
		t.Errorf("the last: %v; %v", err, h.FirstForeign)
	}
	for range 3 { // the same one takes its place once
		r.add("same", record("same", 1), last)
	}
	before := r.bytes
	if r.add("same", nil, last+1); before-r.bytes != len(record("same", 1)) {
		t.Errorf("%d bytes are counted of a record with %d", before-r.bytes, len(record("same", 1)))
	}
	if _, err := readAudit("x", record("x", maxRuns+1)); err == nil || !strings.Contains(err.Error(), "how often") {
		t.Errorf("a run too many: %v", err)
	}
}
