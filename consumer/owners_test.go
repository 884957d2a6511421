package consumer

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// TestOutagesAreNoDeaths has an event in hand whenever the session of its worker is lost, more often than its policy has attempts: alone, or
// with another worker in the group, to which the partition may go. Nobody dies, and nothing is suspected.
func TestOutagesAreNoDeaths(t *testing.T) {
	t.Parallel()
	const outages = 8
	for name, cause := range map[string]*kerr.Error{
		"the generation is over":      kerr.IllegalGeneration,
		"the coordinator has expired": kerr.UnknownMemberID,
	} {
		for _, workers := range []int{1, 2} {
			t.Run(name+", "+strconv.Itoa(workers)+" workers", func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.topic("t", 1, true)
				w.unkeyed(0, 3)
				cfg := w.config("t")
				cfg.Concurrency = 4
				cfg.Policy = Policy{Attempts: 2, DeadLetter: true}
				cfg.Tuning.RebalanceTimeout, cfg.Tuning.DrainTimeout = cfg.Tuning.SessionTimeout, 100*time.Millisecond
				if cause == kerr.UnknownMemberID { // its place stays until then
					cfg.Tuning.SessionTimeout, cfg.Tuning.RebalanceTimeout = time.Second, time.Second
				}
				var hand atomic.Int64
				release := make(chan struct{})
				handle := func(ctx context.Context, _ ping) error {
					hand.Add(1)
					defer hand.Add(-1)
					select {
					case <-release:
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				var jobs []*job
				for range workers {
					jobs = append(jobs, w.start(cfg, On(handle)))
				}
				lost := func() (n int64) {
					for _, j := range jobs {
						n += j.Stats().Lost
					}
					return n
				}
				given := func() int64 {
					return int64(w.logs.FilterMessage("joined group").FilterField(zap.Int("added", 1)).Len())
				}
				for i := range int64(outages) {
					eventually(t, "the partition is given again, its events in hand, and told", func() bool {
						return given() > i && hand.Load() > 0 && w.note().Mark.Working
					})
					fault := w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: cause, Count: -1})
					eventually(t, "the partition is lost", func() bool { return lost() > i })
					fault.Remove()
				}
				eventually(t, "events in hand again", func() bool { return hand.Load() > 0 })
				close(release)
				eventually(t, "all handled", func() bool { return w.committed("t", 0) == 3 })
				for _, j := range jobs {
					j.stop()
				}
				if n := w.logs.FilterMessageSnippet("died").Len(); n > 0 {
					t.Errorf("%d times a worker is said to have died", n)
				}
				if dead := w.read(DeadLetterTopic("t", "g")); len(dead) > 0 {
					t.Errorf("dead letters %+v", dead)
				}
			})
		}
	}
}

// A group of KIP-848 does not pass on what members of the classic protocol said when they joined. Of its workers one knows only itself, and
// asks no more: another whose mark it finds counts as dead.
func TestAWorkerInAGroupOfKIP848KnowsOnlyItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var stable atomic.Bool
	w.kafka.ControlKey(int16(kmsg.ConsumerGroupDescribe), func(request kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		state := "Assigning"
		if stable.Load() {
			state = "Stable"
		}
		response := request.ResponseKind().(*kmsg.ConsumerGroupDescribeResponse)
		response.Groups = []kmsg.ConsumerGroupDescribeResponseGroup{{Group: "g", State: state, Members: []kmsg.ConsumerGroupDescribeResponseGroupMember{{MemberID: "other"}}}}
		return response, nil, true
	})
	w.kafka.ControlKey(int16(kmsg.DescribeGroups), func(request kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		response := request.ResponseKind().(*kmsg.DescribeGroupsResponse)
		response.Groups = []kmsg.DescribeGroupsResponseGroup{{Group: "g", State: "Dead", ErrorCode: kerr.GroupIDNotFound.Code}}
		return response, nil, true
	})
	e := &engine{client: w.client, cfg: w.config("t"), id: 7}
	if members, err := e.members(t.Context()); !errors.Is(err, errRebalancing) {
		t.Errorf("while the group assigns partitions its members are %v, error %v", members, err)
	}
	stable.Store(true)
	members, err := e.members(t.Context())
	if want := map[uint64]bool{7: true}; err != nil || !maps.Equal(members, want) {
		t.Errorf("members are %v, error %v, want %v", members, err, want)
	}
}
