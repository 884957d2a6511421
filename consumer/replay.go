package consumer

import (
	"context"
	"errors"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
)

// ReplayConfig describes a replay: ranges of topics that handlers are given once more. Worker, ID and Spans are needed.
type ReplayConfig struct {
	// Worker is the config of the worker whose handlers these are. No group is joined and no offset is read or committed: Group is
	// what handlers and dead letters are told, and defaults to ID. Topics, Start and what Tuning says of groups count for nothing;
	// Tuning.CommitInterval is the time between two calls of Progress.
	//
	// Policies hold as in a worker, but for the retry tiers: Policy.Retry is left out, since the retry topics are the live group's, and an
	// event that waits does so in place.
	Worker Config

	ID        string       // of the replay: [Info.Replay]
	Spans     []ReplaySpan // one for each partition at most
	OnFailure OnFailure    // what becomes of an event that is out of attempts, or that cannot be read. Defaults to [OnFailureStop].
	Rate      float64      // events a second that are handed over, in all; 0 is no limit

	// Filter picks the events that are replayed; nil takes all. It is called from one goroutine for each partition, in the order of the
	// log; the record is only valid until it returns. An error ends the replay, and so do a panic and runtime.Goexit.
	Filter func(context.Context, *reader.Record) (bool, error)

	// Progress is told how far the spans have come, and is the only memory of it: spans given to another [Replay] as they were told here
	// go on from there. It is called from one goroutine at a time, and once more at the end, also of a replay that fails. An error ends
	// the replay. It may be nil.
	Progress func([]ReplaySpan) error
}

// ReplaySpan is a block of a partition that a replay hands over, and how far it has come: a value that can be kept as JSON.
type ReplaySpan struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	headrace.OffsetRange

	Next   int64                  `json:"next"`             // every event of the span below it is done; From, or less, when nothing is
	Beyond []headrace.OffsetRange `json:"beyond,omitempty"` // what is done above Next, in order

	// Counts and Failures are of the events that Next and Beyond say are done. So an event counts once, also when it was handled once
	// more after a crash.
	Counts   ReplayCounts    `json:"counts"`
	Failures []ReplayFailure `json:"failures,omitempty"` // with OnFailureReport, the first 100
}

// Done reports whether every event of the span is done.
func (s ReplaySpan) Done() bool { return s.Next >= s.To }

// ReplayCounts says what became of events. A batch that cannot be read counts as one.
type ReplayCounts struct {
	Handled      int64 `json:"handled"`                 // their handler returned nil
	Skipped      int64 `json:"skipped,omitempty"`       // their handler returned Skip, or nobody handles them
	LiveOnly     int64 `json:"live_only,omitempty"`     // their handler is for live events only
	Filtered     int64 `json:"filtered,omitempty"`      // the filter left them out
	Failed       int64 `json:"failed,omitempty"`        // passed over, see [OnFailureReport]
	DeadLettered int64 `json:"dead_lettered,omitempty"` // see [OnFailureDeadLetter]
}

// Add adds other counts to these.
func (c *ReplayCounts) Add(other ReplayCounts) {
	c.Handled += other.Handled
	c.Skipped += other.Skipped
	c.LiveOnly += other.LiveOnly
	c.Filtered += other.Filtered
	c.Failed += other.Failed
	c.DeadLettered += other.DeadLettered
}

// ReplayFailure is an event that a replay has passed over.
type ReplayFailure struct {
	Offset   int64  `json:"offset"`
	Event    string `json:"event,omitempty"` // full name of its schema, where it is known
	Kind     string `json:"kind"`            // as of [HeaderKind]
	Attempts int    `json:"attempts,omitempty"`
	Error    string `json:"error"` // 2 KiB at most
}

// OnFailure says what a replay does with an event that is out of attempts, or that cannot be read.
type OnFailure int8

// The ways to treat a failed event.
const (
	// OnFailureStop ends the replay at the event, whatever its policy. What is done is told, so that the replay goes on there.
	OnFailureStop OnFailure = iota
	// OnFailureReport passes the event over and reports it, in Counts.Failed and in Failures. An event of a type that nobody handles still
	// ends the replay, unless Config.Unhandled says otherwise.
	OnFailureReport
	// OnFailureDeadLetter does what a worker does: the event goes to the group's dead-letter topic, with the header [HeaderReplay], where
	// its policy has DeadLetter, and ends the replay where it has not.
	OnFailureDeadLetter
)

// Replay hands the events of spans to handlers, with the decoding, the order of keys, the attempts and the concurrency of a worker, and
// belongs to no group: the offsets of the live one are neither read nor written, and both may run at once. Handlers see [Info.Replay];
// those made with [Handler.LiveOnly] are not called.
//
// It returns nil when every span is done, and ctx's cause when ctx ends, after the drain that a worker's stop has. It returns at the
// first event that fails as OnFailure says, with the error that [Worker.Run] would: *[HandlerError], *[DecodeError], *[reader.CorruptError],
// *[UnhandledError], *[StuckError]; further *[MissingTopicError], and *[reader.OutOfRangeError] when the log no longer holds a span.
// Outages, of brokers or of the registry, are waited for.
//
// What was done since the last call of Progress is handed over again after a crash: handlers must be idempotent, as in a worker. An
// event that kills its process does so in each run.
func Replay(ctx context.Context, cfg ReplayConfig, handlers ...Handler) error {
	r, err := newReplaying(cfg, handlers)
	if err != nil {
		return err
	}
	return r.run(ctx)
}

// Validate reports every mistake of the config and of the handlers that [Replay] would refuse at once. It does no I/O.
func (c ReplayConfig) Validate(handlers ...Handler) error {
	_, err := newReplaying(c, handlers)
	return err
}

// validate reports every mistake beside those of the worker's config.
func (c *ReplayConfig) validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf("replay: "+format, args...)) }
	if c.ID == "" || len(c.ID) > maxReplayID {
		add("ReplayConfig.ID %.20q is not 1 to %d bytes long", c.ID, maxReplayID)
	}
	if !(c.Rate >= 0) { // also when it is not a number
		add("ReplayConfig.Rate %v is negative", c.Rate)
	}
	if c.OnFailure < OnFailureStop || c.OnFailure > OnFailureDeadLetter {
		add("ReplayConfig.OnFailure %d is none of OnFailureStop, OnFailureReport, OnFailureDeadLetter", c.OnFailure)
	}
	type place struct {
		topic     string
		partition int32
	}
	seen := map[place]bool{}
	for _, s := range c.Spans {
		at := place{s.Topic, s.Partition}
		switch {
		case s.Topic == "" || s.Partition < 0 || s.From < 0 || s.To < s.From || s.Next > s.To:
			add("span of topic %q partition %d from %d to %d, done to %d, makes no sense", s.Topic, s.Partition, s.From, s.To, s.Next)
		case seen[at]:
			add("topic %s partition %d has two spans", s.Topic, s.Partition)
		}
		seen[at] = true
		last := max(s.Next, s.From)
		for _, b := range s.Beyond {
			if b.From < last || b.To <= b.From || b.To > s.To {
				add("topic %s partition %d: what is done beyond %d, from %d to %d, is out of order", s.Topic, s.Partition, last, b.From, b.To)
				break
			}
			last = b.To
		}
	}
	return errors.Join(errs...)
}
