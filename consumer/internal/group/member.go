package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/internal/kafka"
)

// Config configures a [Member].
type Config struct {
	Client            *kafka.Client
	Logger            *zap.Logger
	Group             string
	InstanceID        string // static membership; "" for a dynamic member
	Topics            []string
	SessionTimeout    time.Duration
	HeartbeatInterval time.Duration
	RebalanceTimeout  time.Duration
	MetadataInterval  time.Duration // how often the leader looks for new partitions
	Hooks
}

// Hooks are what a member tells the owner of its partitions. They are called from one goroutine at a time, but for Revoked, beside
// which Lost may be called.
type Hooks struct {
	// Identified says what to commit with from now on, for every partition that is owned.
	Identified func(kafka.Member)

	// Assigned ends a rebalance, with the partitions that it added, if any. It must not block.
	Assigned func([]assign.Partition)

	// Revoked takes partitions away once it returns, having ended the work on them and committed it. Heartbeats go on.
	Revoked func([]assign.Partition)

	// Lost takes partitions away at once: another member may own them by now, and nothing may be committed. It must not block.
	Lost func(partitions []assign.Partition, cause error)
}

// ErrExpired is the cause of a loss when no heartbeat was answered for the whole session timeout.
var ErrExpired = errors.New("no heartbeat was answered within the session timeout")

// Member is one member of a group.
type Member struct {
	cfg      Config
	quitting chan struct{}
	quit     func()
	asked    chan struct{} // by Ask

	mu         sync.Mutex
	id         string
	generation int32

	// Only Run uses what follows.
	owned    []assign.Partition
	assigned int32     // generation of the last assignment that was taken, which is older than generation between join and sync
	contact  time.Time // when the coordinator last answered as to a member
	reason   string    // of the next join
}

// New returns a member that has not joined.
func New(cfg Config) *Member {
	quitting := make(chan struct{})
	return &Member{
		cfg:        cfg,
		quitting:   quitting,
		asked:      make(chan struct{}, 1),
		quit:       sync.OnceFunc(func() { close(quitting) }),
		generation: assign.NoGeneration,
		assigned:   assign.NoGeneration,
		reason:     "starting",
	}
}

// Quit keeps the member from joining further rebalances: it finishes the round it is in, and heartbeats on, so that its owner can
// end its work and commit it.
func (m *Member) Quit() { m.quit() }

// Ask makes the member ask at once, and not at its next heartbeat, whether it still is one: for an owner that was refused as a
// stranger. It does not block.
func (m *Member) Ask() {
	select {
	case m.asked <- struct{}{}:
	default:
	}
}

// Run is the membership. It returns nil when ctx ends, the partitions still owned, and otherwise the error that makes membership
// impossible, the partitions lost.
func (m *Member) Run(ctx context.Context) error {
	for failures := 0; ; {
		next := m.round
		select {
		case <-m.quitting:
			next = m.stay
		default:
		}
		err := next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end of ctx is the end that was asked for
		case err == nil, errors.Is(err, kerr.RebalanceInProgress):
			failures = 0
			continue
		case lost(err):
			m.lose(err)
			failures = 0
			continue
		case !kafka.Retriable(err):
			m.lose(err)
			return err
		}
		failures++
		m.cfg.Logger.Warn("group coordinator has not taken the request: trying again", zap.String("group", m.cfg.Group), zap.Int("in a row", failures), zap.Error(err))
		if len(m.owned) > 0 && time.Since(m.contact) > m.cfg.SessionTimeout {
			m.lose(errors.Join(ErrExpired, err))
		}
		sleep(ctx, min(100*time.Millisecond<<min(failures-1, 5), 2*time.Second))
	}
}

// Cause is why this member joined the round it is in. It is for Hooks.Assigned.
func (m *Member) Cause() string { return m.reason }

// Leave gives the membership up, after Run has returned. A static member stays: its place is kept for its next start.
func (m *Member) Leave(ctx context.Context) error {
	identity := m.identity()
	if m.cfg.InstanceID != "" || identity.MemberID == "" {
		return nil
	}
	return m.cfg.Client.LeaveGroup(ctx, identity, "stopping")
}

