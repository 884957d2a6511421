package consumer

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
	"golang.org/x/sync/semaphore"

	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/consumer/internal/group"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/sender"
)

// engine is a worker while it runs.
type engine struct {
	cfg     Config
	id      uint64 // of the worker
	group   string // of the handlers: cfg.Group, but for the engine of its retry topics
	routes  *routes
	grace   time.Duration
	stats   *counters
	client  *kafka.Client
	sender  *sender.Sender // nil when no event may become a dead letter or wait in a retry topic
	fetcher *fetch.Fetcher
	member  *group.Member
	commits *committer
	turns   *semaphore.Weighted // among suspects of the worker
	memory  *memory
	watch   *watch
	lanes   *lanes                 // nil: each partition handles its events itself, in the order of the log
	retries map[string]*retryTopic // what the topics are retry topics of; nil where they are not
	replay  *replaying             // nil in a worker
	replays *replays               // that copy to the worker's topics; nil where replay is set
	base    context.Context        // what handlers' contexts are made from: the values of Run's
	ctx     context.Context        // of what goes on in the background
	failed  chan error             // the first failure
	wg      sync.WaitGroup         // of what goes on in the background; handlers may outlast it

	mu         sync.Mutex
	stopping   bool
	identity   kafka.Member
	rebalance  RebalanceState
	partitions map[kafka.TopicPartition]*partition
	leaving    map[kafka.TopicPartition]*partition // taken away while a handler still ran; waited for before a successor starts
	topicIDs   map[string][16]byte                 // of the topics that are worked on, by name
	announced  map[string][16]byte                 // of those that were said to be others than before
}

const (
	metadataInterval = 10 * time.Second // see Worker.metadata
	handlerGrace     = 5 * time.Second  // see Worker.grace
	commitGrace      = 10 * time.Second // how long the last commit of a partition is tried
	leaveGrace       = 5 * time.Second
)

// newEngine makes the engine of a worker's topics.
func newEngine(ctx context.Context, w *Worker, client *kafka.Client) (*engine, error) {
	cfg := w.cfg
	if len(w.routes.delays()) > 0 {
		cfg, _ = cfg.divide()
	}
	e := newBareEngine(cfg, w, client)
	e.base = context.WithoutCancel(ctx)
	e.replays = newReplays(w.cfg, client, w.routes.anyLiveOnly())
	if cfg.Concurrency > 0 {
		e.lanes = newLanes(cfg.Concurrency)
	}
	if w.routes.copies(cfg) {
		var err error
		if e.sender, err = newCopySender(client, cfg); err != nil {
			return nil, err
		}
	}
	e.connect(w.metadata)
	return e, nil
}

// newCopySender makes the sender of copies for retry and dead-letter topics.
func newCopySender(client *kafka.Client, cfg Config) (*sender.Sender, error) {
	return sender.New(client, sender.Config{
		Linger: -1, BatchBytes: copyBatchBytes, BufferBytes: copyBufferBytes, LargeCodec: batch.Zstd, Logger: cfg.Logger,
	})
}

// newBareEngine makes an engine without what it may share with another.
func newBareEngine(cfg Config, w *Worker, client *kafka.Client) *engine {
	e := &engine{
		cfg:        cfg,
		id:         w.id,
		group:      cfg.Group,
		routes:     w.routes,
		grace:      w.grace,
		stats:      &w.stats,
		turns:      w.turns,
		client:     client,
		memory:     newMemory(),
		failed:     make(chan error, 1),
		partitions: make(map[kafka.TopicPartition]*partition),
		leaving:    make(map[kafka.TopicPartition]*partition),
		topicIDs:   make(map[string][16]byte),
		announced:  make(map[string][16]byte),
	}
	e.commits = newCommitter(e)
	e.watch = newWatch(e)
	return e
}

// connect makes the engine's fetcher and its member of the group.
func (e *engine) connect(metadata time.Duration) {
	e.fetch()
	t := e.cfg.Tuning
	e.member = group.New(group.Config{
		Client: e.client, Logger: e.cfg.Logger, Group: e.cfg.Group, InstanceID: t.InstanceID, Worker: e.id, Topics: e.cfg.Topics,
		SessionTimeout: t.SessionTimeout, HeartbeatInterval: t.HeartbeatInterval, RebalanceTimeout: t.RebalanceTimeout,
		MetadataInterval: metadata,
		Hooks:            group.Hooks{Identified: e.identified, Assigned: e.assigned, Revoked: e.revoked, Lost: e.lost},
	})
}

// fetch makes the engine's fetcher.
func (e *engine) fetch() {
	t := e.cfg.Tuning
	buffer, ofPartition := t.fetchBuffer(e.lanes != nil)
	e.fetcher = fetch.New(fetch.Config{
		Client: e.client, Logger: e.cfg.Logger, ReadCommitted: !t.ReadUncommitted,
		BufferBytes: buffer, PartitionBytes: ofPartition,
		OutOfRange: e.outOfRange,
		Fetched: func(bytes int) {
			e.stats.fetches.Add(1)
			e.stats.fetchedBytes.Add(int64(bytes))
		},
	})
}

