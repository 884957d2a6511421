package consumer

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema/registry"
)

// Config describes a worker. Cluster, Registry, Group and Topics are needed; every other zero value is safe.
type Config struct {
	Cluster  headrace.Cluster
	Registry *registry.Client
	Group    string
	Topics   []string // all of them exist before Run

	// Start is where the group starts in a partition it has never committed an offset of, and in a topic that was deleted and created
	// again. It is committed at once, so that what is written while no worker runs is not lost. A partition that was added to its topic
	// since the group began there starts at its first event instead: all of them are new to the group. Defaults to [reader.AtStart].
	Start reader.Position

	// Unhandled says what happens to an event whose type no handler takes. Defaults to [UnhandledStop].
	Unhandled Unhandled

	// Policy is the policy of handlers without one of their own, and of events that no handler could be found for because their
	// bytes name no schema.
	Policy Policy

	// Concurrency is how many handlers run at once in the whole worker, whatever partitions it owns. Tuning.Order says which events wait
	// for each other: those of a key, unless it says otherwise.
	//
	// Zero, the default, runs one handler for each partition that the worker owns, in the order of the log. A partition then waits with an
	// event that has failed, and so does one with [ByPartition]: an event that its handler puts off, by [Snooze] or [RetryAfter], holds up
	// its whole partition for as long, unless [Policy.Retry] lets it wait in a retry topic. [PartitionState] names the event, in WaitsFor.
	Concurrency int

	Tuning Tuning

	// Logger receives what the worker does on its own: rebalances, retries, dead letters, waits. [headrace.SlogLogger] makes one of a
	// [log/slog] handler. Defaults to no log.
	Logger *zap.Logger
}

// Tuning holds what most workers leave alone.
type Tuning struct {
	// InstanceID makes the worker a static member (KIP-345): a restart within SessionTimeout takes its partitions back without a
	// rebalance. It is unique within the group. A static worker does not leave the group when it stops.
	InstanceID string

	// DrainTimeout is how long handlers may run on once their partition is revoked or the worker stops; then their context is
	// cancelled. Less than RebalanceTimeout. Defaults to 30s.
	DrainTimeout time.Duration

	// SessionTimeout is how long the group waits for a sign of life before it gives the worker's partitions away. The broker bounds
	// it (group.min.session.timeout.ms, group.max.session.timeout.ms). Defaults to 45s.
	SessionTimeout time.Duration

	// HeartbeatInterval is the time between signs of life, at most a third of SessionTimeout. Defaults to 3s.
	HeartbeatInterval time.Duration

	// RebalanceTimeout is how long the group waits for the worker to join a rebalance. Defaults to 60s.
	RebalanceTimeout time.Duration

	// CommitInterval is the time between commits, all partitions in one request. What was handled since the last one is handled
	// again after a crash. Defaults to 1s.
	CommitInterval time.Duration

	// OutOfRange says what happens where the log no longer holds, or does not yet hold, the group's offset. Defaults to
	// [OutOfRangeStop].
	OutOfRange OutOfRange

	// BufferBytes bounds the fetched bytes that wait for handlers, for the whole worker. One record batch per broker may exceed it. With
	// Config.Concurrency a third of it is for what the handlers have in hand, of which each partition may have PartitionBytes even
	// where that is more. Defaults to 64 MiB.
	BufferBytes int

	// PartitionBytes bounds the same for one partition, and is what a fetch asks of a partition. Defaults to 1 MiB.
	PartitionBytes int

	// CreateTopics creates the retry and dead-letter topics that are missing when the worker starts, and adds partitions to retry topics
	// that have fewer than the topic they serve. A topic that is created gets as many partitions and replicas as that one, a retention that outlasts the delays (dead letters are kept for ever), room for the headers. The
	// default is to refuse the start and to say how they are created: storage and its retention are mostly decided by others than
	// the services that fill it, and a worker then needs no right to create topics.
	CreateTopics bool

	// Order says which events wait for each other with Config.Concurrency above 0. Defaults to [ByKey].
	Order Order

	// OrderNullKeys keeps the events of a partition that have no key in order, as if they had one in common. It says something only
	// with Order ByKey and with Config.Concurrency above 0. The default handles them at once, in no order.
	OrderNullKeys bool

	// ReadUncommitted also hands over events of transactions that are open or aborted. The default reads what is committed.
	ReadUncommitted bool
}

// Unhandled says what happens to an event whose type no handler takes.
type Unhandled int8

// The ways to treat an event nobody handles.
const (
	UnhandledStop        Unhandled = iota // the worker stops with an *UnhandledError
	UnhandledSkip                         // the event counts as handled, and in Stats.Skipped
	UnhandledDeadLetter                   // the event goes to the dead-letter topic
	UnhandledSkipForeign                  // as UnhandledSkip; and so does a value without wire header, which no Avro producer has written
)

