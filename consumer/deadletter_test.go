package consumer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
)

// header returns the value of a dead letter's header, "" when it has none.
func header(r reader.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func TestDeadLetterKeepsTheEventAndTellsWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 4, true)
	original := rec{
		key: "k1", value: pingValue(7, "x"), at: 1700000000123,
		headers: []headrace.Header{{Key: "trace", Value: []byte("abc")}, {Key: "null"}, {Key: HeaderMessage, Value: []byte("of an earlier death")}},
	}
	w.put("t", 3, original)
	cfg := w.config("t")
	j := w.start(cfg, On(func(context.Context, ping) error { return errBroken }).With(Policy{Attempts: 2, DeadLetter: true, Backoff: Backoff{Initial: 1}}))
	eventually(t, "event acknowledged", func() bool { return w.committed("t", 3) == 1 })
	j.stop()

	dead := w.read("t.g.dead")
	if len(dead) != 1 {
		t.Fatalf("%d dead letters", len(dead))
	}
	got := dead[0]
	if _, err := time.Parse(time.RFC3339, header(got, HeaderTime)); err != nil {
		t.Error(err)
	}
	want := reader.Record{
		Topic: "t.g.dead", Partition: 3, Key: []byte("k1"), Value: original.value, Time: time.UnixMilli(1700000000123).UTC(),
		Headers: []headrace.Header{
			{Key: "trace", Value: []byte("abc")},
			{Key: "null", Value: nil},
			{Key: HeaderTopic, Value: []byte("t")},
			{Key: HeaderPartition, Value: []byte("3")},
			{Key: HeaderOffset, Value: []byte("0")},
			{Key: HeaderGroup, Value: []byte("g")},
			{Key: HeaderMessage, Value: []byte("broken")},
			{Key: HeaderDeliveryCount, Value: []byte("2")},
			{Key: HeaderKind, Value: []byte("handler")},
			{Key: HeaderEvent, Value: []byte("test.Ping")},
			{Key: HeaderSchema, Value: []byte("schema id 1")},
			{Key: HeaderTime, Value: []byte(header(got, HeaderTime))},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if s := j.Stats(); s.DeadLettered != 1 || s.Failed != 2 || s.Handled != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestDeadLetterOfNullsAndOfAPanic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, true)
	w.put("t", 0, rec{}, rec{value: []byte{}}, rec{key: "k", value: pingValue(1, "")})
	cfg := w.config("t")
	cfg.Policy = Policy{Attempts: 1, DeadLetter: true}
	cfg.Unhandled = UnhandledDeadLetter
	j := w.start(cfg, On(func(context.Context, ping) error { panic(strings.Repeat("é", maxMessage)) }))
	eventually(t, "events acknowledged", func() bool { return w.committed("t", 0) == 3 })
	j.stop()
	dead := w.read("t.g.dead")
	if len(dead) != 3 {
		t.Fatalf("%d dead letters", len(dead))
	}
	if dead[0].Key != nil || dead[0].Value != nil || header(dead[0], HeaderKind) != "unhandled" {
		t.Errorf("tombstone became %+v", dead[0])
	}
	if dead[1].Value == nil || len(dead[1].Value) != 0 || header(dead[1], HeaderKind) != "decode" {
		t.Errorf("empty value became %+v", dead[1])
	}
	message, stack := header(dead[2], HeaderMessage), header(dead[2], HeaderStack)
	if len(message) > maxMessage || !utf8.ValidString(message) || header(dead[2], HeaderKind) != "panic" || !strings.Contains(stack, "goroutine") || len(stack) > maxStack {
		t.Errorf("panic became message of %d bytes, kind %s, stack of %d bytes", len(message), header(dead[2], HeaderKind), len(stack))
	}
}

