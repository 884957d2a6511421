package replay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// RedriveGroup is the group that a redrive or a discard of a dead-letter topic is the only member of while it runs: <topic>.redrive.
// So there is one at a time. The group commits nothing.
func RedriveGroup(topic string) string { return topic + ".redrive" }

// BusyError says that a dead-letter topic is being redriven by somebody else.
type BusyError struct {
	Topic  string
	Holder string // as the group's coordinator knows it: "redrive by USER@HOST, process 123"
	Host   string // that it connects from
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("topic %s: another redrive or discard of it is under way: %s, from %s: wait for its end", e.Topic, e.Holder, e.Host)
}

// ErrNotAlone says that a redrive was put out of its group, so that another may have begun. It has stopped; the next one goes on. It ends
// an [ApplyRedrive] only when that has made no headway since it last took its place.
var ErrNotAlone = errors.New("the group's coordinator no longer counts this redrive as the only one of its topic: run it again")

// redriveSession is how long the coordinator waits for a sign of life. That of a process that was killed is over after as long.
const (
	redriveSession = 10 * time.Second
	redriveBeat    = redriveSession / 4
	// sessionOver is how long the next redrive waits for the place of one that was killed, which the coordinator may notice late.
	sessionOver  = redriveSession + 3*time.Second
	leaveTimeout = 3 * time.Second
)

// redriveLock is the place in the group.
type redriveLock struct {
	client *kafka.Client
	topic  string
	member kafka.Member

	ctx   context.Context // ends with the place, the cause says why
	end   context.CancelCauseFunc
	beats sync.WaitGroup

	mu   sync.Mutex
	seen time.Time // when the coordinator last counted us in
}

// lockTopic takes the place. While another has it, it waits as long as the place of a process that was killed stays taken; a *[BusyError]
// after that. waits, which may be nil, is told once. The returned context ends when the place is lost.
func lockTopic(ctx context.Context, cluster headrace.Cluster, topic, by string, waits func(*BusyError)) (*redriveLock, context.Context, error) {
	cluster.ClientID = fmt.Sprintf("redrive by %s, process %d", by, os.Getpid()) // which is what others are shown
	client, err := kafka.Open(cluster)
	if err != nil {
		return nil, nil, err
	}
	l := &redriveLock{client: client, topic: topic, member: kafka.Member{Group: RedriveGroup(topic)}}
	for patience := time.Now().Add(sessionOver); ; {
		busy, err := l.try(ctx)
		if err == nil && busy == nil {
			break
		}
		if err == nil && time.Now().After(patience) {
			err = busy
		}
		if err == nil {
			if waits != nil {
				waits(busy)
				waits = nil
			}
			err = pause(ctx, 500*time.Millisecond)
		}
		if err != nil {
			client.Close()
			return nil, nil, err
		}
	}
	l.ctx, l.end = context.WithCancelCause(ctx)
	l.seen = time.Now()
	l.beats.Go(l.beat)
	return l, l.ctx, nil
}

// try takes the place if it is free.
func (l *redriveLock) try(ctx context.Context) (*BusyError, error) {
	if busy, err := l.holder(ctx); busy != nil || err != nil {
		return busy, err
	}
	alone, err := l.join(ctx)
	if err != nil || alone {
		return nil, err
	}
	busy, err := l.holder(ctx) // two have begun at once, and the other leads
	leaving, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	_ = l.client.LeaveGroup(leaving, l.member, "another redrive was first") // or the session expires
	l.member.MemberID = ""
	if busy == nil && err == nil {
		busy = &BusyError{Topic: l.topic, Holder: "one that began at the same time", Host: "elsewhere"}
	}
	return busy, err
}

// holder is who has the place.
func (l *redriveLock) holder(ctx context.Context) (*BusyError, error) {
	var found []kafka.DescribedGroup
	err := l.client.Retry(ctx, func(ctx context.Context) (err error) {
		found, err = l.client.DescribeGroups(ctx, l.member.Group)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, m := range found[0].Members {
		if m.ID != l.member.MemberID {
			return &BusyError{Topic: l.topic, Holder: m.ClientID, Host: m.Host}, nil
		}
	}
	return nil, nil
}

// join joins the group, or the next round of it, and reports whether we lead it. A leader stays one in later rounds, so that whoever
// joins after it does not.
func (l *redriveLock) join(ctx context.Context) (alone bool, err error) {
	request := kafka.JoinRequest{
		Group: l.member.Group, MemberID: l.member.MemberID, SessionTimeout: redriveSession, RebalanceTimeout: redriveSession,
		ProtocolType: "headrace-redrive", Protocols: []kafka.GroupProtocol{{Name: "alone"}}, Reason: "redrive of dead letters",
	}
	var joined kafka.JoinedGroup
	err = l.client.Retry(ctx, func(ctx context.Context) (err error) {
		joined, err = l.client.JoinGroup(ctx, request)
		if errors.Is(err, kerr.MemberIDRequired) && request.MemberID == "" {
			request.MemberID = joined.MemberID
			joined, err = l.client.JoinGroup(ctx, request)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("group %s, which keeps redrives of topic %s apart: %w", l.member.Group, l.topic, err)
	}
	l.member.MemberID, l.member.Generation = joined.MemberID, joined.Generation
	if !joined.IsLeader() {
		return false, nil
	}
	shares := map[string][]byte{}
	for _, m := range joined.Members {
		shares[m.ID] = nil
	}
	_, err = l.client.SyncGroup(ctx, kafka.SyncRequest{
		Member: l.member, ProtocolType: request.ProtocolType, Protocol: joined.Protocol, Assignments: shares, Timeout: redriveSession,
	})
	if errors.Is(err, kerr.RebalanceInProgress) { // another has joined meanwhile: the next heartbeat says so again
		err = nil
	}
	return err == nil, err
}

// beat keeps the place.
func (l *redriveLock) beat() {
	for pause(l.ctx, redriveBeat) == nil {
		asked := time.Now()
		err := l.client.Heartbeat(l.ctx, l.member)
		if errors.Is(err, kerr.RebalanceInProgress) {
			var leads bool
			if leads, err = l.join(l.ctx); err == nil && !leads {
				err = kerr.UnknownMemberID
			}
		}
		switch {
		case err == nil:
			l.mu.Lock()
			l.seen = asked
			l.mu.Unlock()
		case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.FencedInstanceID), !kafka.Retriable(err):
			l.end(fmt.Errorf("%w (%w)", ErrNotAlone, err))
			return
		}
	}
}

// held returns when the place is certainly ours: at once when the coordinator has said so within half a session, else when it says so
// again. While it cannot be asked another may have begun.
func (l *redriveLock) held() error {
	for {
		l.mu.Lock()
		seen := l.seen
		l.mu.Unlock()
		if err := context.Cause(l.ctx); err != nil {
			return err
		}
		if time.Since(seen) < redriveSession/2 {
			return nil
		}
		if err := pause(l.ctx, redriveBeat/10); err != nil {
			return err
		}
	}
}

// release gives the place up.
func (l *redriveLock) release(ctx context.Context) {
	l.end(nil)
	l.beats.Wait()
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	_ = l.client.LeaveGroup(leaving, l.member, "done") // or the session expires
	l.client.Close()
}

// pause waits, or returns the cause when ctx ends first.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