// OutOfRange says where a partition goes on when its log does not hold the group's offset. Either way it is logged, with the offset
// asked for and the bounds of the log.
type OutOfRange int8

// The ways to treat an offset that is out of range.
const (
	OutOfRangeStop  OutOfRange = iota // the worker stops with a *reader.OutOfRangeError
	OutOfRangeStart                   // the partition goes on at the first offset it holds
	OutOfRangeEnd                     // the partition goes on with what is written from now on
)

// maxConcurrency is more than any worker needs: a larger number is a mistake.
const maxConcurrency = 100_000

const (
	defaultDrain          = 30 * time.Second
	defaultSession        = 45 * time.Second
	defaultHeartbeat      = 3 * time.Second
	defaultRebalance      = 60 * time.Second
	defaultCommitInterval = time.Second
	defaultBufferBytes    = 64 << 20
	defaultPartitionBytes = 1 << 20
)

func (c Config) withDefaults() Config {
	if c.Start.IsZero() {
		c.Start = reader.AtStart()
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	c.Policy = c.Policy.withDefaults()
	t := &c.Tuning
	setDefault(&t.DrainTimeout, defaultDrain)
	setDefault(&t.SessionTimeout, defaultSession)
	setDefault(&t.HeartbeatInterval, min(defaultHeartbeat, t.SessionTimeout/3))
	setDefault(&t.RebalanceTimeout, max(defaultRebalance, 2*t.DrainTimeout))
	setDefault(&t.CommitInterval, defaultCommitInterval)
	setDefault(&t.BufferBytes, defaultBufferBytes)
	setDefault(&t.PartitionBytes, min(defaultPartitionBytes, t.BufferBytes))
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate reports every mistake of a config that has its defaults.
func (c Config) validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf("consumer: "+format, args...)) }

	if err := c.Cluster.Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.Registry == nil {
		add("Config.Registry is not set: make one with registry.New")
	}
	if c.Group == "" {
		add("Config.Group is empty")
	}
	if len(c.Topics) == 0 {
		add("Config.Topics is empty")
	}
	seen := make(map[string]bool, len(c.Topics))
	for _, topic := range c.Topics {
		switch {
		case topic == "":
			add("Config.Topics has an empty name")
		case seen[topic]:
			add("Config.Topics has %s twice", topic)
		}
		seen[topic] = true
	}
	if c.Concurrency < 0 || c.Concurrency > maxConcurrency {
		add("Config.Concurrency %d is not between 0 and %d", c.Concurrency, maxConcurrency)
	}
	if c.Unhandled < UnhandledStop || c.Unhandled > UnhandledSkipForeign {
		add("Config.Unhandled %d is none of UnhandledStop, UnhandledSkip, UnhandledDeadLetter, UnhandledSkipForeign", c.Unhandled)
	}
	if err := c.Policy.validate("Config.Policy"); err != nil {
		errs = append(errs, err)
	}
	if err := c.Tuning.validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (t Tuning) validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf("consumer: Tuning."+format, args...)) }
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"DrainTimeout", t.DrainTimeout},
		{"SessionTimeout", t.SessionTimeout},
		{"HeartbeatInterval", t.HeartbeatInterval},
		{"RebalanceTimeout", t.RebalanceTimeout},
		{"CommitInterval", t.CommitInterval},
	} {
		if d.value < 0 {
			add("%s %v is negative", d.name, d.value)
		}
	}
	if t.HeartbeatInterval > t.SessionTimeout/3 {
		add("HeartbeatInterval %v is more than a third of SessionTimeout %v: two lost heartbeats would end the session", t.HeartbeatInterval, t.SessionTimeout)
	}
	if t.DrainTimeout >= t.RebalanceTimeout {
		add("DrainTimeout %v is not less than RebalanceTimeout %v: the group would not wait for the drain", t.DrainTimeout, t.RebalanceTimeout)
	}
	if t.BufferBytes < 0 || t.PartitionBytes < 0 {
		add("BufferBytes and PartitionBytes must not be negative")
	}
	if t.PartitionBytes > t.BufferBytes {
		add("PartitionBytes %d is more than BufferBytes %d", t.PartitionBytes, t.BufferBytes)
	}
	if t.Order < ByKey || t.Order > Unordered {
		add("Order %d is none of ByKey, ByPartition, Unordered", t.Order)
	}
	if t.OutOfRange < OutOfRangeStop || t.OutOfRange > OutOfRangeEnd {
		add("OutOfRange %d is none of OutOfRangeStop, OutOfRangeStart, OutOfRangeEnd", t.OutOfRange)
	}
	return errors.Join(errs...)
}
