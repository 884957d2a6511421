package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
)

// replayed records that a replay copies to a topic, as package replay does.
func (w *world) replayed(id, topic string) {
	w.t.Helper()
	if w.kafka.TopicInfo(ReplaysTopic) == nil {
		w.topic(ReplaysTopic, 1, false)
	}
	w.put(ReplaysTopic, 0, rec{key: id, value: fmt.Appendf(nil, `{"version":1,"id":%q,"kind":"copy","state":"done","target":{"topic":%q}}`, id, topic)})
}

func copiedBy(id string) []headrace.Header {
	return []headrace.Header{{Key: HeaderReplay, Value: []byte(id)}}
}

// forgedAndCopied runs a worker over four events, of which it gives LiveOnly handlers those with the numbers that are returned.
func (w *world) liveOf(records ...rec) (live []int64, ids []string, stats Stats) {
	w.t.Helper()
	w.topic("t", 1, false)
	w.put("t", 0, records...)
	var mails, counted sink
	j := w.start(w.config("t"), On(mails.handle).LiveOnly(), On(func(ctx context.Context, _ pong) error { return counted.handle(ctx, ping{}) }))
	eventually(w.t, "all are done", func() bool { s := j.Stats(); return s.Handled+s.LiveOnly == int64(len(records)) })
	j.stop()
	for _, info := range counted.seen {
		ids = append(ids, info.Replay)
	}
	return mails.ns, ids, j.Stats()
}

// TestForgedReplayHeaderSkipsNoLiveEvent has events whose producer has set the header of replays, in a topic that no replay has copied to.
func TestForgedReplayHeaderSkipsNoLiveEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	live, ids, stats := w.liveOf(rec{value: pingValue(1, "w"), headers: copiedBy("20260301-120000-0a1b2c3d")},
		rec{value: pingValue(2, "w")}, rec{value: pongOK(), headers: copiedBy("r")})
	if !slices.Equal(live, []int64{1, 2}) || !slices.Equal(ids, []string{""}) || stats.LiveOnly != 0 {
		t.Errorf("handled as live: %v, told replays %q; stats %+v", live, ids, stats)
	}
}

// TestReplayHeaderIsBelievedWhereARecordNamesTheTopic has records of replays that copy to this topic and to another, and such as make no
// sense.
func TestReplayHeaderIsBelievedWhereARecordNamesTheTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.replayed("here", "t")
	w.replayed("elsewhere", "u")
	for _, value := range []string{"", "{", "[]", `{"id":"other","target":{"topic":"t"}}`, strings.Repeat(" ", maxReplayRecord) + `{"id":"bad","target":{"topic":"t"}}`} {
		w.put(ReplaysTopic, 0, rec{key: "bad", value: []byte(value)})
	}
	live, ids, stats := w.liveOf(rec{value: pingValue(1, "w"), headers: copiedBy("here")}, rec{value: pingValue(2, "w"), headers: copiedBy("elsewhere")},
		rec{value: pingValue(3, "w"), headers: copiedBy("bad")}, rec{value: pongOK(), headers: copiedBy("here")}, rec{value: pongOK(), headers: copiedBy("elsewhere")})
	if !slices.Equal(live, []int64{2, 3}) || !slices.Equal(ids, []string{"here", ""}) || stats.LiveOnly != 1 {
		t.Errorf("handled as live: %v, told replays %q; stats %+v", live, ids, stats)
	}
}

// TestReplayThatBeginsLaterIsBelieved has a worker that has looked before the replay was recorded.
func TestReplayThatBeginsLaterIsBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	var mails sink
	j := w.start(w.config("t"), On(mails.handle).LiveOnly())
	done := func(n int64) func() bool {
		return func() bool { s := j.Stats(); return s.Handled+s.LiveOnly == n }
	}
	for n, id := range []string{"forged", "first", "second"} {
		if n > 0 {
			w.replayed(id, "t")
		}
		w.put("t", 0, rec{value: pingValue(int64(n), "w"), headers: copiedBy(id)})
		eventually(t, "it is done", done(int64(n)+1))
	}
	if err := w.kafka.DeleteTopic(ReplaysTopic); err != nil { // and made anew, with offsets that begin again
		t.Fatal(err)
	}
	w.replayed("third", "t")
	w.put("t", 0, rec{value: pingValue(3, "w"), headers: copiedBy("third")}, rec{value: pingValue(4, "w"), headers: copiedBy("first")})
	eventually(t, "all are done", done(5))
	j.stop()
	if !slices.Equal(mails.ns, []int64{0, 4}) {
		t.Errorf("handled as live: %v", mails.ns)
	}
}

// TestWorkerThatCannotTellReplayedEventsWaits has records that cannot be read for a while.
func TestWorkerThatCannotTellReplayedEventsWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.replayed("here", "t")
	w.topic("t", 1, false)
	var mails sink
	j := w.start(w.config("t"), On(mails.handle).LiveOnly())
	w.put("t", 0, rec{value: pingValue(0, "w")})
	eventually(t, "the first is handled", func() bool { return mails.len() == 1 })
	w.replayed("again", "t")
	w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: ReplaysTopic, Err: kerr.NotLeaderForPartition, Count: 2})
	w.put("t", 0, rec{value: pingValue(1, "w"), headers: copiedBy("again")})
	eventually(t, "the second is done", func() bool { return j.Stats().LiveOnly == 1 })
	j.stop()
	if w.logs.FilterMessage("event waits for an outage to end").Len() == 0 || mails.len() != 1 {
		t.Errorf("%d events handled, waited %d times", mails.len(), w.logs.FilterMessage("event waits for an outage to end").Len())
	}
}

// TestWorkerWithoutTheRightToReadReplays is refused where a handler is for live events only, and believes nothing where none is.
func TestWorkerWithoutTheRightToReadReplays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.replayed("here", "t")
	w.topic("t", 1, false)
	w.put("t", 0, rec{value: pingValue(1, "w"), headers: copiedBy("here")})
	w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: ReplaysTopic, Err: kerr.TopicAuthorizationFailed, Count: -1})
	var mails sink
	err := w.start(w.config("t"), On(mails.handle).LiveOnly()).wait()
	right, ok := errors.AsType[*ReplaysRightError](err)
	if !ok || right.Group != "g" || !errors.Is(err, kerr.TopicAuthorizationFailed) || mails.len() != 0 {
		t.Errorf("ended with %v, %d events handled", err, mails.len())
	}
	j := w.start(w.config("t"), On(mails.handle))
	eventually(t, "it is handled", func() bool { return mails.len() == 1 })
	j.stop()
	if mails.seen[0].Replay != "" {
		t.Errorf("told replay %q", mails.seen[0].Replay)
	}
}
