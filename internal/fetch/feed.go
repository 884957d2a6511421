package fetch

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// Feed is one partition's way from its leader to one reader. Its methods are safe for concurrent use.
type Feed struct {
	kafka.TopicPartition

	topicID  atomic.Pointer[[16]byte] // of the log it is fetched from, and from no other; nil until it is known
	missing  atomic.Bool              // brokers say that there is no such topic
	out      chan<- Delivery
	waiting  atomic.Bool // a delivery is in out
	resting  atomic.Bool // and nobody comes for it soon
	closed   atomic.Bool
	counted  atomic.Bool          // in the fetcher's number of feeds
	loop     atomic.Pointer[loop] // whom to wake; nil while the leader is looked for
	logStart atomic.Int64
	logEnd   atomic.Int64

	// What follows belongs to the loop the feed is in, or to the goroutine that moves it between loops.
	position  int64
	epoch     int32 // of the leader
	ask       int32 // bytes to ask for at least, because a batch did not fit into less; 0 at first
	suspect   int64 // the position at which a damaged batch came; -1 when none did
	failures  int   // in a row
	notBefore time.Time
	round     uint64 // the loop's request it was last part of
	filter    batch.AbortedFilter
	aborted   []batch.Aborted
}

// Delivery is what a reader gets: the next chunk of a feed, or the error that ended the feed.
type Delivery struct {
	Feed  *Feed
	Chunk Chunk
	Moved bool // Config.OutOfRange moved the feed to Chunk.From; the chunk is empty
	Err   error
}

// NewFeed returns the feed of a partition from an offset on. The channel needs room for one delivery of each feed that uses it.
//
// The offset belongs to the topic with this id. Where the id is zero it is that of the topic that the feed finds first.
func NewFeed(tp kafka.TopicPartition, topicID [16]byte, position int64, out chan<- Delivery) *Feed {
	f := &Feed{TopicPartition: tp, out: out, position: position, epoch: -1, suspect: -1}
	f.bind(topicID)
	f.logStart.Store(-1)
	f.logEnd.Store(-1)
	return f
}

// Taken says that the feed's delivery was taken from the channel, so that the next one is fetched while the reader works.
func (f *Feed) Taken() {
	f.waiting.Store(false)
	f.wake()
}

// Rest says that the feed's reader will not take its next delivery for some time, or that it goes on now. The others are then not
// fetched for as if it came back any moment.
func (f *Feed) Rest(resting bool) { f.resting.Store(resting) }

// Bounds returns the partition's log start and end as the last answer told them, -1 before one did.
func (f *Feed) Bounds() (start, end int64) { return f.logStart.Load(), f.logEnd.Load() }

// Missing reports whether brokers say at the moment that there is no such topic.
func (f *Feed) Missing() bool { return f.missing.Load() }

// bind ties the feed to a topic's id, unless that is zero because brokers have none.
func (f *Feed) bind(topicID [16]byte) {
	if topicID != ([16]byte{}) {
		f.topicID.Store(&topicID)
	}
}

// id is what the feed is tied to, zero while it is tied to nothing.
func (f *Feed) id() [16]byte {
	if id := f.topicID.Load(); id != nil {
		return *id
	}
	return [16]byte{}
}

func (f *Feed) wake() {
	if l := f.loop.Load(); l != nil {
		l.nudge()
	}
}

// deliver hands d over. There is room: a feed is only fetched for while nothing of it waits.
func (f *Feed) deliver(d Delivery) {
	if f.closed.Load() {
		d.Chunk.Release()
		return
	}
	d.Feed = f
	f.waiting.Store(true)
	f.out <- d
}

// fail ends the feed.
func (f *Feed) fail(err error) {
	f.deliver(Delivery{Err: err})
	f.closed.Store(true)
}

// OtherTopicError says that the feed's topic was deleted, and that another one has its name.
type OtherTopicError struct {
	Topic    string
	Was, Now [16]byte // topic ids
}

func (e *OtherTopicError) Error() string {
	return fmt.Sprintf("topic %s was deleted and created again: its id was %x and is %x, and events of the old topic that were not read are gone", e.Topic, e.Was, e.Now)
}

// CorruptError is a record batch that came damaged twice.
type CorruptError struct {
	Offset int64 // where the feed stands
	Err    error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("damaged record batch after offset %d: %v", e.Offset, e.Err)
}

// Unwrap returns what is wrong with the batch.
func (e *CorruptError) Unwrap() error { return e.Err }
