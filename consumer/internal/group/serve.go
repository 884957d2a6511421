package group

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/internal/kafka"
)

// round joins, gets an assignment and serves it until the next round has to begin.
func (m *Member) round(ctx context.Context) error {
	returns := m.cfg.InstanceID != "" && m.identity().MemberID == ""
	joined, err := m.join(ctx)
	if err != nil {
		return err
	}
	assigned, counts, err := m.sync(ctx, joined)
	if err != nil {
		return err
	}
	l := look{counts: counts, after: m.cfg.RebalanceTimeout << min(m.vain, maxVain)}
	l.first = l.after
	switch {
	case joined.SkipAssignment: // nobody looked at what there is to divide
		l.first = 0
	case returns: // there may have been a rebalance, in which others need a moment to give partitions up and to join again
		l.first = 2 * m.cfg.HeartbeatInterval
	}
	return m.serve(ctx, joined, assigned, l, returns)
}

// serve takes an assignment and heartbeats on it until the next round has to begin (nil) or membership is in doubt (the error).
func (m *Member) serve(ctx context.Context, joined kafka.JoinedGroup, assigned []assign.Partition, look look, returns bool) error {
	assigned = m.subscribed(assigned)
	added := without(assigned, m.owned)
	revoked := without(m.owned, assigned)
	m.assigned = joined.Generation
	m.cfg.Logger.Info("joined group",
		zap.String("group", m.cfg.Group), zap.Int32("generation", joined.Generation), zap.String("member", joined.MemberID),
		zap.Bool("leader", joined.IsLeader()), zap.Int("assigned", len(assigned)), zap.Int("added", len(added)), zap.Int("revoked", len(revoked)))
	m.owned = append(slices.Clone(assigned), revoked...)
	m.cfg.Assigned(added)

	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	var drained chan struct{}
	if len(revoked) > 0 {
		drained = make(chan struct{})
		wg.Go(func() {
			m.cfg.Revoked(revoked)
			close(drained)
		})
	}
	found := make(chan finding, 1)
	if look.counts != nil || returns {
		wg.Go(func() { m.watch(ctx, look, found) })
	}

	quitting, quit, next := m.quitting, false, false
	for {
		select {
		case b := <-m.beats:
			err := m.heard(b)
			if errors.Is(err, kerr.RebalanceInProgress) {
				next, m.reason = true, "the group rebalances"
				break
			}
			if err != nil {
				m.lose(err) // before Revoked is waited for, which it makes return
				return err
			}
		case <-m.alarm.C:
			if m.expired() {
				return ErrExpired
			}
		case <-drained:
			drained, next, m.reason = nil, true, "revoked partitions released"
			m.owned = assigned
		case f := <-found:
			m.vain = f.vain(m.vain)
			if f.reason != "" {
				m.cfg.Logger.Info("asking the group to rebalance", zap.String("group", m.cfg.Group), zap.String("because", f.reason))
				next, m.reason = true, f.reason
			}
		case <-quitting:
			quitting, quit = nil, true
		case <-ctx.Done():
			return ctx.Err()
		}
		if next && !quit && drained == nil {
			return nil
		}
	}
}

// stay heartbeats between rounds, when no further one is joined: what is owned can still be committed.
func (m *Member) stay(ctx context.Context) error {
	for {
		select {
		case b := <-m.beats:
			if err := m.heard(b); err != nil && !errors.Is(err, kerr.RebalanceInProgress) {
				return err
			}
		case <-m.alarm.C:
			m.expired()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// subscribed leaves out the partitions of topics that this member does not subscribe to. A static member that comes back with other
// topics is given what it had before.
func (m *Member) subscribed(assigned []assign.Partition) []assign.Partition {
	return slices.DeleteFunc(assigned, func(p assign.Partition) bool { return !slices.Contains(m.cfg.Topics, p.Topic) })
}

// without returns the partitions of a that are not in b.
func without(a, b []assign.Partition) []assign.Partition {
	in := make(map[assign.Partition]bool, len(b))
	for _, p := range b {
		in[p] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(p assign.Partition) bool { return in[p] })
}
