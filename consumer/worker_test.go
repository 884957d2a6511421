package consumer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema"
)

func TestWorkerHandlesInOrderCommitsAndLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, false)
	w.pings("t", 0, 0, 10)
	w.pings("t", 1, 100, 5)

	var got sink
	j := w.start(w.config("t"), On(got.handle))
	w.pings("t", 0, 10, 10)
	eventually(t, "25 events handled", func() bool { return got.len() == 25 })
	j.stop()

	next := map[int32]int64{0: 0, 1: 0}
	for i, info := range got.seen {
		if info.Offset != next[info.Partition] {
			t.Fatalf("event %d of partition %d has offset %d, want %d", i, info.Partition, info.Offset, next[info.Partition])
		}
		next[info.Partition]++
		if want := info.Offset + 100*int64(info.Partition); got.ns[i] != want {
			t.Errorf("offset %d of partition %d decoded to %d, want %d", info.Offset, info.Partition, got.ns[i], want)
		}
	}
	if a, b := w.committed("t", 0), w.committed("t", 1); a != 20 || b != 5 {
		t.Errorf("committed %d and %d, want 20 and 5", a, b)
	}
	groups, err := w.client.DescribeGroups(t.Context(), "g")
	if err != nil || len(groups[0].Members) != 0 {
		t.Errorf("group still has members %v, %v", groups[0].Members, err)
	}
	stats := j.Stats()
	if stats.Handled != 25 || stats.Failed != 0 || stats.Commits == 0 || stats.Rebalances == 0 || stats.FetchedBytes == 0 {
		t.Errorf("stats %+v", stats)
	}
}

func TestInfoTellsEverythingAndIsTheHandlersOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	headers := []headrace.Header{{Key: "a", Value: []byte("1")}, {Key: "null"}, {Key: "a", Value: []byte{}}}
	w.put("t", 0, rec{key: "k1", value: pingValue(1, "x"), headers: headers, at: 1700000000123}, rec{value: pingValue(2, "y"), at: 5})

	infos := make(chan Info, 2)
	var kept context.Context
	w.start(w.config("t"), On(func(ctx context.Context, p ping) error {
		info := InfoFrom(context.WithoutCancel(ctx)) // also through contexts made from it
		if p.N == 1 {
			kept = ctx
		} else if late := InfoFrom(kept); late.Topic != "" {
			t.Errorf("a context of an event that is done tells of %+v", late)
		}
		infos <- info
		return nil
	}))
	want := []Info{
		{
			Topic: "t", Offset: 0, Key: "k1", Time: time.UnixMilli(1700000000123).UTC(), Event: "test.Ping", Schema: schema.RefID(pingID), Attempt: 1, Group: "g",
			Headers: []headrace.Header{{Key: "a", Value: []byte("1")}, {Key: "null", Value: nil}, {Key: "a", Value: []byte{}}},
		},
		{Topic: "t", Offset: 1, NullKey: true, Time: time.UnixMilli(5).UTC(), Event: "test.Ping", Schema: schema.RefID(pingID), Attempt: 1, Group: "g"},
	}
	for _, want := range want {
		select {
		case got := <-infos:
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		case <-time.After(patience):
			t.Fatal("event did not come")
		}
	}
	if info := InfoFrom(context.Background()); info.Topic != "" {
		t.Errorf("info outside of a handler: %+v", info)
	}
}

func TestRunOnlyOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	j := w.start(w.config("t"), On(new(sink).handle))
	j.stop()
	if err := j.Run(t.Context()); !errors.Is(err, ErrRunTwice) {
		t.Errorf("second run: %v", err)
	}
}

func TestNewReportsEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		Topics: []string{"a", "a", ""},
		Policy: Policy{Attempts: -1, Backoff: Backoff{Multiplier: 0.5}},
		Tuning: Tuning{HeartbeatInterval: time.Minute, DrainTimeout: time.Hour, RebalanceTimeout: time.Minute},
	}, On[ping](nil), On(new(sink).handle), On(new(sink).handle).With(Policy{Timeout: -1}))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"Brokers", "Config.Registry", "Config.Group", "Config.Topics has a twice", "empty name", "Config.Policy.Attempts -1", "Config.Policy.Backoff.Multiplier",
		"Tuning.HeartbeatInterval 1m0s", "Tuning.DrainTimeout 1h0m0s", "handler 1 has no function", "handler of test.Ping is given twice",
		"handler of test.Ping: Policy.Timeout",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
}

func TestRunFailsAtOnceWithoutWhatItNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 3, false)

	cfg := w.config("t", "absent")
	cfg.Policy.DeadLetter = true
	err := w.start(cfg, On(new(sink).handle)).wait()
	for _, want := range []string{
		"topic absent does not exist",
		"dead-letter topic t.g.dead does not exist: create it with `headrace topics create t.g.dead --partitions 3 ",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}
	if missing := asError[*MissingTopicError](t, err); missing.Topic == "" {
		t.Errorf("got %+v", missing)
	}

	cfg = w.config("t")
	cfg.Cluster.Brokers = []string{webServer(t)}
	if err := w.start(cfg, On(new(sink).handle)).wait(); err == nil || !strings.Contains(err.Error(), "web server") {
		t.Errorf("no broker: %v", err)
	}
}