// TestDeadLetterPartitionFollowsTheKeyWhenCountsDiffer has a dead-letter topic with fewer partitions than the topic.
func TestDeadLetterPartitionFollowsTheKeyWhenCountsDiffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 4, false)
	if err := w.kafka.CreateTopic("t.g.dead", 2, nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.put("t", 3, rec{key: "k", value: []byte{9}})
	}
	cfg := w.config("t")
	cfg.Policy.DeadLetter = true
	j := w.start(cfg, On(new(sink).handle))
	eventually(t, "acknowledged", func() bool { return w.committed("t", 3) == 3 })
	j.stop()
	dead := w.read("t.g.dead")
	if len(dead) != 3 || dead[0].Partition != dead[1].Partition || dead[1].Partition != dead[2].Partition {
		t.Errorf("dead letters of one key: %+v", dead)
	}
}

// poison is every way to spoil a value that names a schema.
func poison() map[string][]byte {
	good := pingValue(300, "twelve bytes")
	spoiled := map[string][]byte{
		"empty":           {},
		"magic byte":      append([]byte{7}, good[1:]...),
		"negative id":     append([]byte{0, 0xff, 0xff, 0xff, 0xff}, good[5:]...),
		"unknown id":      schema.AppendID(nil, ghostID),
		"no schema":       append(schema.AppendID(nil, badID), good[5:]...),
		"trailing byte":   append(slices.Clone(good), 0),
		"bad utf-8":       append(schema.AppendID(nil, pingID), 2, 2, 0xff),
		"string too long": append(schema.AppendID(nil, pingID), 2, 0xfe, 0xff, 0xff, 0xff, 0x0f),
	}
	for n := range len(good) {
		if n > 0 {
			spoiled[fmt.Sprintf("cut to %d bytes", n)] = good[:n]
		}
	}
	return spoiled
}

// TestPoisonIsDeadLetteredOnceAndTheRestIsHandled is row 30 of the fault matrix.
func TestPoisonIsDeadLetteredOnceAndTheRestIsHandled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, true)
	want := map[string]bool{}
	n := int64(0)
	for name, value := range poison() {
		w.put("t", 0, rec{key: name, value: value}, rec{key: "good", value: pingValue(n, "w")})
		want[name] = true
		n++
	}
	cfg := w.config("t")
	cfg.Policy.DeadLetter = true
	var got sink
	j := w.start(cfg, On(got.handle))
	eventually(t, "all acknowledged", func() bool { return w.committed("t", 0) == 2*n })
	j.stop()

	if got.len() != int(n) {
		t.Errorf("%d good events handled, want %d", got.len(), n)
	}
	for _, dead := range w.read("t.g.dead") {
		name := string(dead.Key)
		if !want[name] {
			t.Errorf("dead letter %q is twice, or should not be", name)
		}
		delete(want, name)
		if !slices.Equal(dead.Value, poison()[name]) || header(dead, HeaderKind) != "decode" || header(dead, HeaderMessage) == "" || header(dead, HeaderDeliveryCount) != "0" {
			t.Errorf("%s: dead letter %+v", name, dead)
		}
	}
	if len(want) > 0 {
		t.Errorf("not dead-lettered: %v", want)
	}
}

func TestPoisonWithoutDeadLetterStopsTheWorker(t *testing.T) {
	t.Parallel()
	for name, value := range map[string][]byte{"magic": {9, 1}, "unknown id": schema.AppendID(nil, ghostID), "cut": pingValue(300, "twelve")[:9]} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			w.put("t", 0, rec{value: pingValue(1, "w")}, rec{value: value})
			failure := asError[*DecodeError](t, w.start(w.config("t"), On(new(sink).handle)).wait())
			if failure.Location != (headrace.Location{Topic: "t", Partition: 0, Offset: 1}) {
				t.Errorf("got %+v", failure)
			}
			if at := w.committed("t", 0); at != 1 {
				t.Errorf("committed %d", at)
			}
		})
	}
}

