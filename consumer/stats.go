package consumer

import "sync/atomic"

// Stats counts what a worker did since it was made. The numbers only grow, but for Assigned.
type Stats struct {
	Handled      int64 // events whose handler returned nil
	Failed       int64 // attempts that failed
	DeadLettered int64 // events whose dead-letter copy Kafka acknowledged
	Skipped      int64 // events nobody handles, by UnhandledSkip
	Interrupted  int64 // attempts that a shutdown or a rebalance interrupted; their events are handled again

	Rebalances   int64 // assignments taken from the group
	Lost         int64 // partitions lost without a drain
	Commits      int64 // commit requests that the group accepted
	CommitErrors int64 // commit requests that it refused, or did not answer
	Fetches      int64 // fetch answers
	FetchedBytes int64 // bytes of record batches, as fetched
	Assigned     int64 // partitions this worker owns now
}

type counters struct {
	handled, failed, deadLettered, skipped, interrupted atomic.Int64
	rebalances, lost, commits, commitErrors             atomic.Int64
	fetches, fetchedBytes, assigned                     atomic.Int64
}

// Stats returns the counters as they are now. They are read one by one, not all at one instant.
func (w *Worker) Stats() Stats {
	c := &w.stats
	return Stats{
		Handled:      c.handled.Load(),
		Failed:       c.failed.Load(),
		DeadLettered: c.deadLettered.Load(),
		Skipped:      c.skipped.Load(),
		Interrupted:  c.interrupted.Load(),
		Rebalances:   c.rebalances.Load(),
		Lost:         c.lost.Load(),
		Commits:      c.commits.Load(),
		CommitErrors: c.commitErrors.Load(),
		Fetches:      c.fetches.Load(),
		FetchedBytes: c.fetchedBytes.Load(),
		Assigned:     c.assigned.Load(),
	}
}
