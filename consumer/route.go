package consumer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/schema"
)

// route finds where an event goes. While the registry does not answer, the partition waits here, with what came before handed over. It
// returns the task, which lies in another block then, and nil when the partition stops.
func (p *partition) route(t *task, c *heldChunk, r *heldReader, b batch.Batch) *task {
	if t.failure == notOurs || p.asBefore(t) {
		return t
	}
	var header func(string) ([]byte, bool)
	if t.record.HeaderCount() > 0 {
		header = t.record.Header
	}
	ref, body, err := schema.ParseWire(t.record.Value, header)
	t.ref, t.body, t.target = ref, body, nil
	switch {
	case errors.Is(err, schema.ErrTombstone):
		t.target = p.router.to(tombstone)
	case err != nil && foreign(t.record.Value) && p.engine.cfg.Unhandled == UnhandledSkipForeign:
		t.failure = skipped
		return t
	case err != nil:
		t.undecodable(err)
		return t
	}
	for outages := 1; t.target == nil; outages++ {
		t.target, err = p.router.find(p.going, p.source(), ref)
		switch {
		case err == nil:
		case p.going.Err() != nil:
			return nil
		case undecodable(err):
			t.undecodable(err)
			return t
		default:
			if t = p.moveOn(t, c, r, b); t == nil || !p.waitOut(t, err, outages) {
				return nil
			}
		}
	}
	if header != nil {
		if t = p.believe(t, c, r, b); t == nil {
			return nil
		}
	}
	switch r := t.target.route; {
	case r == nil:
		t.unhandled()
	case r.liveOnly && replayOf(t) != "":
		t.failure = notLive
	}
	return t
}

// foreign reports whether a value that is no event does not even begin as one: with a magic byte of the wire format.
func foreign(value []byte) bool { return len(value) == 0 || value[0] > 1 }

// asBefore is route for the most frequent event: a prefix with the schema id of the event before.
func (p *partition) asBefore(t *task) bool {
	value := t.record.Value
	if len(value) < schema.IDPrefixLen || value[0] != 0 || t.record.HeaderCount() > 0 || p.router.lastTo == nil ||
		p.router.last.ByGUID || p.router.last.ID != int(binary.BigEndian.Uint32(value[1:])) {
		return false
	}
	t.ref, t.body, t.target = p.router.last, value[schema.IDPrefixLen:], p.router.lastTo
	if t.target.route == nil {
		t.unhandled()
	}
	return true
}

// moveOn hands over what came before a task that has to wait, and gives the task a place in the next block.
func (p *partition) moveOn(t *task, c *heldChunk, r *heldReader, b batch.Batch) *task {
	if p.open.n == 0 {
		return t
	}
	record, first, end, ref, body, target, from, used, failure, before := t.record, t.first, t.end, t.ref, t.body, t.target, t.origin, t.spent, t.failure, t.before
	if !p.flush() {
		return nil
	}
	t, ok := p.slot(c, r, b)
	if !ok {
		return nil
	}
	t.begin(p, first, end)
	t.record, t.ref, t.body, t.target, t.origin, t.spent, t.failure, t.before = record, ref, body, target, from, used, failure, before
	return t
}

// undecodable gives up an event whose bytes name no schema that can be had.
func (t *task) undecodable(err error) {
	t.target = nil
	t.failure = &failure{kind: kindDecode, reason: err, err: &DecodeError{Location: t.at(), Err: err, replay: t.partition.engine.replayID()}}
}

// unhandled gives up an event nobody handles.
func (t *task) unhandled() {
	if t.target.liveOnly {
		t.failure = notLive
		return
	}
	if u := t.partition.engine.cfg.Unhandled; u == UnhandledSkip || u == UnhandledSkipForeign {
		t.failure = skipped
		return
	}
	event := t.target.event
	t.failure = &failure{
		kind: kindUnhandled, event: event, reason: fmt.Errorf("no handler for %s", eventName(event)),
		err: &UnhandledError{Location: t.at(), Event: event, Schema: t.ref, replay: t.partition.engine.replayID()},
	}
}

// skipped is the failure of events that nobody handles and nobody misses.
var skipped = &failure{kind: kindUnhandled}
