package consumer

import (
	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
)

// HeaderReplay is the header of an event that a replay has copied to its topic, or made a dead letter: the replay's id. A worker believes
// it where [ReplaysTopic] says that this replay copies to the topic.
const HeaderReplay = "__replay.id"

// maxReplayID bounds what a header may say.
const maxReplayID = 100

// LiveOnly returns the handler as one that is called for live events alone, because what it does must not happen again: it sends mail,
// say, or charges a card. An event for which [Info.Replay] is set counts as done without a call, and in Stats.LiveOnly; its value is
// not decoded. That goes for events that a replay has copied into a worker's topic as well, where a record of the replay says so: the
// worker has to read [ReplaysTopic] for that, and does not start without the right to. Events of a copy that keeps no record, of one
// that copies whole batches, and of a mirror from another cluster are live ones to it.
func (h Handler) LiveOnly() Handler {
	h.liveOnly = true
	return h
}

// notLive is the failure of events whose handler is for live ones only.
var notLive = &failure{kind: kindUnhandled}

// replayOf is the id of the replay by which an event came, "" when it is live.
func replayOf(t *task) string {
	if r := t.partition.engine.replay; r != nil {
		return r.id
	}
	if !t.replayed {
		return ""
	}
	id, _ := t.record.Header(HeaderReplay)
	return clip(string(id), maxReplayID)
}

// believe decides whether an event was brought by the replay that its header names. While that cannot be found out the partition waits,
// as for a schema. It returns the task, which lies in another block then, and nil when the partition stops.
func (p *partition) believe(t *task, c *heldChunk, r *heldReader, b batch.Batch) *task {
	id, named := t.record.Header(HeaderReplay)
	if !named || len(id) > maxReplayID || p.engine.replay != nil {
		return t
	}
	for outages := 1; ; outages++ {
		known, err := p.engine.replays.brought(p.going, string(id), p.source(), &c.looked)
		switch {
		case err == nil:
			t.replayed = known
			return t
		case p.going.Err() != nil:
			return nil
		}
		if t = p.moveOn(t, c, r, b); t == nil || !p.waitOut(t, err, outages) {
			return nil
		}
		id, _ = t.record.Header(HeaderReplay)
	}
}

// replayID is the id of the engine's replay, "" for a worker.
func (e *engine) replayID() string {
	if e.replay == nil {
		return ""
	}
	return e.replay.id
}

// replayHeader adds the id of the replay to the headers of an event that it makes a dead letter.
func (p *partition) replayHeader(headers []headrace.Header) []headrace.Header {
	id := p.engine.replayID()
	if id == "" {
		return headers
	}
	kept := headers[:0]
	for _, h := range headers {
		if h.Key != HeaderReplay {
			kept = append(kept, h)
		}
	}
	return append(kept, headrace.Header{Key: HeaderReplay, Value: []byte(id)})
}
