package kafka

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FetchRequest asks one broker for the records of every partition the caller wants from it.
type FetchRequest struct {
	// Session makes the exchange incremental (KIP-227): only what changed since the session's last request is sent.
	// Nil means a full request each time.
	Session *FetchSession

	// Partitions is the complete list of what is wanted, also when Session is set; the difference is worked out here.
	Partitions []FetchPartition

	MaxWait       time.Duration // how long the broker may hold an answer below MinBytes
	MinBytes      int32         // 0 means 1
	MaxBytes      int32         // of the whole answer; the broker exceeds it for a first batch that is larger. 0 means 50 MiB
	ReadCommitted bool          // stop at open transactions and list aborted ones
	Rack          string        // ask for the closest replica (KIP-392); empty means the leader
}

// FetchPartition is one partition's position.
type FetchPartition struct {
	Topic       string
	TopicID     [16]byte // zero when it is not known: then a topic made anew under the same name answers as well
	Partition   int32
	Offset      int64 // the next record wanted
	LeaderEpoch int32 // as the metadata said, so that a stale leader refuses; -1 when unknown
	MaxBytes    int32 // soft limit for this partition; 0 means 1 MiB
}

// FetchResponse holds views into one buffer: every Records slice is valid until Release.
type FetchResponse struct {
	// Partitions are those the broker had something to say about. Within a session the others are unchanged.
	Partitions []FetchedPartition
	Throttle   time.Duration // the broker asks for this much silence (quota); 0 when it does not

	buffer *[]byte
	pool   *sync.Pool
}

// FetchedPartition is one partition's part of the answer.
type FetchedPartition struct {
	Topic            string
	Partition        int32
	Err              error // *BrokerError; OFFSET_OUT_OF_RANGE, NOT_LEADER and the like
	HighWatermark    int64 // the end for plain readers; -1 when unknown
	LastStableOffset int64 // the end for ReadCommitted; -1 when unknown
	LogStartOffset   int64 // the oldest offset; -1 when unknown
	Aborted          []AbortedTransaction
	PreferredReplica int32 // fetch from this node instead (KIP-392); -1 means stay
	Leader           int32 // with NOT_LEADER: the new leader's node, -1 when the broker did not say
	LeaderEpoch      int32 // of Leader; -1 when unknown

	// Records are whole record batches and, at the end, perhaps one that is cut off. The first may begin before the
	// offset asked for.
	Records []byte
}

// AbortedTransaction says that this producer's transactional records from FirstOffset up to its abort marker are void.
type AbortedTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// fetchGrace is how much longer than MaxWait a broker may take until its answer begins. A broker whose answer was lost is asked again after
// that, on another connection.
const fetchGrace = 5 * time.Second

const (
	defaultFetchBytes     = 50 << 20
	defaultPartitionBytes = 1 << 20
)

// Fetch performs one request. A broker that has lost the session answers so, and is then asked once more in full within
// the same call.
func (c *Client) Fetch(ctx context.Context, node int32, req *FetchRequest) (*FetchResponse, error) {
	for attempt := 1; ; attempt++ {
		m := newFetchMessage(req, c.options.maxResponse, &c.answers)
		scratch := c.scratch.Get().(*[]byte)
		m.scratch = *scratch
		err := c.send(ctx, node, m, req.MaxWait)
		if cap(m.scratch) <= maxPooled {
			*scratch = m.scratch
			c.scratch.Put(scratch)
		}
		if err != nil {
			recycle(&c.answers, m.pooled)
			req.Session.Reset()
			return nil, err
		}
		failure := codeError(m.errorCode)
		if failure == nil {
			req.Session.accept(m.sessionID)
			return m.response(node), nil
		}
		recycle(&c.answers, m.pooled)
		req.Session.forget(failure)
		if attempt > 1 || !lostSession(failure) {
			return nil, &BrokerError{Request: "Fetch", Node: node, Partition: -1, Err: failure}
		}
	}
}

func lostSession(err error) bool {
	return errors.Is(err, kerr.FetchSessionIDNotFound) || errors.Is(err, kerr.InvalidFetchSessionEpoch) ||
		errors.Is(err, kerr.FetchSessionTopicIDError)
}

// Release gives the buffer back; the Records of every partition are invalid from here on. Calling it is optional,
// calling it twice is harmless.
func (r *FetchResponse) Release() {
	if r == nil || r.buffer == nil {
		return
	}
	for i := range r.Partitions {
		r.Partitions[i].Records = nil
	}
	recycle(r.pool, r.buffer)
	r.buffer = nil
}

// fetchByID is the first version of Fetch that names topics by their ids (KIP-516).
const fetchByID = 13

// maxFetchPooled keeps a buffer that one giant batch has grown from staying.
const maxFetchPooled = 64 << 20

func recycle(pool *sync.Pool, b *[]byte) {
	if b != nil && cap(*b) <= maxFetchPooled {
		pool.Put(b)
	}
}

// fetchMessage writes a Fetch request and reads its answer into a pooled buffer.
type fetchMessage struct {
	req       *FetchRequest
	wire      *kmsg.FetchRequest
	limit     int
	scratch   []byte
	pool      *sync.Pool
	pooled    *[]byte
	errorCode int16
	sessionID int32
	throttle  int32
	parsed    []FetchedPartition
	codes     []int16 // of parsed
}

func newFetchMessage(req *FetchRequest, limit int, pool *sync.Pool) *fetchMessage {
	return &fetchMessage{req: req, limit: limit, pool: pool, wire: req.wire()}
}

// wire turns the request into what the session still has to tell the broker.
func (r *FetchRequest) wire() *kmsg.FetchRequest {
	w := kmsg.NewPtrFetchRequest()
	w.MaxWaitMillis = millis(r.MaxWait)
	w.MinBytes = max(r.MinBytes, 1)
	w.MaxBytes = r.MaxBytes
	if w.MaxBytes <= 0 {
		w.MaxBytes = defaultFetchBytes
	}
	if r.ReadCommitted {
		w.IsolationLevel = 1
	}
	w.Rack = r.Rack
	r.Session.fill(w, r.Partitions)
	return w
}

func (m *fetchMessage) key() int16 { return int16(kmsg.Fetch) }

// newest is the version that names topics by id, or the last one that names them by name.
func (m *fetchMessage) newest() int16 {
	for i := range m.req.Partitions {
		if m.req.Partitions[i].TopicID == ([16]byte{}) {
			return fetchByID - 1
		}
	}
	return fetchByID
}

func (m *fetchMessage) flexible(version int16) bool { return version >= 12 }

func (m *fetchMessage) frame(version int16, correlation int32, clientID string) (net.Buffers, error) {
	m.wire.SetVersion(version)
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID))
	m.scratch = formatter.AppendRequest(m.scratch[:0], m.wire, correlation)
	return net.Buffers{m.scratch}, nil
}

func (m *fetchMessage) buffer() (*[]byte, int, int) {
	m.pooled = m.pool.Get().(*[]byte)
	return m.pooled, min(int(m.wire.MaxBytes)+64<<10, m.limit), m.limit
}

func (m *fetchMessage) response(node int32) *FetchResponse {
	resp := &FetchResponse{Partitions: m.parsed, Throttle: time.Duration(m.throttle) * time.Millisecond, buffer: m.pooled, pool: m.pool}
	for i := range m.parsed {
		if err := codeError(m.codes[i]); err != nil {
			p := &m.parsed[i]
			p.Err = &BrokerError{Request: "Fetch", Node: node, Topic: p.Topic, Partition: p.Partition, Err: err}
		}
	}
	return resp
}
