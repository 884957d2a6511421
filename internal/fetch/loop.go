package fetch

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// loop fetches from one broker: one request at a time for all of its feeds that have nothing waiting.
type loop struct {
	fetcher *Fetcher
	node    int32
	wake    chan struct{} // holds one nudge

	mu    sync.Mutex
	feeds []*Feed
	index map[kafka.TopicPartition]*Feed

	// Only run uses what follows.
	session  kafka.FetchSession
	request  kafka.FetchRequest
	round    uint64
	failures int           // in a row
	quiet    time.Duration // the next pause while feeds are held and the others have nothing new
}

const (
	// maxWait is how long a broker may hold an answer when there is nothing to tell.
	maxWait = 500 * time.Millisecond
	// heldWait is the first pause, and maxHeldWait the longest, between requests that got nothing while some feeds are left out because
	// they have a chunk waiting. The broker must not hold such a request: it would hold up those feeds too once their readers come back.
	heldWait    = 5 * time.Millisecond
	maxHeldWait = 80 * time.Millisecond
)

// errTooLarge is why a feed ends at a batch that a broker does not send whole: it would be asked for again for ever.
var errTooLarge = fmt.Errorf("record batch of more than %d bytes: it cannot be fetched", maxPartitionAsk)

func (l *loop) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *loop) add(feed *Feed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.index == nil {
		l.index = make(map[kafka.TopicPartition]*Feed)
	}
	l.feeds = append(l.feeds, feed)
	l.index[feed.TopicPartition] = feed
	feed.loop.Store(l)
	l.nudge()
}

// remove takes a feed out for which another place is looked for.
func (l *loop) remove(feed *Feed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, f := range l.feeds {
		if f == feed {
			l.feeds = append(l.feeds[:i], l.feeds[i+1:]...)
			break
		}
	}
	l.forget(feed)
}

// forget needs l.mu.
func (l *loop) forget(feed *Feed) {
	if l.index[feed.TopicPartition] == feed { // else another feed of the partition has come since
		delete(l.index, feed.TopicPartition)
	}
}

func (l *loop) run() {
	for l.fetcher.ctx.Err() == nil {
		held, pause := l.pick()
		if len(l.request.Partitions) == 0 {
			if held == 0 && pause == 0 && l.fetcher.retire(l) {
				return
			}
			l.sleep(pause)
			continue
		}
		l.request.MaxWait = maxWait
		switch {
		case held > 0:
			l.request.MaxWait = 0
		case pause > 0:
			l.request.MaxWait = min(maxWait, pause)
		}
		answer, err := l.fetcher.cfg.Client.Fetch(l.fetcher.ctx, l.node, &l.request)
		if err != nil {
			l.failed(err)
			continue
		}
		l.failures = 0
		delivered := l.spread(answer)
		throttle := answer.Throttle
		answer.Release()
		switch {
		case throttle > 0:
			l.fetcher.sleep(throttle)
		case held > 0 && delivered == 0:
			l.sleep(l.quiet)
			l.quiet = min(2*l.quiet, maxHeldWait)
		default:
			l.quiet = heldWait
		}
	}
}

// pick makes the request for the feeds that have nothing waiting, each time beginning with another one, since a broker fills its
// answer from the front. It returns how many feeds are left out because something waits, and how long until the first of those that
// pause after an error; 0 when none does.
func (l *loop) pick() (held int, pause time.Duration) {
	share := l.fetcher.share()
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.feeds[:0]
	for _, feed := range l.feeds {
		if feed.closed.Load() {
			l.forget(feed)
			continue
		}
		kept = append(kept, feed)
	}
	clear(l.feeds[len(kept):])
	l.feeds = kept

	l.round++
	l.request.Session = &l.session
	l.request.ReadCommitted = l.fetcher.cfg.ReadCommitted
	l.request.MaxBytes = l.fetcher.answerBytes()
	l.request.Partitions = l.request.Partitions[:0]
	now := time.Now()
	for i := range l.feeds {
		feed := l.feeds[(int(l.round%uint64(len(l.feeds)))+i)%len(l.feeds)] //nolint:gosec // below len
		if feed.waiting.Load() {
			if !feed.resting.Load() {
				held++
			}
			continue
		}
		if wait := feed.notBefore.Sub(now); wait > 0 {
			if pause == 0 || wait < pause {
				pause = wait
			}
			continue
		}
		feed.round = l.round
		l.request.Partitions = append(l.request.Partitions, kafka.FetchPartition{
			Topic:       feed.Topic,
			TopicID:     feed.id(),
			Partition:   feed.Partition,
			Offset:      feed.position,
			LeaderEpoch: feed.epoch,
			MaxBytes:    max(share, feed.ask),
		})
	}
	return held, pause
}

