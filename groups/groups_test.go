package groups_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/internal/devserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a broker with ten events in each of two partitions of the topic orders.
type world struct {
	t       *testing.T
	cluster headrace.Cluster
}

func start(t *testing.T) world {
	t.Helper()
	server, err := devserver.Start(devserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Broker().CreateTopic("orders", 2, nil); err != nil {
		t.Fatal(err)
	}
	w := world{t, headrace.Cluster{Brokers: []string{server.KafkaAddr}}}
	client := w.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for i := range 20 {
		record := &kgo.Record{Topic: "orders", Partition: int32(i % 2), Value: []byte("x")}
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w world) client(opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(w.cluster.Brokers...))...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return client
}

// join puts a member into a group, which commits what it reads: so many events; leave takes it out again.
func (w world) join(group string, events int) (leave func()) {
	w.t.Helper()
	client := w.client(kgo.ConsumerGroup(group), kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit(), kgo.ClientID("shop"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for read := 0; read < events; {
		read += client.PollFetches(w.t.Context()).NumRecords()
		if err := w.t.Context().Err(); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := client.CommitUncommittedOffsets(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return client.Close
}

func (w world) describe(group string) groups.Group {
	w.t.Helper()
	described, err := groups.Describe(w.t.Context(), w.cluster, group)
	if err != nil {
		w.t.Fatal(err)
	}
	return described
}

func (w world) plan(group string, targets ...groups.Target) groups.Seek {
	w.t.Helper()
	seek, err := groups.PlanSeek(w.t.Context(), w.cluster, group, targets...)
	if err != nil {
		w.t.Fatal(err)
	}
	return seek
}

func (w world) apply(seek groups.Seek) {
	w.t.Helper()
	if err := groups.Apply(w.t.Context(), w.cluster, seek); err != nil {
		w.t.Fatal(err)
	}
}

func TestLiveGroupIsDescribedWithItsMembersAndIsNotMoved(t *testing.T) {
	t.Parallel()
	w := start(t)
	leave := w.join("delays", 20)

	live := w.describe("delays")
	if live.State != "Stable" || live.Protocol != "cooperative-sticky" || len(live.Members) != 1 {
		t.Fatalf("described as %+v", live)
	}
	member := live.Members[0]
	if member.ClientID != "shop" || member.Partitions != 2 {
		t.Errorf("member %+v", member)
	}
	want := []groups.Partition{
		{Topic: "orders", ID: 0, Committed: 10, End: 10, Member: member.ID},
		{Topic: "orders", ID: 1, Committed: 10, End: 10, Member: member.ID},
	}
	if diff := cmp.Diff(want, live.Partitions, cmpopts.IgnoreFields(groups.Partition{}, "Metadata")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var refused *groups.LiveError
	_, err := groups.PlanSeek(t.Context(), w.cluster, "delays", groups.Target{Topic: "orders"})
	if !errors.As(err, &refused) || len(refused.Members) != 1 || !strings.Contains(err.Error(), member.ID) {
		t.Errorf("seek of a live group: %v", err)
	}

	leave()
	if idle := w.describe("delays"); idle.State != "Empty" || len(idle.Members) != 0 || len(idle.Partitions) != 2 {
		t.Errorf("after the member left: %+v", idle)
	}
	listed, err := groups.List(t.Context(), w.cluster)
	if err != nil || len(listed) != 1 || listed[0].Name != "delays" || listed[0].State != "Empty" {
		t.Errorf("listed %+v, %v", listed, err)
	}
}

func TestSeekMovesBackAndForthAndLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.join("delays", 20)()

	back := w.plan("delays", groups.Target{Topic: "orders", Partition: 1, Offset: 4}, groups.Target{Topic: "orders", Partition: 0, Offset: 10})
	want := groups.Seek{Group: "delays", Moves: []groups.Move{{Topic: "orders", Partition: 1, From: 10, To: 4, End: 10}}}
	if diff := cmp.Diff(want, ignoreRewrites(back)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if at := w.describe("delays").Partitions[1].Committed; at != 10 {
		t.Fatalf("planning has moved the group to %d", at)
	}
	w.apply(back)
	moved := w.describe("delays").Partitions
	if moved[0].Committed != 10 || moved[1].Committed != 4 || moved[1].Lag() != 6 {
		t.Errorf("moved to %+v", moved)
	}
	w.apply(w.plan("delays", groups.Target{Topic: "orders", Partition: 1, Offset: 10}))
	if at := w.describe("delays").Partitions[1].Committed; at != 10 {
		t.Errorf("moved forth to %d", at)
	}
}

// ignoreRewrites drops the moves that keep an offset and only clear what kgo wrote beside it.
func ignoreRewrites(seek groups.Seek) groups.Seek {
	kept := groups.Seek{Group: seek.Group}
	for _, m := range seek.Moves {
		if m.From != m.To {
			kept.Moves = append(kept.Moves, m)
		}
	}
	return kept
}

func TestSeekThatWasOvertakenIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.join("delays", 20)()
	seek := w.plan("delays", groups.Target{Topic: "orders", Offset: 3})
	w.apply(w.plan("delays", groups.Target{Topic: "orders", Offset: 7}))
	var changed *groups.ChangedError
	if err := groups.Apply(t.Context(), w.cluster, seek); !errors.As(err, &changed) || changed.Planned != 10 || changed.Now != 7 {
		t.Errorf("applied over another's change: %v", err)
	}
	if at := w.describe("delays").Partitions[0].Committed; at != 7 {
		t.Errorf("the refused seek moved the group to %d", at)
	}
	leave := w.join("delays", 3)
	defer leave()
	var live *groups.LiveError
	if err := groups.Apply(t.Context(), w.cluster, seek); !errors.As(err, &live) {
		t.Errorf("applied to a live group: %v", err)
	}
}

func TestSeekNamesEveryTargetOutsideOfItsLog(t *testing.T) {
	t.Parallel()
	w := start(t)
	_, err := groups.PlanSeek(t.Context(), w.cluster, "new",
		groups.Target{Topic: "orders", Partition: 0, Offset: 11}, groups.Target{Topic: "orders", Partition: 1, Offset: -1})
	var outside *groups.RangeError
	if !errors.As(err, &outside) || outside.End != 10 {
		t.Fatalf("planned outside of the log: %v", err)
	}
	for _, text := range []string{"topic orders partition 0: offset 11", "topic orders partition 1: offset -1", "from 0 to 10"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q lacks %q", err, text)
		}
	}
}

func TestGroupThatDoesNotExist(t *testing.T) {
	t.Parallel()
	w := start(t)
	var missing *groups.NotFoundError
	if _, err := groups.Describe(t.Context(), w.cluster, "nobody"); !errors.As(err, &missing) || missing.Group != "nobody" {
		t.Errorf("described nobody: %v", err)
	}
	// It may be given offsets before its first worker starts.
	w.apply(w.plan("nobody", groups.Target{Topic: "orders", Partition: 1, Offset: 2}))
	if at := w.describe("nobody").Partitions; len(at) != 1 || at[0].Committed != 2 {
		t.Errorf("offsets of a new group: %+v", at)
	}
}

func TestLagCountsFromWhatTheLogStillHolds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		committed, start, end, want int64
	}{
		{groups.None, 5, 12, 7},
		{3, 5, 12, 7},
		{9, 5, 12, 3},
		{12, 5, 12, 0},
		{20, 5, 12, 0}, // the log was made anew
	} {
		p := groups.Partition{Committed: c.committed, Start: c.start, End: c.end}
		if got := p.Lag(); got != c.want {
			t.Errorf("%+v: lag %d, want %d", p, got, c.want)
		}
	}
}

func TestNobodyAnswersInTime(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() //nolint:errcheck // nothing depends on it
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	cluster := headrace.Cluster{Brokers: []string{silent.Addr().String()}}
	if _, err := groups.List(ctx, cluster); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("list: %v", err)
	}
	if err := groups.Apply(ctx, cluster, groups.Seek{Group: "delays"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("apply: %v", err)
	}
}
