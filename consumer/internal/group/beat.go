package group

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/internal/kafka"
)

// beat is a heartbeat and what the coordinator said to it.
type beat struct {
	member kafka.Member // who it was sent as
	sent   time.Time
	err    error
}

// answerTimeout is how long any request of the member waits for its answer. What is not answered by then is asked again on another
// connection, and of another coordinator if there is one. The coordinator may hold a join back for longer, while it waits for other
// members: asking again takes the place of the first request and costs nothing. It is a part of both timeouts, so that there is time for a
// second and a third request.
func (m *Member) answerTimeout() time.Duration {
	return min(m.cfg.SessionTimeout, m.cfg.RebalanceTimeout) / 3
}

const (
	quickBeat  = 200 * time.Millisecond // until the next heartbeat, after one without a good answer
	roundGrace = time.Second            // until a join is sent again, once a heartbeat shows that its answer should be here
)

// heartbeats tells the coordinator at each interval that the member lives, whatever Run waits for, and sends on what was answered.
func (m *Member) heartbeats(ctx context.Context) {
	for wait := m.cfg.HeartbeatInterval; m.rest(ctx, wait); {
		wait = m.cfg.HeartbeatInterval
		b := beat{member: m.identity(), sent: time.Now()}
		if b.member.Generation == assign.NoGeneration {
			continue
		}
		attempt, cancel := context.WithTimeout(ctx, m.answerTimeout())
		b.err = m.cfg.Client.Heartbeat(attempt, b.member)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if b.err != nil && kafka.Retriable(b.err) && !errors.Is(b.err, kerr.RebalanceInProgress) {
			wait = min(wait, quickBeat)
		}
		select {
		case m.beats <- b:
		case <-ctx.Done():
			return
		}
	}
}

// rest waits until it is time for the next heartbeat, or there is a reason for one. It returns false when ctx ends.
func (m *Member) rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.asked:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// heard takes the answer to a heartbeat. It returns RebalanceInProgress, or what ends the membership, and nil otherwise.
func (m *Member) heard(b beat) error {
	current := b.member == m.identity()
	rebalancing := errors.Is(b.err, kerr.RebalanceInProgress)
	switch {
	case b.err == nil, rebalancing:
		if m.identity().Generation != assign.NoGeneration { // else the membership was lost since
			m.session.heard(b.sent, rebalancing || !current)
			m.setAlarm()
		}
	case !current: // said to a member that this one no longer is
		return nil
	case lost(b.err), !kafka.Retriable(b.err) && !errors.Is(b.err, context.DeadlineExceeded):
	default:
		log := m.cfg.Logger.Debug
		if now := time.Now(); now.Sub(m.unconfirmed) >= warnAgain {
			log, m.unconfirmed = m.cfg.Logger.Warn, now
		}
		log("heartbeat not confirmed", zap.String("group", m.cfg.Group), zap.Error(b.err))
		return nil
	}
	if !current {
		return nil
	}
	return b.err
}

// setAlarm makes the alarm go off when the session ends.
func (m *Member) setAlarm() {
	end := m.session.end()
	if end.IsZero() {
		m.alarm.Stop()
		return
	}
	m.alarm.Reset(time.Until(end))
}

// expired reports, when the alarm has gone off, that the session has ended, and gives the partitions up.
func (m *Member) expired() bool {
	end := m.session.end()
	if end.IsZero() || time.Now().Before(end) {
		return false
	}
	m.lose(ErrExpired)
	return true
}

// errUnanswered means that a request was not answered in time, and may be made again.
var errUnanswered = errors.New("no answer from the group coordinator")

// during makes a request of the coordinator, while heartbeats go on and the session may end. onBeat is shown what heartbeats say that
// concerns membership, with a means to end the request after a while; an error that it returns ends the request at once.
func (m *Member) during(ctx context.Context, ask func(context.Context) error, onBeat func(b beat, err error, endSoon func()) error) error {
	attempt, cancel := context.WithTimeout(ctx, m.answerTimeout())
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- ask(attempt) }()
	endSoon := sync.OnceFunc(func() {
		stop := time.AfterFunc(roundGrace, cancel)
		context.AfterFunc(attempt, func() { stop.Stop() })
	})
	var ended error // why the answer is no longer waited for
	for {
		select {
		case err := <-answered:
			switch {
			case ended != nil:
				return ended
			case err != nil && ctx.Err() == nil && (attempt.Err() != nil || errors.Is(err, context.DeadlineExceeded)):
				return errUnanswered // a connection may notice the deadline before its context does
			}
			return err
		case b := <-m.beats:
			err := onBeat(b, m.heard(b), endSoon)
			if err != nil && ended == nil {
				ended = err
				cancel()
			}
		case <-m.alarm.C:
			if m.expired() && ended == nil {
				ended = ErrExpired
				cancel()
			}
		}
	}
}

// pause waits, while heartbeats go on and the session may end.
func (m *Member) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return nil
		case b := <-m.beats:
			if err := m.heard(b); err != nil && !errors.Is(err, kerr.RebalanceInProgress) {
				return err
			}
		case <-m.alarm.C:
			if m.expired() {
				return nil // nothing is left to lose
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
