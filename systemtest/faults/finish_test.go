package faults

import (
	"context"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/schema"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/record"
)

// stopSending returns when the last event has been posted.
func (f *flow) stopSending() {
	f.sending()
	<-f.stopped
}

// flush stops sending and waits until every event has its outcome.
func (f *flow) flush() {
	f.Helper()
	f.stopSending()
	ctx, cancel := context.WithTimeout(f.Context(), 2*time.Minute)
	defer cancel()
	if err := f.producer.Flush(ctx); err != nil {
		f.Fatalf("flush: %v", err)
	}
}

// finish stops sending, waits until what is in the topic is handled, and adds to the trial's verdict.
func (f *flow) finish() {
	f.Helper()
	f.flush()
	f.readBack()
	written := f.written.Report()
	f.verdict.Written(written)
	f.n += written.Sent
	if !f.mayFail && written.Acked != written.Sent {
		f.Errorf("%d of %d events were not acknowledged, the first because of: %v", written.Sent-written.Acked, written.Sent, f.firstErr)
	}
	f.drain(written.Seen)
	f.figure("longest stall", "%s", round(f.stall))
}

// readBack notes what lies in the topic.
func (f *flow) readBack() {
	f.readNumbered(f.topic, func(_ record.Record, e events.Numbered) { f.written.Seen(e.Key, int(e.Number)) })
}

// readNumbered calls each with every record of the topic and the event in it.
func (f *flow) readNumbered(topic string, each func(record.Record, events.Numbered)) {
	f.Helper()
	decoder, err := schema.NewDecoder[events.Numbered](f.schemas)
	if err != nil {
		f.Fatal(err)
	}
	admin.ReadAll(f, f.kafka(), topic, func(r record.Record) {
		var e events.Numbered
		ref, body, err := schema.ParseWire(r.Value, nil)
		if err == nil {
			err = decoder.Decode(f.Context(), ref, body, &e)
		}
		if err != nil {
			f.Fatalf("record %d/%d of topic %s: %v", r.Partition, r.Offset, topic, err)
		}
		each(r, e)
	})
}

// drain waits until the workers have handled all events, stops them, and adds what they did to the verdict.
func (f *flow) drain(all int) {
	f.Helper()
	f.awaitQuiet(all)
	var total consumer.Stats
	for _, w := range f.workers {
		if err := w.Stop(); err != nil {
			f.Errorf("worker: %v", err)
		}
		stats := w.Stats()
		total.Lost += stats.Lost
		total.CommitErrors += stats.CommitErrors
		total.Rebalances += stats.Rebalances
	}
	handled := f.handled.Report()
	f.verdict.Handled(handled)
	if together, overlapped := f.owners.Report(); f.sideBySide {
		f.figure("handlers side by side until then", "%d", together)
	} else {
		f.verdict.TwoOwners += together + overlapped
	}
	_, back := f.commits.Report()
	f.verdict.WentBack += len(back)
	for _, b := range back[:min(len(back), 3)] {
		f.Logf("committed offset went back: %s", b)
	}
	f.require(handled.Doubled == 0 || total.Lost+total.CommitErrors+int64(f.forgiven) > 0, "%d events were handled again though every commit was accepted", handled.Doubled)
	f.Logf("handled: %s; workers: %d rebalances, %d partitions lost, %d commits refused", handled, total.Rebalances, total.Lost, total.CommitErrors)
}

// patience is how long nothing may be handled before what is not handled counts as lost.
const patience = 30 * time.Second

// awaitQuiet waits until so many events are handled, or no more are.
func (f *flow) awaitQuiet(all int) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	seen, last := f.handled.SeenOnce(), time.Now()
	for seen < all && time.Since(last) < patience && f.ranWell() {
		<-ticker.C
		if now := f.handled.SeenOnce(); now > seen {
			seen, last = now, time.Now()
		}
	}
	f.require(seen >= all, "%d of %d events are handled", seen, all)
}

// ranWell reports whether every worker that nobody stopped still runs.
func (f *flow) ranWell() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.workers {
		select {
		case <-w.Ended():
			if err := w.Wait(); err != nil {
				f.Errorf("worker: %v", err)
				return false
			}
		default:
		}
	}
	return true
}

// round makes a duration readable.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
