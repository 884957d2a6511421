package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/internal/kafka"
)

// errMissedRound is the cause of a loss when the group went through a rebalance without this member.
var errMissedRound = errors.New("the group rebalanced without this member")

// stepGrace is how long a step that should not be left half done may go on after the context has ended.
const stepGrace = 2 * time.Second

// join takes part in a rebalance, and returns when the group has a new generation.
func (m *Member) join(ctx context.Context) (joined kafka.JoinedGroup, err error) {
	began := time.Now()
	m.session.doubt() // of one that was answered with an error
	for {
		before := m.identity()
		joined, err = m.joinOnce(ctx, before)
		switch {
		case errors.Is(err, errUnanswered) && ctx.Err() == nil:
			m.cfg.Logger.Info("group coordinator has not completed the rebalance, or its answer was lost: joining again", zap.String("group", m.cfg.Group))
			continue
		case errors.Is(err, kerr.MemberIDRequired) && joined.MemberID != "" && before.MemberID == "":
			m.setIdentity(joined.MemberID, before.Generation)
			if ctx.Err() != nil {
				return joined, ctx.Err()
			}
			continue
		case err != nil:
			return joined, err
		}
		if m.cfg.InstanceID != "" && len(m.owned) > 0 && joined.Generation != before.Generation+1 {
			// A static member stays in the group when it misses a rebalance. What it owned may have been given away in it.
			m.lose(errMissedRound)
		}
		// What is owned was said to be, so no other member is given it in this generation, whatever the assignment will be. The
		// coordinator refuses the generation before from here on.
		m.session.joined(began)
		m.setAlarm()
		m.setIdentity(joined.MemberID, joined.Generation)
		m.cfg.Identified(m.identity())
		return joined, nil
	}
}

// joinOnce sends one JoinGroup and waits for its answer.
func (m *Member) joinOnce(ctx context.Context, as kafka.Member) (joined kafka.JoinedGroup, err error) {
	if as.MemberID == "" && m.cfg.InstanceID == "" {
		// This only asks for a member id. Without its answer there would be nothing to leave the group with, and the coordinator
		// would wait for a member that is not there.
		longer, cancel := outlast(ctx, stepGrace)
		defer cancel()
		ctx = longer
	}
	request := kafka.JoinRequest{
		Group:            m.cfg.Group,
		MemberID:         as.MemberID,
		InstanceID:       m.cfg.InstanceID,
		SessionTimeout:   m.cfg.SessionTimeout,
		RebalanceTimeout: m.cfg.RebalanceTimeout,
		ProtocolType:     "consumer",
		Protocols: []kafka.GroupProtocol{{
			Name: assign.CooperativeSticky,
			Metadata: assign.AppendSubscription(nil, assign.Member{
				Topics: m.cfg.Topics, Owned: m.owned, Generation: m.assigned, Worker: m.cfg.Worker,
			}),
		}},
		Reason: m.reason,
	}
	sent := time.Now()
	m.session.join(sent)
	ask := func(ctx context.Context) (err error) {
		joined, err = m.cfg.Client.JoinGroup(ctx, request)
		return err
	}
	err = m.during(ctx, ask, func(b beat, err error, endSoon func()) error {
		switch {
		case errors.Is(err, kerr.RebalanceInProgress): // others are waited for
			return nil
		case err == nil && b.err == nil && b.member == as && b.sent.After(sent), errors.Is(err, kerr.IllegalGeneration):
			// The rebalance is over, or this coordinator knows nothing of it.
			m.session.doubt()
			endSoon()
			return nil
		case err == nil && b.err != nil: // what keeps heartbeats from the coordinator may have kept the join from it
			m.session.doubt()
			endSoon()
		}
		return err
	})
	return joined, err
}