func TestUnhandledEvents(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		value []byte
		event string
	}{
		{"of another type", encoded(pongID, pong{OK: true}), "test.Pong"},
		{"tombstone", nil, ""},
	} {
		setup := func(t *testing.T, u Unhandled, dead bool) (*world, *sink, *job) {
			w := newWorld(t)
			w.topic("t", 1, dead)
			w.put("t", 0, rec{key: "a", value: tc.value}, rec{value: pingValue(1, "w")})
			cfg := w.config("t")
			cfg.Unhandled = u
			var got sink
			return w, &got, w.start(cfg, On(got.handle))
		}
		t.Run(tc.name+" stop the worker", func(t *testing.T) {
			t.Parallel()
			w, _, j := setup(t, UnhandledStop, false)
			failure := asError[*UnhandledError](t, j.wait())
			if failure.Location != (headrace.Location{Topic: "t", Partition: 0, Offset: 0}) || failure.Event != tc.event {
				t.Errorf("got %+v", failure)
			}
			if at := w.committed("t", 0); at > 0 {
				t.Errorf("committed %d", at)
			}
		})
		t.Run(tc.name+" are skipped and counted", func(t *testing.T) {
			t.Parallel()
			w, got, j := setup(t, UnhandledSkip, false)
			eventually(t, "acknowledged", func() bool { return w.committed("t", 0) == 2 })
			j.stop()
			if s := j.Stats(); s.Skipped != 1 || s.Handled != 1 || got.len() != 1 {
				t.Errorf("stats %+v", s)
			}
		})
		t.Run(tc.name+" are dead-lettered", func(t *testing.T) {
			t.Parallel()
			w, _, j := setup(t, UnhandledDeadLetter, true)
			eventually(t, "acknowledged", func() bool { return w.committed("t", 0) == 2 })
			j.stop()
			dead := w.read("t.g.dead")
			if len(dead) != 1 || !cmp.Equal(dead[0].Value, tc.value, cmpopts.EquateEmpty()) || header(dead[0], HeaderKind) != "unhandled" || header(dead[0], HeaderEvent) != tc.event {
				t.Errorf("dead letters %+v", dead)
			}
		})
	}
}

// TestValuesOfOtherProgramsAreSkippedByPolicy has values that are no events, damaged ones and not.
func TestValuesOfOtherProgramsAreSkippedByPolicy(t *testing.T) {
	t.Parallel()
	for unhandled, skipped := range map[Unhandled]int64{UnhandledSkip: 1, UnhandledSkipForeign: 3} {
		w := newWorld(t)
		w.topic("t", 1, true)
		w.put("t", 0, rec{value: []byte(`{"json": true}`)}, rec{value: []byte{}}, rec{value: encoded(pongID, pong{})},
			rec{value: pingValue(1, "x")[:3]}, rec{value: pingValue(2, "x")})
		cfg := w.config("t")
		cfg.Unhandled, cfg.Policy.DeadLetter = unhandled, true
		j := w.start(cfg, On(new(sink).handle))
		eventually(t, "acknowledged", func() bool { return w.committed("t", 0) == 5 })
		j.stop()
		if s := j.Stats(); s.Skipped != skipped || s.DeadLettered != 4-skipped || s.Handled != 1 {
			t.Errorf("Unhandled %d: stats %+v", unhandled, s)
		}
	}
}

func TestTombstoneHandler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.put("t", 0, rec{key: "gone"}, rec{key: "there", value: pingValue(1, "w")})
	keys := make(chan string, 1)
	var got sink
	j := w.start(w.config("t"), On(got.handle), OnTombstone(func(ctx context.Context, key string) error {
		if info := InfoFrom(ctx); info.Key != key || info.Event != "" {
			t.Errorf("info %+v", info)
		}
		keys <- key
		return nil
	}))
	eventually(t, "acknowledged", func() bool { return w.committed("t", 0) == 2 })
	j.stop()
	if key := <-keys; key != "gone" || got.len() != 1 {
		t.Errorf("tombstone of %q, %d events", key, got.len())
	}
}

