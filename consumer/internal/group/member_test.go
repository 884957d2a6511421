package group

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/internal/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// owner is what a member tells.
type owner struct {
	*Member
	mu     sync.Mutex
	owned  []assign.Partition
	member kafka.Member
	rounds int
	cancel context.CancelFunc
	done   chan error
}

func (o *owner) partitions() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.owned)
}

func (o *owner) identity() kafka.Member {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.member
}

func newBroker(t *testing.T) (*kfake.Cluster, *kafka.Client) {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "t"), kfake.GroupMinSessionTimeout(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client, err := kafka.Open(headrace.Cluster{Brokers: broker.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return broker, client
}

func join(t *testing.T, client *kafka.Client) *owner {
	t.Helper()
	o := &owner{done: make(chan error, 1)}
	change := func(do func()) {
		o.mu.Lock()
		defer o.mu.Unlock()
		do()
	}
	o.Member = New(Config{
		Client: client, Logger: zap.NewNop(), Group: "g", Topics: []string{"t"},
		SessionTimeout: 10 * time.Second, HeartbeatInterval: 10 * time.Millisecond, RebalanceTimeout: 20 * time.Second, MetadataInterval: time.Hour,
		Hooks: Hooks{
			Identified: func(m kafka.Member) { change(func() { o.member = m }) },
			Assigned: func(ps []assign.Partition) {
				change(func() {
					o.owned = append(o.owned, ps...)
					o.rounds++
				})
			},
			Revoked: func(ps []assign.Partition) { change(func() { o.owned = without(o.owned, ps) }) },
			Lost:    func(ps []assign.Partition, _ error) { change(func() { o.owned = without(o.owned, ps) }) },
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel = cancel
	go func() { o.done <- o.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-o.done; err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *owner) leave(t *testing.T) {
	t.Helper()
	o.cancel()
	if err := <-o.done; err != nil {
		t.Error(err)
	}
	o.done <- nil
	if err := o.Leave(context.Background()); err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

func TestMembersShareAndInherit(t *testing.T) {
	t.Parallel()
	_, client := newBroker(t)
	a := join(t, client)
	eventually(t, "a owns all", func() bool { return a.partitions() == 4 })
	b := join(t, client)
	eventually(t, "they share", func() bool { return a.partitions() == 2 && b.partitions() == 2 })
	a.leave(t)
	eventually(t, "b owns all", func() bool { return b.partitions() == 4 })
	b.leave(t)
}

// TestQuitKeepsWhatIsOwnedAndTakesNoMore is what a worker needs to end its work: its commits are accepted while the others wait for it.
func TestQuitKeepsWhatIsOwnedAndTakesNoMore(t *testing.T) {
	t.Parallel()
	broker, client := newBroker(t)
	a := join(t, client)
	eventually(t, "a owns all", func() bool { return a.partitions() == 4 })
	a.Quit()
	b := join(t, client)
	beats := broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Observe: true, Count: -1})
	eventually(t, "heartbeats go on", func() bool { return beats.Hits() > 10 })
	if _, err := client.CommitOffsets(t.Context(), a.identity(), kafka.OffsetCommit{Topic: "t", Partition: 0, Offset: 7}); err != nil {
		t.Errorf("commit refused: %v", err)
	}
	if a.partitions() != 4 || b.partitions() != 0 {
		t.Errorf("a has %d partitions, b has %d", a.partitions(), b.partitions())
	}
	a.leave(t)
	eventually(t, "b owns all", func() bool { return b.partitions() == 4 })
	b.leave(t)
}

// TestIdentityFollowsTheJoin lets the round after a join fail: the coordinator refuses the generation before from the join on.
func TestIdentityFollowsTheJoin(t *testing.T) {
	t.Parallel()
	broker, client := newBroker(t)
	a := join(t, client)
	eventually(t, "a owns all", func() bool { return a.partitions() == 4 })
	before := a.identity().Generation
	syncs := broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.SyncGroup}, Err: kerr.CoordinatorLoadInProgress, Count: 3})
	b := join(t, client)
	eventually(t, "rounds fail", func() bool { return syncs.Hits() == 3 })
	eventually(t, "they share all the same", func() bool { return a.partitions() == 2 && b.partitions() == 2 })
	if now := a.identity().Generation; now <= before {
		t.Errorf("generation %d after %d", now, before)
	}
	a.leave(t)
	b.leave(t)
}

func TestErrorsThatEndMembership(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.GroupAuthorizationFailed, kerr.InvalidSessionTimeout, kerr.GroupMaxSizeReached, kerr.InconsistentGroupProtocol} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			broker, client := newBroker(t)
			broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: code, Count: -1})
			a := join(t, client)
			err := <-a.done
			a.done <- nil
			if got, ok := err.(*kafka.BrokerError); !ok || got.Err != error(code) || got.Group != "g" { //nolint:errorlint // the very error
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	p := func(ids ...int32) []assign.Partition {
		var ps []assign.Partition
		for _, id := range ids {
			ps = append(ps, assign.Partition{Topic: "t", ID: id})
		}
		return ps
	}
	all := p(1, 2, 3)
	if diff := cmp.Diff(p(1, 3), without(all, p(2, 5))); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(all, p(1, 2, 3)) {
		t.Error("the argument was changed")
	}
}
