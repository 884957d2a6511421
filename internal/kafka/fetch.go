package kafka

import (
	"context"
	"time"
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
	LeaderEpoch      int32

	// Records are whole record batches and, at the end, perhaps one that is cut off. The first may begin before the
	// offset asked for.
	Records []byte
}

// AbortedTransaction says that this producer's transactional records from FirstOffset up to its abort marker are void.
type AbortedTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// Fetch performs one request. A broker that has lost the session answers so, and is then asked once more in full within
// the same call.
func (c *Client) Fetch(ctx context.Context, node int32, req *FetchRequest) (*FetchResponse, error) {
	return c.fetch(ctx, node, req)
}

// Release gives the buffer back; the Records of every partition are invalid from here on. Calling it is optional, calling
// it twice is harmless.
func (r *FetchResponse) Release() {
	if r == nil || r.buffer == nil {
		return
	}
	for i := range r.Partitions {
		r.Partitions[i].Records = nil
	}
	releaseFetchBuffer(r.buffer)
	r.buffer = nil
}
