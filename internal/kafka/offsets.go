package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Special timestamps of ListOffsets (KIP-79, KIP-734).
const (
	Latest       int64 = -1 // the end: the offset the next record gets; with ReadCommitted the last stable offset
	Earliest     int64 = -2 // the oldest record still there
	MaxTimestamp int64 = -3 // the record with the greatest timestamp
)

// OffsetQuery asks for one partition's offset at a time.
type OffsetQuery struct {
	Topic     string
	Partition int32
	// Timestamp is milliseconds since the epoch, which means the first record at or after it, or Latest, Earliest or
	// MaxTimestamp.
	Timestamp int64
}

// OffsetAnswer answers the OffsetQuery at the same index.
type OffsetAnswer struct {
	Topic       string
	Partition   int32
	Offset      int64 // -1: no record at or after the timestamp
	Timestamp   int64 // of the record found, -1 when there is none
	LeaderEpoch int32 // of the record found, -1 when unknown
	Err         error
}

// ListOffsets looks offsets up by time, on each partition's leader, side by side; answers come in the order of the queries and each has its
// own error. The error returned is joined from theirs, so that a caller that needs all of them checks one value.
// readCommitted makes Latest mean the end of what committed transactions cover.
func (c *Client) ListOffsets(ctx context.Context, readCommitted bool, queries ...OffsetQuery) ([]OffsetAnswer, error) {
	return c.listOffsets(ctx, readCommitted, queries)
}

// Member is the identity under which a group member commits. For a tool outside the group: MemberID "" and Generation -1,
// which the coordinator accepts only while the group is empty.
type Member struct {
	Group      string
	MemberID   string
	InstanceID string // static membership (KIP-345); empty for a dynamic member
	Generation int32
}

// OffsetCommit is what to remember for one partition.
type OffsetCommit struct {
	Topic     string
	Partition int32
	Offset    int64  // of the next record to handle
	Metadata  string // free text, offset.metadata.max.bytes (4096 by default) at most
}

// CommitOffsets stores offsets with the group's coordinator, in one attempt. The errors come in the order of the commits, nil
// for each that was stored; err is all of them joined, or why the request failed as a whole (then errs is nil). Leader
// epochs are sent as -1, unknown: an epoch that is not the record's own makes other clients see a truncated log.
func (c *Client) CommitOffsets(ctx context.Context, member Member, commits ...OffsetCommit) (errs []error, err error) {
	return c.commitOffsets(ctx, member, commits)
}

// CommittedOffset is what a group has stored for one partition.
type CommittedOffset struct {
	Topic       string
	Partition   int32
	Offset      int64 // -1: nothing stored
	LeaderEpoch int32
	Metadata    string
	Err         error
}

// FetchOffsets reads what a group has committed, in one attempt; without partitions, everything the group has. It asks for
// stable offsets: while a transaction that commits offsets is pending the answer is kerr.UnstableOffsetCommit, which is
// retriable, and never an offset that the transaction may overtake. err joins the partitions' errors.
func (c *Client) FetchOffsets(ctx context.Context, group string, partitions ...TopicPartition) ([]CommittedOffset, error) {
	return c.fetchOffsets(ctx, group, partitions)
}

var _ = kmsg.NameForKey