func (m *Member) identity() kafka.Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return kafka.Member{Group: m.cfg.Group, MemberID: m.id, InstanceID: m.cfg.InstanceID, Generation: m.generation}
}

func (m *Member) setIdentity(id string, generation int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id, m.generation = id, generation
}

// lost reports whether err says that the coordinator does not count this member any more.
func lost(err error) bool {
	return errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, ErrExpired)
}

// lose drops every partition and what the coordinator has forgotten.
func (m *Member) lose(cause error) {
	if len(m.owned) > 0 {
		m.cfg.Logger.Warn("group membership lost", zap.String("group", m.cfg.Group), zap.Int("partitions", len(m.owned)), zap.Error(cause))
		m.cfg.Lost(m.owned, cause)
		m.owned = nil
	}
	id := m.identity().MemberID
	if errors.Is(cause, kerr.UnknownMemberID) {
		id = ""
	}
	m.setIdentity(id, assign.NoGeneration)
	m.assigned = assign.NoGeneration
	m.reason = "lost membership"
}

// stay heartbeats between rounds, when no further one is joined: what is owned can still be committed.
func (m *Member) stay(ctx context.Context) error {
	if len(m.owned) == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	beats := make(chan error, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { m.heartbeat(ctx, beats) })
	for {
		select {
		case err := <-beats:
			if !errors.Is(err, kerr.RebalanceInProgress) {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// round joins, gets an assignment and serves it until the next round has to begin.
func (m *Member) round(ctx context.Context) error {
	joined, err := m.join(ctx)
	if err != nil {
		return err
	}
	m.contact = time.Now()
	assigned, counts, err := m.sync(ctx, joined)
	if err != nil {
		return err
	}
	defer func() { m.contact = time.Now() }()
	return m.serve(ctx, joined, assigned, counts)
}

// stepGrace is how long a step that should not be left half done may go on after the context has ended.
const stepGrace = 2 * time.Second

func (m *Member) join(ctx context.Context) (kafka.JoinedGroup, error) {
	for {
		identity := m.identity()
		attempt, cancel := ctx, func() {}
		if identity.MemberID == "" && m.cfg.InstanceID == "" {
			// This only asks for a member id. Without its answer there would be nothing to leave the group with, and the coordinator
			// would wait for a member that is not there.
			attempt, cancel = outlast(ctx, stepGrace)
		}
		joined, err := m.cfg.Client.JoinGroup(attempt, kafka.JoinRequest{
			Group:            m.cfg.Group,
			MemberID:         identity.MemberID,
			InstanceID:       m.cfg.InstanceID,
			SessionTimeout:   m.cfg.SessionTimeout,
			RebalanceTimeout: m.cfg.RebalanceTimeout,
			ProtocolType:     "consumer",
			Protocols: []kafka.GroupProtocol{{
				Name: assign.CooperativeSticky,
				Metadata: assign.AppendSubscription(nil, assign.Member{
					Topics: m.cfg.Topics, Owned: m.owned, Generation: m.assigned,
				}),
			}},
			Reason: m.reason,
		})
		cancel()
		if errors.Is(err, kerr.MemberIDRequired) && joined.MemberID != "" && identity.MemberID == "" {
			m.setIdentity(joined.MemberID, identity.Generation)
			if ctx.Err() != nil {
				return joined, ctx.Err()
			}
			continue
		}
		if err == nil {
			// What is owned was said to be, so no other member is given it in this generation, whatever the assignment will be. The
			// coordinator refuses the generation before from here on.
			m.setIdentity(joined.MemberID, joined.Generation)
			m.cfg.Identified(m.identity())
		}
		return joined, err
	}
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
		if counts, err = m.counts(ctx, members); err != nil {
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
	attempt, cancel := outlast(ctx, stepGrace)
	defer cancel()
	raw, err := m.cfg.Client.SyncGroup(attempt, request)
	if err != nil {
		return nil, nil, err
	}
	assigned, err = assign.ParseAssignment(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("group %s: leader %s sent what is no assignment: %w", m.cfg.Group, joined.Leader, err)
	}
	return assigned, counts, nil
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
			m.cfg.Logger.Warn("topic of the group gives no partitions", zap.String("group", m.cfg.Group), zap.String("topic", topic.Name), zap.Error(topic.Err))
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
