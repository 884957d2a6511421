package replay_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/replay"
)

// rewindTo plans to move the group mail back to an offset, and then lets something happen.
func (s *shop) rewindTo(from string, then func()) (replay.Plan, groups.Seek, error) {
	s.t.Helper()
	r := s.request(from, "")
	r.Target = replay.Target{Rewind: "mail"}
	p := s.make(r)
	then()
	seek, err := replay.Rewind(s.t.Context(), s.cluster, p, replay.Auditing{Off: true})
	return p, seek, err
}

// committed is what the group mail has committed of orders.
func (s *shop) committed() (offsets []int64) {
	s.t.Helper()
	group, err := groups.Describe(s.t.Context(), s.cluster, "mail")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range group.Partitions {
		offsets = append(offsets, p.Committed)
	}
	return offsets
}

func TestGroupIsMovedBackAndNeverForth(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.commit("mail", 3)
	p, seek, err := s.rewindTo("1", func() {})
	if err != nil {
		t.Fatal(err)
	}
	if p.Spans[0].Committed != 3 || len(seek.Moves) != 2 || !cmp.Equal(s.committed(), []int64{1, 1}) {
		t.Errorf("planned %+v, moved %+v to %v", p.Spans, seek, s.committed())
	}
	if _, err := replay.Rewind(t.Context(), s.cluster, p, replay.Auditing{Off: true}); !isStale(err, replay.CommitMoved, "orders", 0) {
		t.Errorf("applied twice: %v", err)
	}
	p, seek, err = s.rewindTo("4", func() {})
	if err != nil || len(seek.Moves) != 0 || !cmp.Equal(s.committed(), []int64{1, 1}) {
		t.Errorf("moved forth: %+v, %v", seek, err)
	}
	wantRisk(t, p, "group mail has not gone beyond the beginning of any span")
}

func TestRewindOfALiveOrMovedGroupIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.commit("mail", 3)
	_, _, err := s.rewindTo("1", func() { s.commit("mail", 4) })
	if !isStale(err, replay.CommitMoved, "orders", 1) || !strings.Contains(err.Error(), "topic orders partition 1: commit moved") {
		t.Errorf("after another commit: %v", err)
	}
	_, _, err = s.rewindTo("1", func() { s.commit("mail", 1) })
	if !isStale(err, replay.CommitMoved, "orders", 1) {
		t.Errorf("moved there by another: %v", err)
	}
	s.commit("mail", 4)
	_, _, err = s.rewindTo("1", func() {
		reader, err := kgo.NewClient(kgo.SeedBrokers(s.server.KafkaAddr), kgo.ConsumerGroup("mail"), kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(reader.Close)
		if err := s.server.AwaitGroup(t.Context(), "mail", 1, nil); err != nil {
			t.Fatal(err)
		}
	})
	if _, live := errors.AsType[*groups.LiveError](err); !live {
		t.Errorf("of a live group: %v", err)
	}
	if !cmp.Equal(s.committed(), []int64{4, 4}) {
		t.Errorf("a refused rewind has moved the group to %v", s.committed())
	}
}

// isStale reports whether a plan was refused because of a change, there.
func isStale(err error, change replay.Change, topic string, partition int32) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return false
	}
	for _, one := range joined.Unwrap() {
		if stale, ok := errors.AsType[*replay.StaleError](one); ok && stale.Change == change && stale.Topic == topic && stale.Partition == partition {
			return true
		}
	}
	return false
}

func TestPlanThatTheWorldHasOvertakenIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change    replay.Change
		partition int32
		then      func(*shop) error
	}{
		{replay.TopicGone, -1, func(s *shop) error { return s.server.Broker().DeleteTopic("orders") }},
		{replay.TopicRecreated, -1, func(s *shop) error {
			defer s.topic("orders", 2)
			return s.server.Broker().DeleteTopic("orders")
		}},
		{replay.LogTrimmed, 1, func(s *shop) error { return s.server.Broker().DeleteRecords("orders", 1, 2) }},
		{"", 0, func(s *shop) error { s.put(0, 9, nil); return nil }},
		{"", 0, func(s *shop) error { return s.server.Broker().DeleteRecords("orders", 1, 1) }},
	} {
		t.Run(string(c.change), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.commit("mail", 3)
			_, _, err := s.rewindTo("1", func() {
				if err := c.then(s); err != nil {
					t.Fatal(err)
				}
			})
			if c.change == "" && err != nil || c.change != "" && !isStale(err, c.change, "orders", c.partition) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPlanOfAnotherClusterOrSizeIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.commit("mail", 3)
	r := s.request("1", "")
	r.Target = replay.Target{Rewind: "mail"}
	for _, c := range []struct {
		change    replay.Change
		topic     string
		partition int32
		edit      func(*replay.Plan)
	}{
		{replay.ClusterChanged, "", -1, func(p *replay.Plan) { p.Source.ClusterID = "other" }},
		{replay.TopicGrown, "orders", -1, func(p *replay.Plan) { p.Topics[0].Partitions, p.Spans = 1, p.Spans[:1] }},
		{replay.TopicShrunk, "orders", -1, func(p *replay.Plan) { p.Topics[0].Partitions = 3 }},
		{replay.LogCut, "orders", 0, func(p *replay.Plan) { p.Spans[0].To, p.Spans[0].LogEnd = 9, 9 }},
	} {
		p := s.make(r)
		c.edit(&p)
		if _, err := replay.Rewind(t.Context(), s.cluster, p, replay.Auditing{Off: true}); !isStale(err, c.change, c.topic, c.partition) {
			t.Errorf("%s: %v", c.change, err)
		}
	}
	if _, err := replay.Rewind(t.Context(), s.cluster, s.make(s.request("", "")), replay.Auditing{Off: true}); err == nil {
		t.Error("a plan for handlers moves a group")
	}
	if !cmp.Equal(s.committed(), []int64{3, 3}) {
		t.Errorf("a refused plan has moved the group to %v", s.committed())
	}
}