// sync hands in the assignment when this member leads, and returns its own part of it. counts are the partitions per topic that the
// leader divided, nil for other members.
func (m *Member) sync(ctx context.Context, joined kafka.JoinedGroup) (assigned []assign.Partition, counts map[string]int32, err error) {
	request := kafka.SyncRequest{
		Member:       kafka.Member{Group: m.cfg.Group, MemberID: joined.MemberID, InstanceID: m.cfg.InstanceID, Generation: joined.Generation},
		ProtocolType: "consumer",
		Protocol:     joined.Protocol,
		Timeout:      m.cfg.RebalanceTimeout,
	}
	if joined.IsLeader() {
		members := m.subscriptions(joined)
		err := m.insist(ctx, func(ctx context.Context) (err error) {
			counts, err = m.counts(ctx, members)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		if !joined.SkipAssignment {
			request.Assignments = make(map[string][]byte, len(members))
			for id, partitions := range assign.Cooperative(members, counts) {
				request.Assignments[id] = assign.AppendAssignment(nil, partitions)
			}
		}
	}
	// Members that leave in mid-step make the coordinator begin anew for all.
	ctx, cancel := outlast(ctx, stepGrace)
	defer cancel()
	var raw []byte
	var sent time.Time
	err = m.insist(ctx, func(ctx context.Context) (err error) {
		sent = time.Now()
		raw, err = m.cfg.Client.SyncGroup(ctx, request)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	m.session.assigned(sent)
	m.setAlarm()
	assigned, err = assign.ParseAssignment(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("group %s: leader %s sent an invalid assignment: %w", m.cfg.Group, joined.Leader, err)
	}
	return assigned, counts, nil
}

// insist makes a request between join and assignment until it is answered. A rebalance that begins ends it.
func (m *Member) insist(ctx context.Context, ask func(context.Context) error) error {
	for {
		err := m.during(ctx, ask, func(_ beat, err error, _ func()) error { return err })
		if !errors.Is(err, errUnanswered) {
			return err
		}
		m.cfg.Logger.Info("no answer between joining the group and its assignment: asking again", zap.String("group", m.cfg.Group))
	}
}

// subscriptions reads what the members subscribe to. One that cannot be read gets no partitions, and does not keep the others from
// theirs.
func (m *Member) subscriptions(joined kafka.JoinedGroup) []assign.Member {
	members := make([]assign.Member, 0, len(joined.Members)+1)
	for _, j := range joined.Members {
		member, err := assign.ParseSubscription(j.ID, j.InstanceID, j.Metadata)
		if err != nil {
			m.cfg.Logger.Warn("group member's subscription cannot be read: it gets no partitions", zap.String("group", m.cfg.Group), zap.String("member", j.ID), zap.Error(err))
			member = assign.Member{ID: j.ID, InstanceID: j.InstanceID, Generation: assign.NoGeneration}
		}
		members = append(members, member)
	}
	if len(members) == 0 { // a static leader that came back is not told the others
		members = append(members, assign.Member{ID: joined.MemberID, Topics: m.cfg.Topics, Generation: assign.NoGeneration})
	}
	return members
}

// counts returns how many partitions each topic has that a member subscribes to. A topic that does not exist has none.
func (m *Member) counts(ctx context.Context, members []assign.Member) (map[string]int32, error) {
	var names []string
	for _, member := range members {
		names = append(names, member.Topics...)
	}
	slices.Sort(names)
	return m.count(ctx, slices.Compact(names))
}

func (m *Member) count(ctx context.Context, names []string) (map[string]int32, error) {
	counts := make(map[string]int32, len(names))
	if len(names) == 0 { // which would ask for all topics
		return counts, nil
	}
	m.cfg.Client.Invalidate(names...)
	topics, err := m.cfg.Client.Topics(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, topic := range topics {
		switch {
		case topic.Err == nil:
			counts[topic.Name] = int32(len(topic.Partitions)) //nolint:gosec // bounded by the answer's size
		case kafka.Retriable(topic.Err):
			return nil, topic.Err
		default:
			m.cfg.Logger.Warn("topic has no partitions to assign", zap.String("group", m.cfg.Group), zap.String("topic", topic.Name), zap.Error(topic.Err))
			counts[topic.Name] = 0
		}
	}
	return counts, nil
}

// outlast returns a context that ends a while after ctx.
func outlast(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		sleep(longer, grace)
		cancel()
	})
	return longer, func() {
		stop()
		cancel()
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