// TestEventWaitsWhileItsDeadLetterCannotBeWritten is row 37 of the fault matrix.
func TestEventWaitsWhileItsDeadLetterCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, true)
	w.put("t", 0, rec{value: []byte{9}}, rec{value: pingValue(1, "w")})
	w.put("t", 1, rec{value: pingValue(2, "w")})
	var refusing atomic.Bool
	refusing.Store(true)
	w.kafka.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		if !refusing.Load() {
			return nil, nil, false
		}
		answer := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			at := kmsg.NewProduceResponseTopic()
			at.Topic, at.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				sp := kmsg.NewProduceResponseTopicPartition()
				sp.Partition, sp.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
				at.Partitions = append(at.Partitions, sp)
			}
			answer.Topics = append(answer.Topics, at)
		}
		return answer, nil, true
	})
	cfg := w.config("t")
	cfg.Policy.DeadLetter = true
	var got sink
	j := w.start(cfg, On(got.handle))
	eventually(t, "the other partition handled, and two refused dead letters", func() bool {
		return w.committed("t", 1) == 1 && w.logs.FilterMessageSnippet("copy of the event is not written").Len() >= 2
	})
	if at := w.committed("t", 0); at > 0 {
		t.Errorf("committed %d before the dead letter was written", at)
	}
	refusing.Store(false)
	eventually(t, "acknowledged", func() bool { return w.committed("t", 0) == 2 })
	j.stop()
	if dead := w.read("t.g.dead"); len(dead) != 1 || got.len() != 2 {
		t.Errorf("%d dead letters, %d events handled", len(dead), got.len())
	}
}

// TestRegistryOutageIsWaitedOut is row 33 of the fault matrix: what is known goes on, what is not waits, nothing dies.
func TestRegistryOutageIsWaitedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, true)
	w.pings("t", 0, 0, 3)
	cfg := w.config("t")
	cfg.Registry = w.asking(100 * time.Millisecond)
	cfg.Policy.DeadLetter = true
	var got sink
	pongs := make(chan pong, 1)
	j := w.start(cfg, On(got.handle), On(func(_ context.Context, p pong) error { pongs <- p; return nil }))
	eventually(t, "the first events", func() bool { return got.len() == 3 })
	w.down.Store(true)
	w.pings("t", 0, 3, 3)
	w.put("t", 1, rec{value: encoded(pongID, pong{OK: true})})
	eventually(t, "events of a known schema, and waiting for the unknown one", func() bool {
		return got.len() == 6 && w.logs.FilterMessageSnippet("waits for an outage").Len() >= 1
	})
	if at := w.committed("t", 1); at > 0 {
		t.Errorf("committed %d", at)
	}
	w.down.Store(false)
	eventually(t, "acknowledged", func() bool { return w.committed("t", 1) == 1 })
	j.stop()
	if p := <-pongs; !p.OK {
		t.Error("wrong event")
	}
	if dead := w.read("t.g.dead"); len(dead) != 0 || j.Stats().Failed != 0 {
		t.Errorf("dead letters %v, stats %+v", dead, j.Stats())
	}
}

func TestPermanentOfNilIsNil(t *testing.T) {
	t.Parallel()
	if err := Permanent(nil); err != nil {
		t.Error(err)
	}
	if err := Permanent(errBroken); !errors.Is(err, errBroken) || err.Error() != "broken" {
		t.Error(err)
	}
}

// TestUnknownIdsAreAskedForOnce is row 35: a registry is not asked again for each event with the same unknown id.
func TestUnknownIdsAreAskedForOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, true)
	var recs []rec
	for range 200 {
		recs = append(recs, rec{value: binary.BigEndian.AppendUint32([]byte{0}, ghostID)})
	}
	w.put("t", 0, recs...)
	cfg := w.config("t")
	cfg.Policy.DeadLetter = true
	j := w.start(cfg, On(new(sink).handle))
	eventually(t, "acknowledged", func() bool { return w.committed("t", 0) == 200 })
	j.stop()
	if calls := w.calls.Load(); calls > 3 {
		t.Errorf("registry was asked %d times", calls)
	}
}
