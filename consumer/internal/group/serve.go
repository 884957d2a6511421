package group

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/internal/kafka"
)

// serve takes an assignment and heartbeats on it until the next round has to begin (nil) or membership is in doubt (the error).
func (m *Member) serve(ctx context.Context, joined kafka.JoinedGroup, assigned []assign.Partition, counts map[string]int32) error {
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
	beats := make(chan error, 1)
	wg.Go(func() { m.heartbeat(ctx, beats) })
	grown := make(chan struct{}, 1)
	if counts != nil {
		wg.Go(func() { m.watch(ctx, counts, grown) })
	}

	quitting, quit, next := m.quitting, false, false
	for {
		select {
		case err := <-beats:
			if !errors.Is(err, kerr.RebalanceInProgress) {
				if lost(err) || !kafka.Retriable(err) {
					m.lose(err) // before Revoked is waited for, which it makes return
				}
				return err
			}
			next, m.reason = true, "the group rebalances"
		case <-drained:
			drained, next, m.reason = nil, true, "gave up what was revoked"
			m.owned = assigned
		case <-grown:
			next, m.reason = true, "the topics' partitions changed"
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

// rest waits for the next heartbeat, or until there is reason for one.
func (m *Member) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.asked:
	case <-ctx.Done():
	}
}

// heartbeat tells the coordinator at each interval that the member lives. It sends RebalanceInProgress, as often as it is told, and
// goes on; any other error it sends is the last.
func (m *Member) heartbeat(ctx context.Context, beats chan<- error) {
	identity := m.identity()
	answered := time.Now()
	wait := m.cfg.HeartbeatInterval
	for {
		m.rest(ctx, wait)
		if ctx.Err() != nil {
			return
		}
		wait = m.cfg.HeartbeatInterval
		sent := time.Now()
		attempt, cancel := context.WithTimeout(ctx, m.cfg.SessionTimeout/3)
		err := m.cfg.Client.Heartbeat(attempt, identity)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			answered = sent
			continue
		case errors.Is(err, kerr.RebalanceInProgress):
			answered = sent
		case lost(err) || !kafka.Retriable(err):
			send(ctx, beats, err)
			return
		default:
			m.cfg.Logger.Warn("heartbeat got no good answer", zap.String("group", m.cfg.Group), zap.Error(err))
			if silent := time.Since(answered); silent > m.cfg.SessionTimeout {
				send(ctx, beats, fmt.Errorf("%w (%v): %w", ErrExpired, m.cfg.SessionTimeout, err))
				return
			}
			wait = min(wait, 200*time.Millisecond)
			continue
		}
		select {
		case beats <- err:
		default: // said already
		}
	}
}

func send(ctx context.Context, beats chan<- error, err error) {
	select {
	case beats <- err:
	case <-ctx.Done():
	}
}

// watch looks for topics whose number of partitions is no longer the one that was divided.
func (m *Member) watch(ctx context.Context, counts map[string]int32, grown chan<- struct{}) {
	names := slices.Sorted(maps.Keys(counts))
	for {
		sleep(ctx, m.cfg.MetadataInterval)
		if ctx.Err() != nil {
			return
		}
		now, err := m.count(ctx, names)
		if err != nil {
			continue // an outage; the heartbeats tell
		}
		if !maps.Equal(counts, now) {
			grown <- struct{}{}
			return
		}
	}
}

// without returns the partitions of a that are not in b.
func without(a, b []assign.Partition) []assign.Partition {
	in := make(map[assign.Partition]bool, len(b))
	for _, p := range b {
		in[p] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(p assign.Partition) bool { return in[p] })
}
