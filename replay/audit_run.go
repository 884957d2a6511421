package replay

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/headrace/headrace"
)

// Auditing says how a replay is recorded in [AuditTopic]. The zero value records it.
type Auditing struct {
	By  string // who applies it
	Off bool   // keep no record: then it can neither be listed nor cancelled, neither loops through it nor a second run are noticed, and workers take its events for live ones
}

const (
	auditPoll     = time.Second      // between two looks at what others have written
	auditInterval = 5 * time.Second  // between two records of how far it is
	auditGrace    = 15 * time.Second // for the last record, when the context of the replay has ended
	aliveFor      = 30 * time.Second // a run that was heard of since then is taken for alive
	maxEarlier    = 1000             // replays that events have been through and that are remembered
)

// auditedRun is one application of a plan that is recorded.
type auditedRun struct {
	Auditing
	cluster headrace.Cluster  // that the replay changes: there lies the record
	source  *headrace.Cluster // when it is another: what was replayed there belongs to the way of the events too
	plan    *Plan
	resumes bool // it goes on from what an earlier run has left, so that nothing is done twice

	log *auditLog

	writing sync.Mutex // record, and log.write
	record  Audit

	mu      sync.Mutex
	outcome Outcome
}

// runAudited runs a replay under its record. Before run is called it refuses a plan that was applied before and does not resume (an
// *[AppliedError]), one that would feed its own source through earlier replays (a *[ChainError]), and to go on without the rights to
// record it (an *[AuditError]). run gets a context that also ends when somebody cancels the replay or goes on with it elsewhere, its
// cause being [ErrCancelled] or [ErrTakenOver]; it tells how far it is as often as it likes, from any goroutine.
func runAudited(ctx context.Context, a *auditedRun, run func(ctx context.Context, tell func(Outcome)) (Outcome, error)) (Outcome, error) {
	if a.Off {
		return run(ctx, func(Outcome) {})
	}
	var err error
	if a.log, err = openAudit(ctx, a.cluster, true); err != nil {
		return Outcome{}, err
	}
	defer a.log.close()
	if err := a.begin(ctx); err != nil {
		return Outcome{}, err
	}
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var first sync.Once
	tell := func(out Outcome) {
		a.setOutcome(out)
		first.Do(func() { // before anything is written, so that nobody begins anew what has begun
			if err := a.write(running); err != nil {
				cancel(err)
			}
		})
	}
	watching, stop := context.WithCancel(running)
	defer stop()
	var watch sync.WaitGroup
	watch.Go(func() { a.watch(watching, cancel) })
	out, err := run(running, tell)
	stop()
	watch.Wait()
	if out.Total > 0 { // else it never began
		a.setOutcome(out)
	}
	return out, errors.Join(err, a.end(ctx, err))
}

func (a *auditedRun) setOutcome(out Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outcome = out
}

// begin looks at what was recorded before and adds that the replay runs.
func (a *auditedRun) begin(ctx context.Context) error {
	r := newAuditReader()
	if err := a.log.read(ctx, r.add); err != nil {
		return err
	}
	history := r.history()
	if err := a.checkCircles(ctx, history); err != nil {
		return err
	}
	now, p := time.Now().UTC(), a.plan
	a.record = Audit{
		Version: auditVersion, ID: p.ID, Kind: kindOf(p.Target), PlannedBy: p.MadeBy, PlannedAt: p.MadeAt, StartedAt: now,
		Source: p.Source, Target: p.Target, Earlier: p.Earlier, Planned: p.Counts.Events,
	}
	if old, err := history.of(p.ID); err == nil {
		if !a.resumes {
			if err := a.refuseAgain(ctx, old); err != nil {
				return err
			}
		}
		a.record.StartedAt, a.record.Runs = old.StartedAt, old.Runs
		a.outcome = Outcome{Events: old.Events, Bytes: old.Bytes, Filtered: old.Filtered, SkippedTotal: old.Skipped, Passed: old.Passed, Total: old.Total}
	}
	var token [8]byte
	_, _ = rand.Read(token[:]) // never fails
	a.record.By, a.record.Run, a.record.State = a.By, hex.EncodeToString(token[:]), StateRunning
	a.record.Runs = min(a.record.Runs+1, maxRuns)
	if err := a.write(ctx); err != nil {
		return err
	}
	return a.checkAlone(ctx)
}