// run works until ctx ends or something fails, and then stops in order.
func (e *engine) run(ctx context.Context) error {
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.ctx = background
	committing, stopCommitting := context.WithCancel(background)
	member := make(chan error, 1)
	e.wg.Go(func() { member <- e.member.Run(background) })
	var commits sync.WaitGroup
	commits.Go(func() { e.commits.run(committing) })
	watched := make(chan struct{})
	e.wg.Go(func() { e.watch.run(watched) }) //nolint:contextcheck // handlers run under the contexts of their partitions

	var failure error
	select {
	case <-ctx.Done():
	case failure = <-e.failed:
	case failure = <-member: // its partitions are lost
		failure = e.memberError(background, failure)
	}

	e.cfg.Logger.Info("stopping", zap.String("group", e.cfg.Group), zap.Error(failure))
	e.member.Quit()
	e.mu.Lock()
	e.stopping = true
	e.mu.Unlock()
	working := e.working()
	for _, p := range working {
		p.halt()
	}
	stuck := e.drain(working, ErrStopping)
	stopCommitting()
	commits.Wait()
	uncommitted := e.commitLast(background, e.owned())

	cancel()
	close(watched)
	e.wg.Wait()
	e.drop(e.owned())
	e.depart(context.WithoutCancel(ctx))
	e.fetcher.Stop()
	e.cfg.Logger.Info("stopped", zap.String("group", e.cfg.Group))
	return errors.Join(append([]error{failure, uncommitted}, stuck...)...)
}

// close ends what runs beside the group membership, and what the engine of retry topics shares.
func (e *engine) close(ctx context.Context) {
	e.fetcher.Stop()
	if e.lanes != nil {
		e.lanes.stop()
	}
	if e.sender == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaveGrace)
	defer cancel()
	if err := e.sender.Close(ctx); err != nil {
		e.cfg.Logger.Warn("copies for retry or dead-letter topics were not written: their events are not committed and will be handled again", zap.Error(err))
	}
}

// commitLast makes the last commit.
func (e *engine) commitLast(ctx context.Context, partitions []*partition) error {
	for _, p := range partitions {
		p.limits.end()
	}
	ctx, cancel := context.WithTimeout(ctx, commitGrace)
	defer cancel()
	left := e.commits.commitRemaining(ctx, partitions)
	left = slices.DeleteFunc(left, func(p *partition) bool { return p.lost.Load() })
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("consumer: %d partitions could not be committed within %v, among them %s: what was handled since their last commit is handled again",
		len(left), commitGrace, left[0].at())
}

// depart leaves the group.
func (e *engine) depart(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveGrace)
	defer cancel()
	if err := e.member.Leave(ctx); err != nil && !errors.Is(err, kerr.UnknownMemberID) {
		e.cfg.Logger.Warn("could not leave the group: it waits for the session to expire", zap.String("group", e.cfg.Group), zap.Error(err))
	}
}

// drain waits for the handlers of halted partitions, ends their contexts when the drain timeout has passed, and names those that do
// not return even so.
func (e *engine) drain(partitions []*partition, cause error) (stuck []error) {
	timer := time.NewTimer(e.cfg.Tuning.DrainTimeout)
	defer timer.Stop()
	var grace <-chan time.Time
	for _, p := range partitions {
		for waiting := true; waiting; {
			select {
			case <-p.exited:
				waiting = false
			case <-timer.C:
				for _, p := range partitions {
					p.cancel(cause)
				}
				grace = time.After(e.grace)
			case <-grace:
				return e.abandon(partitions)
			}
		}
		p.cancel(cause)
	}
	return nil
}

// abandon gives up waiting for handlers: whatever they return counts for nothing.
func (e *engine) abandon(partitions []*partition) (stuck []error) {
	for _, p := range partitions {
		select {
		case <-p.exited:
		default:
			for _, err := range p.running() {
				e.cfg.Logger.Error("handler ignores the end of its context", zap.Error(err))
				stuck = append(stuck, err)
			}
		}
	}
	return stuck
}

// fail ends the worker. The first failure is what Run returns; the others are logged.
func (e *engine) fail(err error) {
	select {
	case e.failed <- err:
	default:
		e.cfg.Logger.Error("another failure while stopping", zap.Error(err))
	}
}

func (e *engine) owned() []*partition {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Values(e.partitions))
}

// working is what is owned, and what was but has a handler that still runs.
func (e *engine) working() []*partition {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.AppendSeq(slices.Collect(maps.Values(e.partitions)), maps.Values(e.leaving))
}

// memberError names what ended the membership.
func (e *engine) memberError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, kerr.FencedInstanceID):
		return &FencedError{Group: e.cfg.Group, InstanceID: e.cfg.Tuning.InstanceID}
	case errors.Is(err, kerr.InconsistentGroupProtocol), errors.Is(err, kerr.GroupIDNotFound):
		theirs, kind := e.groupProtocol(ctx)
		if kind == "" && errors.Is(err, kerr.GroupIDNotFound) { // not for being of another type
			break
		}
		return &ProtocolError{Group: e.cfg.Group, Ours: []string{assign.CooperativeSticky}, Theirs: theirs, Type: kind}
	}
	if err != nil {
		return fmt.Errorf("consumer: group %s: %w", e.cfg.Group, err)
	}
	return nil
}

// groupProtocol is what the group's members use, and what kind of group it is when it is not one of consumers; "" when the coordinator
// does not say.
func (e *engine) groupProtocol(ctx context.Context) (protocol, kind string) {
	ctx, cancel := context.WithTimeout(ctx, leaveGrace)
	defer cancel()
	described, err := e.client.DescribeGroups(ctx, e.cfg.Group)
	if err != nil || len(described) != 1 {
		return "", ""
	}
	d := described[0]
	switch {
	case d.Type == kafka.ShareGroup || d.Type == kafka.StreamsGroup:
		kind = d.Type
	case d.ProtocolType != "consumer":
		kind = d.ProtocolType
	}
	return d.Protocol, kind
}
