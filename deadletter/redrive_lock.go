package deadletter

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

// ErrNotAlone says that the coordinator has removed a redrive from its group, so that another may have begun. It has stopped; the next one
// goes on. It ends an [ApplyRedrive] only when that has returned nothing since it last joined the group.
var ErrNotAlone = errors.New("the group's coordinator no longer counts this redrive as the only one of its topic: run it again")

// sessionTimeout is how long the coordinator waits for a sign of life. The session of a process that was killed ends after that time.
const (
	sessionTimeout    = 10 * time.Second
	heartbeatInterval = sessionTimeout / 4
	// sessionOver is how long the next redrive waits for the lock of one that was killed, which the coordinator may notice late.
	sessionOver  = sessionTimeout + 3*time.Second
	leaveTimeout = 3 * time.Second
)

// redriveLock is the membership of the group, which has one member at a time.
type redriveLock struct {
	client *kafka.Client
	topic  string
	member kafka.Member

	ctx   context.Context // ends when the lock is lost, the cause says why
	end   context.CancelCauseFunc
	beats sync.WaitGroup

	mu   sync.Mutex
	seen time.Time // when the coordinator last counted us in
}

// lockTopic takes the lock. While another redrive has it, it waits as long as the coordinator may need to notice that a process was killed,
// and returns a *[BusyError] after that. waits, which may be nil, is called once. The returned context ends when the lock is lost.
func lockTopic(ctx context.Context, cluster headrace.Cluster, topic, by string, waits func(*BusyError)) (*redriveLock, context.Context, error) {
	cluster.ClientID = fmt.Sprintf("redrive by %s, process %d", by, os.Getpid()) // which is what others are shown
	client, err := kafka.Open(cluster)
	if err != nil {
		return nil, nil, err
	}
	l := &redriveLock{client: client, topic: topic, member: kafka.Member{Group: RedriveGroup(topic)}}
	for patience := time.Now().Add(sessionOver); ; {
		busy, err := l.tryJoin(ctx)
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

// tryJoin takes the lock if it is free.
func (l *redriveLock) tryJoin(ctx context.Context) (*BusyError, error) {
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

// holder is who has the lock; nil when it is free or ours.
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
		Group: l.member.Group, MemberID: l.member.MemberID, SessionTimeout: sessionTimeout, RebalanceTimeout: sessionTimeout,
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
		Member: l.member, ProtocolType: request.ProtocolType, Protocol: joined.Protocol, Assignments: shares, Timeout: sessionTimeout,
	})
	if errors.Is(err, kerr.RebalanceInProgress) { // another has joined meanwhile: the next heartbeat says so again
		err = nil
	}
	return err == nil, err
}

// beat keeps the lock.
func (l *redriveLock) beat() {
	for pause(l.ctx, heartbeatInterval) == nil {
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

// confirm returns when the lock is certainly ours: at once when the coordinator has said so within half a session, else when it says so
// again. While it cannot be asked another redrive may have begun.
func (l *redriveLock) confirm() error {
	for {
		l.mu.Lock()
		seen := l.seen
		l.mu.Unlock()
		if err := context.Cause(l.ctx); err != nil {
			return err
		}
		if time.Since(seen) < sessionTimeout/2 {
			return nil
		}
		if err := pause(l.ctx, heartbeatInterval/10); err != nil {
			return err
		}
	}
}

// release gives the lock up.
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
