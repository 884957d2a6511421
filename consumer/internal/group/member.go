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

// Config configures a [Member].
type Config struct {
	Client            *kafka.Client
	Logger            *zap.Logger
	Group             string
	InstanceID        string // static membership; "" for a dynamic member
	Worker            uint64 // see assign.Member; 0 for none
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

// ErrExpired is the cause of a loss when the coordinator may have given the partitions away: for the whole session timeout it has answered
// nothing, or for the whole rebalance timeout this member has not joined a rebalance.
var ErrExpired = errors.New("the group coordinator has not confirmed the membership in time")

// Member is one member of a group.
type Member struct {
	cfg      Config
	quitting chan struct{}
	quit     func()
	asked    chan struct{} // by Ask

	mu         sync.Mutex
	id         string
	generation int32

	beats chan beat // from the goroutine that sends heartbeats

	// Only Run uses what follows.
	owned    []assign.Partition
	assigned int32  // generation of the last assignment that was taken, which is older than generation between join and sync
	reason   string // of the next join
	session  session
	alarm    *time.Timer // goes off when the session ends
	vain     int         // rebalances in a row that this member asked for and that left partitions without an owner

	unconfirmed time.Time // the last warning of a heartbeat without a good answer
}

// warnAgain is the least time between two warnings of one kind: in an outage each heartbeat fails.
const warnAgain = 15 * time.Second

// New returns a member that has not joined.
func New(cfg Config) *Member {
	quitting := make(chan struct{})
	alarm := time.NewTimer(time.Hour)
	alarm.Stop()
	return &Member{
		cfg:        cfg,
		quitting:   quitting,
		asked:      make(chan struct{}, 1),
		quit:       sync.OnceFunc(func() { close(quitting) }),
		generation: assign.NoGeneration,
		assigned:   assign.NoGeneration,
		reason:     "starting",
		beats:      make(chan beat),
		session:    session{timeout: cfg.SessionTimeout, rebalance: cfg.RebalanceTimeout},
		alarm:      alarm,
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
	var beating sync.WaitGroup
	defer beating.Wait()
	beats, stop := context.WithCancel(ctx)
	defer stop()
	beating.Go(func() { m.heartbeats(beats) })

	for failures := 0; ; {
		next := m.round
		select {
		case <-m.quitting:
			next = m.stay
		default:
		}
		err := next(ctx)
		if err != nil && ctx.Err() == nil && !lost(err) && kafka.Retriable(err) && !errors.Is(err, kerr.RebalanceInProgress) {
			failures++
			m.cfg.Logger.Warn("group coordinator did not accept the request: retrying", zap.String("group", m.cfg.Group), zap.Int("in a row", failures), zap.Error(err))
			if err = m.pause(ctx, min(100*time.Millisecond<<min(failures-1, 5), 2*time.Second)); err == nil {
				continue
			}
		}
		failures = 0
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil, errors.Is(err, kerr.RebalanceInProgress):
		case lost(err):
			m.lose(err)
		default:
			m.lose(err)
			return err
		}
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
	m.session.over()
	m.setAlarm()
}
