package fetch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// Config configures a [Fetcher].
type Config struct {
	Client        *kafka.Client
	Logger        *zap.Logger
	ReadCommitted bool

	// BufferBytes bounds the chunks of all feeds together; beside them there is one answer per broker, of an eighth of it at most. A
	// record batch that is larger than a feed's part is still taken.
	BufferBytes    int
	PartitionBytes int // asked of a partition at most

	// OutOfRange says where a feed goes on whose offset the log does not hold, or the error that ends the feed.
	OutOfRange func(feed *Feed, asked, logStart, logEnd int64) (int64, error)

	// Fetched is told the size of each answer's batches. It may be nil.
	Fetched func(bytes int)
}

// Fetcher fetches for feeds. Its methods are safe for concurrent use.
type Fetcher struct {
	cfg    Config
	ctx    context.Context // ends with Stop; no caller's context outlives a fetcher
	cancel context.CancelFunc
	feeds  atomic.Int64
	wg     sync.WaitGroup

	mu    sync.Mutex
	loops map[int32]*loop // by node; nil once stopped
}

// New returns a fetcher that works until Stop.
func New(cfg Config) *Fetcher {
	ctx, cancel := context.WithCancel(context.Background())
	return &Fetcher{cfg: cfg, ctx: ctx, cancel: cancel, loops: make(map[int32]*loop)}
}

// Add begins to fetch for a feed. After Stop it does nothing. A partition has one feed at a time: the one before is removed first.
func (f *Fetcher) Add(feed *Feed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.loops == nil {
		return
	}
	feed.counted.Store(true)
	f.feeds.Add(1)
	f.seek(feed, nil)
}

// Remove ends a feed. A delivery that waits, or is under way at this moment, stays.
func (f *Fetcher) Remove(feed *Feed) {
	if feed.counted.Swap(false) {
		f.feeds.Add(-1)
	}
	feed.closed.Store(true)
	feed.wake()
}

// Stop ends all fetching and waits for it. Deliveries that wait stay where they are.
func (f *Fetcher) Stop() {
	f.mu.Lock()
	f.loops = nil
	f.mu.Unlock()
	f.cancel()
	f.wg.Wait()
}

const (
	maxPartitionAsk = batch.FetchBytes // what a single batch may need
	maxAnswer       = 16 << 20
	minAsk          = 16 << 10

	retryPause    = 100 * time.Millisecond
	maxRetryPause = 2 * time.Second
)

// share is how many bytes a feed may ask for: half of its part of the buffer, because one chunk waits while another is worked on.
func (f *Fetcher) share() int32 {
	share := f.cfg.BufferBytes / 2 / max(1, int(f.feeds.Load()))
	return int32(max(minAsk, min(f.cfg.PartitionBytes, share, maxPartitionAsk)))
}

func (f *Fetcher) answerBytes() int32 {
	return int32(max(minAsk, min(f.cfg.BufferBytes/8, maxAnswer)))
}

// seek finds the feed's leader and puts the feed into that broker's loop. why is what went wrong with the last one, nil at first.
// The caller is a goroutine of the fetcher or holds f.mu, so that Stop waits for what seek starts.
func (f *Fetcher) seek(feed *Feed, why error) {
	feed.loop.Store(nil)
	if why != nil {
		f.cfg.Client.Invalidate(feed.Topic)
	}
	f.wg.Go(func() {
		for first := true; !feed.closed.Load(); first = false {
			// The first failure is mostly a leader that has moved, and is not waited on.
			if feed.failures > 1 && !f.sleep(pauseAfter(feed.failures-1)) || f.ctx.Err() != nil {
				return
			}
			leader, epoch, err := f.leader(feed)
			if err == nil {
				feed.missing.Store(false)
				feed.epoch = epoch
				f.enter(leader, feed)
				return
			}
			if f.ctx.Err() != nil {
				return
			}
			if _, other := errors.AsType[*OtherTopicError](err); other {
				f.end(feed, err)
				return
			}
			feed.failures++
			f.cfg.Client.Invalidate(feed.Topic)
			log := f.cfg.Logger.With(zap.String("topic", feed.Topic), zap.Int32("partition", feed.Partition), zap.Error(err))
			missing := errors.Is(err, kafka.ErrUnknownTopic)
			switch before := feed.missing.Swap(missing); {
			case missing && !before:
				log.Warn("topic does not exist: waiting for it to be created")
			case first && !missing:
				log.Warn("partition has no leader: waiting for one")
			}
		}
	})
}

// end ends a feed once its reader has taken what waits. The caller is a goroutine that looks for the feed's leader.
func (f *Fetcher) end(feed *Feed, err error) {
	for feed.waiting.Load() && !feed.closed.Load() {
		if !f.sleep(retryPause) {
			return
		}
	}
	feed.fail(err)
}

func (f *Fetcher) leader(feed *Feed) (node, epoch int32, err error) {
	topic, err := f.cfg.Client.Topic(f.ctx, feed.Topic)
	if err != nil {
		return 0, 0, err
	}
	if err := f.sameTopic(feed, topic); err != nil {
		return 0, 0, err
	}
	p, ok := topic.Partition(feed.Partition)
	if !ok || p.Leader < 0 {
		return 0, 0, errNoLeader
	}
	return p.Leader, p.LeaderEpoch, nil
}

// sameTopic ties the feed to its topic, or finds that it is tied to another one of the same name: with an *OtherTopicError once the
// brokers agree about that.
func (f *Fetcher) sameTopic(feed *Feed, found kafka.Topic) error {
	was := feed.id()
	switch {
	case was == [16]byte{}:
		feed.bind(found.ID)
		return nil
	case was == found.ID, found.ID == [16]byte{}:
		return nil
	}
	now, err := f.cfg.Client.TopicAgreed(f.ctx, feed.Topic)
	if err != nil {
		return err
	}
	if now.ID == was {
		return kafka.ErrTopicDisputed // the answer before was of a broker that lagged
	}
	return &OtherTopicError{Topic: feed.Topic, Was: was, Now: now.ID}
}

// enter puts a feed into the loop of a broker, which is started when there is none. One that was removed while its leader was looked
// for does not get in: it would take the place of the feed that the partition has had since.
func (f *Fetcher) enter(node int32, feed *Feed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.loops == nil || feed.closed.Load() {
		return
	}
	l := f.loops[node]
	if l == nil {
		l = &loop{fetcher: f, node: node, wake: make(chan struct{}, 1), quiet: heldWait}
		f.loops[node] = l
		f.wg.Go(l.run)
	}
	l.add(feed)
}

// retire takes out a loop that has no feeds, unless one has come.
func (f *Fetcher) retire(l *loop) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.feeds) > 0 {
		return false
	}
	delete(f.loops, l.node)
	return true
}

// sleep returns false when the fetcher stops.
func (f *Fetcher) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// pauseAfter grows with the number of failures in a row.
func pauseAfter(failures int) time.Duration {
	return min(retryPause<<min(max(failures-1, 0), 10), maxRetryPause)
}
