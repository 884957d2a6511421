package consumer

import (
	"sync"
	"sync/atomic"
)

// Stats counts what a worker did since it was made, in its topics and their retry topics. The numbers only grow, but for Assigned.
type Stats struct {
	Handled      int64 // events whose handler returned nil
	Failed       int64 // attempts that failed
	Retried      int64 // moves of events to a retry topic, each acknowledged by Kafka; an event may make several
	Snoozed      int64 // attempts that Snooze put off
	DeadLettered int64 // events whose dead-letter copy Kafka acknowledged
	Skipped      int64 // events nobody handles, by UnhandledSkip or UnhandledSkipForeign, and those whose handler returned Skip
	LiveOnly     int64 // events that came by a replay, so that their handler was not called; see [Handler.LiveOnly]
	Interrupted  int64 // attempts that a shutdown or a rebalance interrupted; their events are handled again
	Stuck        int64 // handlers that did not return although their lease had ended; see [Policy.Timeout]
	Late         int64 // results refused because their handlers returned after they had been counted in Stuck

	Rebalances   int64 // assignments taken from the group
	Lost         int64 // partitions lost without a drain
	Commits      int64 // commit requests that the group accepted
	CommitErrors int64 // commit requests that it refused, or did not answer
	Fetches      int64 // fetch answers
	FetchedBytes int64 // bytes of record batches, as fetched
	Assigned     int64 // partitions this worker owns now, those of retry topics left out

	// SkipReasons counts the events whose handler returned Skip by their reason: 100 of them, further ones under "other".
	SkipReasons map[string]int64
}

type counters struct {
	retried, snoozed atomic.Int64
	stuck, late      atomic.Int64
	liveOnly         atomic.Int64
	reasons          reasons

	handled, failed, deadLettered, skipped, interrupted atomic.Int64
	rebalances, lost, commits, commitErrors             atomic.Int64
	fetches, fetchedBytes, assigned                     atomic.Int64
}

// Stats returns the counters as they are now. They are read one by one, not all at one instant.
func (w *Worker) Stats() Stats {
	s := Stats{SkipReasons: make(map[string]int64)}
	for _, c := range []*counters{&w.stats, &w.retryStats} {
		s.Handled += c.handled.Load()
		s.Failed += c.failed.Load()
		s.Retried += c.retried.Load()
		s.Snoozed += c.snoozed.Load()
		s.DeadLettered += c.deadLettered.Load()
		s.Skipped += c.skipped.Load()
		s.LiveOnly += c.liveOnly.Load()
		s.Interrupted += c.interrupted.Load()
		s.Stuck += c.stuck.Load()
		s.Late += c.late.Load()
		s.Rebalances += c.rebalances.Load()
		s.Lost += c.lost.Load()
		s.Commits += c.commits.Load()
		s.CommitErrors += c.commitErrors.Load()
		s.Fetches += c.fetches.Load()
		s.FetchedBytes += c.fetchedBytes.Load()
		c.reasons.addTo(s.SkipReasons)
	}
	s.Assigned = w.stats.assigned.Load()
	return s
}

// reasons counts by reason.
type reasons struct {
	mu    sync.Mutex
	known map[string]int64
}

const (
	maxReasons  = 100
	maxReason   = 200 // bytes of one
	otherReason = "other"
)

func (r *reasons) add(reason string) {
	reason = clip(reason, maxReason)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = make(map[string]int64)
	}
	if _, known := r.known[reason]; !known && len(r.known) >= maxReasons {
		reason = otherReason
	}
	r.known[reason]++
}

func (r *reasons) addTo(counts map[string]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for reason, n := range r.known {
		counts[reason] += n
	}
}