// checkAlone refuses to run when another process has said that it runs since begin has looked, and before this one did: neither knew of the
// other. What was read stays unread for watch, which also hears requests to cancel.
func (a *auditedRun) checkAlone(ctx context.Context) error {
	seen := a.log.next
	defer func() { a.log.next = seen }()
	var other *Audit
	ours := false
	err := a.log.read(ctx, func(key string, value []byte, _ int64) {
		if key != a.record.ID || ours {
			return
		}
		now, err := readAudit(key, bytes.Clone(value))
		switch {
		case err != nil:
		case now.Run == a.record.Run:
			ours = true
		case !a.resumes || now.Runs >= a.record.Runs: // else it is the run that this one takes over from
			other = &now
		}
	})
	if err != nil || other == nil {
		return err
	}
	if other.State != StateRunning { // it has ended, and would not say so again behind our record
		if err := a.log.write(ctx, other.ID, other); err != nil {
			return err
		}
	}
	if a.resumes {
		return ErrTakenOver
	}
	return &AppliedError{Audit: *other}
}

// takenOver reports whether a replay's context has ended because another process goes on with it.
func takenOver(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrTakenOver) }

// checkCircles refuses a replay that would feed its own source.
func (a *auditedRun) checkCircles(ctx context.Context, way History) error {
	if a.source != nil {
		there, err := List(ctx, *a.source)
		if err != nil {
			return err
		}
		way.Replays = slices.Concat(way.Replays, there.Replays)
	}
	return a.plan.chain(way)
}

// check refuses what begin would refuse, and writes nothing.
func (a *auditedRun) check(ctx context.Context) error {
	history, err := List(ctx, a.cluster)
	if err != nil {
		return err
	}
	if err := a.checkCircles(ctx, history); err != nil {
		return err
	}
	if old, err := history.of(a.plan.ID); err == nil && old.Total > 0 && !a.resumes {
		return &AppliedError{Audit: old}
	}
	return nil
}

// refuseAgain refuses what was begun before. A run that has died before it had begun is known by its silence.
func (a *auditedRun) refuseAgain(ctx context.Context, old Audit) error {
	silence := time.Now().Add(2*auditInterval + auditPoll)
	for {
		switch {
		case old.Total > 0:
			return &AppliedError{Audit: old}
		case old.State != StateRunning || old.Silent(time.Now()) || time.Now().After(silence):
			return nil
		}
		pauseFor(ctx, auditPoll)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		heard := false
		err := a.log.read(ctx, func(key string, value []byte, _ int64) {
			if now, err := readAudit(key, bytes.Clone(value)); err == nil && now.ID == old.ID {
				old, heard = now, true
			}
		})
		if err != nil {
			return err
		}
		if heard && old.State == StateRunning {
			return &AppliedError{Audit: old}
		}
	}
}

// write writes the record as it is now.
func (a *auditedRun) write(ctx context.Context) error {
	a.mu.Lock()
	out := a.outcome
	a.mu.Unlock()
	a.writing.Lock()
	defer a.writing.Unlock()
	r := &a.record
	r.UpdatedAt = time.Now().UTC()
	r.Events, r.Bytes, r.Filtered, r.Skipped, r.Passed, r.Total = out.Events, out.Bytes, out.Filtered, out.SkippedTotal, out.Passed, out.Total
	return a.log.write(ctx, r.ID, r)
}

// watch records how far the replay is, and hears what others want of it. A cluster that does not answer is no reason to stop.
func (a *auditedRun) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(auditPoll)
	defer ticker.Stop()
	for told := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := a.log.read(ctx, func(key string, value []byte, _ int64) { a.handle(key, value, cancel) }); err != nil || ctx.Err() != nil {
			continue
		}
		if time.Since(told) >= auditInterval {
			if a.write(ctx) == nil {
				told = time.Now()
			}
		}
	}
}

// handle looks at one record that somebody has written: a request to cancel, or another run of the same replay.
func (a *auditedRun) handle(key string, value []byte, cancel context.CancelCauseFunc) {
	switch key {
	case cancelKey(a.record.ID):
		var request cancelRequest
		if err := strictJSON(bytes.Clone(value), &request); err == nil && request.Version == auditVersion && request.ID == a.record.ID {
			cancel(ErrCancelled)
		}
	case a.record.ID:
		if other, err := readAudit(key, bytes.Clone(value)); err == nil && other.Runs > a.record.Runs && other.State == StateRunning {
			cancel(ErrTakenOver) // it knew of this run; see alone for those that did not
		}
	}
}

// end records what became of the replay.
func (a *auditedRun) end(ctx context.Context, err error) error {
	r := &a.record
	switch {
	case errors.Is(err, ErrTakenOver):
		return nil // the record is of the other run
	case err == nil:
		r.State = StateDone
	case errors.Is(err, ErrCancelled):
		r.State = StateCancelled
	case ctx.Err() != nil:
		r.State = StateInterrupted
	default:
		r.State, r.Reason = StateFailed, reasonOf(err)
	}
	r.EndedAt = time.Now().UTC()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditGrace)
	defer cancel()
	if err := a.write(ctx); err != nil {
		return err
	}
	if r.State == StateCancelled {
		return a.log.write(ctx, cancelKey(r.ID), nil)
	}
	return nil
}