// sleep waits for a nudge, and no longer than d when d is not 0.
func (l *loop) sleep(d time.Duration) {
	var timeout <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-l.wake:
	case <-timeout:
	case <-l.fetcher.ctx.Done():
	}
}

// failed treats a request without an answer.
func (l *loop) failed(err error) {
	if l.fetcher.ctx.Err() != nil {
		return
	}
	l.failures++
	l.fetcher.cfg.Logger.Warn("fetch got no answer", zap.Int32("node", l.node), zap.Int("in a row", l.failures), zap.Error(err))
	moves := kafka.RefreshesMetadata(err)
	if !moves && kafka.Retriable(err) {
		l.fetcher.sleep(pauseAfter(l.failures))
		return
	}
	l.session = kafka.FetchSession{}
	l.mu.Lock()
	feeds := l.feeds
	l.feeds, l.index = nil, nil
	l.mu.Unlock()
	for _, feed := range feeds {
		switch {
		case feed.closed.Load():
		case moves:
			feed.failures++
			l.fetcher.seek(feed, err)
		default:
			feed.fail(err)
		}
	}
}

// spread gives each feed its part of an answer and returns how many have got something.
func (l *loop) spread(answer *kafka.FetchResponse) (delivered int) {
	size := 0
	for i := range answer.Partitions {
		p := &answer.Partitions[i]
		size += len(p.Records)
		l.mu.Lock()
		feed := l.index[kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}]
		l.mu.Unlock()
		if feed == nil || feed.round != l.round || feed.closed.Load() {
			continue
		}
		if p.Err != nil {
			l.trouble(feed, p.Err)
			continue
		}
		if l.take(feed, p) {
			delivered++
		}
	}
	if l.fetcher.cfg.Fetched != nil {
		l.fetcher.cfg.Fetched(size)
	}
	return delivered
}

// take hands a partition's records to its feed.
func (l *loop) take(feed *Feed, p *kafka.FetchedPartition) bool {
	readCommitted := l.fetcher.cfg.ReadCommitted
	feed.failures = 0
	feed.logStart.Store(p.LogStartOffset)
	if readCommitted {
		feed.logEnd.Store(p.LastStableOffset)
	} else {
		feed.logEnd.Store(p.HighWatermark)
	}
	if len(p.Records) == 0 {
		return false
	}
	chunk, err := feed.cut(p, readCommitted)
	if chunk.End > chunk.From { // what comes after a damaged batch is fetched from there, and found damaged again
		feed.position, feed.ask, feed.suspect = chunk.End, 0, -1
		feed.deliver(Delivery{Chunk: chunk})
		return true
	}
	chunk.Release()
	if err == nil && feed.ask == maxPartitionAsk {
		feed.fail(&CorruptError{Offset: feed.position, Err: errTooLarge})
		return true
	}
	if err == nil { // the first batch is larger than what was asked for
		feed.ask = min(maxPartitionAsk, 2*max(feed.ask, l.fetcher.share(), int32(len(p.Records)))) //nolint:gosec // an answer is below 100 MiB
		return false
	}
	var old *batch.MagicError
	if feed.suspect == feed.position || errors.As(err, &old) {
		feed.fail(&CorruptError{Offset: feed.position, Err: err})
		return true
	}
	feed.suspect = feed.position
	feed.notBefore = time.Now().Add(retryPause)
	l.fetcher.cfg.Logger.Warn("damaged record batch: fetching it again",
		zap.String("topic", feed.Topic), zap.Int32("partition", feed.Partition), zap.Int64("offset", feed.position), zap.Error(err))
	return false
}

// trouble treats an error code of one partition.
func (l *loop) trouble(feed *Feed, err error) {
	feed.failures++
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		l.remove(feed)
		l.fetcher.outOfRange(feed)
	case kafka.RefreshesMetadata(err):
		l.remove(feed)
		l.fetcher.seek(feed, err)
	case kafka.Retriable(err), errors.Is(err, kerr.UnknownServerError):
		feed.notBefore = time.Now().Add(pauseAfter(feed.failures))
	default:
		l.remove(feed)
		feed.fail(err)
	}
}
