package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// targetBatch is a batch of this copy that the target holds, beyond what the partition's state says.
type targetBatch struct {
	sent
	topic  string      // of its last event, from the event's headers
	source int64       // that event's offset there
	print  fingerprint // of a batch that passed undecoded
}

// fingerprint tells batches apart by what a broker leaves as it is.
type fingerprint struct {
	count uint32
	codec uint16
	size  int
	crc   uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fingerprintOf reads a batch in format v2 (Kafka's DefaultRecordBatch): attributes at 21, record count at 57, records from 61.
func fingerprintOf(raw []byte) fingerprint {
	records := raw[batch.HeaderSize:]
	return fingerprint{
		count: binary.BigEndian.Uint32(raw[57:]), codec: binary.BigEndian.Uint16(raw[21:]) & 7,
		size: len(records), crc: crc32.Checksum(records, castagnoli),
	}
}

// same compares the records' checksums. A topic that compresses anew what comes leaves only the count to compare.
func (p fingerprint) same(other fingerprint) bool {
	return p.count == other.count && (p.codec != other.codec || p.size == other.size && p.crc == other.crc)
}

// reconcile reads what the target partition holds from where the partition's state ends there: batches of the copy's producer, whose sequence
// numbers must follow each other. They are not sent again. Everything else there is of others.
func (pc *partitionCopier) reconcile(ctx context.Context) error {
	c := pc.copy
	pc.arrived = pc.arrived[:0]
	topic := c.cfg.Plan.Target.Topic
	ends, err := listOffsets(ctx, c.to, []kafka.OffsetQuery{
		{Topic: topic, Partition: pc.partition, Timestamp: kafka.Earliest}, {Topic: topic, Partition: pc.partition, Timestamp: kafka.Latest},
	})
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return &reader.MissingTopicError{Topic: topic}
	}
	if err != nil {
		return err
	}
	start, end := ends[0].Offset, ends[1].Offset
	if pc.state.Target > end {
		if err := pc.copy.refreshTargetID(ctx); err != nil {
			return err
		}
		return pc.mismatch("the log ends at %d, before what was written: a broker has lost what it had acknowledged", end)
	}
	if start > pc.state.Target {
		return pc.mismatch("the log begins at %d: retention has removed what tells", start)
	}
	written := pc.state.Written
	for at := pc.state.Target; at < end; {
		next, err := pc.readArrived(ctx, at, &written)
		if err != nil {
			return err
		}
		at = next
	}
	return nil
}

// readArrived looks at one answer of the target and returns where to go on.
func (pc *partitionCopier) readArrived(ctx context.Context, at int64, written *int64) (next int64, err error) {
	c, topic := pc.copy, pc.copy.cfg.Plan.Target.Topic
	var response *kafka.FetchResponse
	err = c.to.Retry(ctx, func(ctx context.Context) error {
		leader, err := c.targetLeader(ctx, pc.partition)
		if err != nil {
			return err
		}
		response, err = c.to.Fetch(ctx, leader.Leader, &kafka.FetchRequest{
			Partitions: []kafka.FetchPartition{{
				Topic: topic, TopicID: c.target.ID, Partition: pc.partition, Offset: at, LeaderEpoch: leader.LeaderEpoch, MaxBytes: chunkBytesMost,
			}},
			MaxWait: fetchWait, MaxBytes: chunkBytes,
		})
		if err != nil {
			c.to.Invalidate(topic)
			return err
		}
		if len(response.Partitions) != 1 {
			err = kafka.ErrNoAnswer
		} else {
			err = notRange(response.Partitions[0].Err)
		}
		if err != nil {
			response.Release()
		}
		return err
	})
	if err != nil {
		return at, err
	}
	defer response.Release()
	next = at
	for data := response.Partitions[0].Records; len(data) > 0; {
		b, rest, err := batch.Next(data)
		if errors.Is(err, batch.ErrTruncated) {
			break
		}
		if err != nil {
			return at, pc.mismatch("%v", err)
		}
		data, next = rest, max(next, b.LastOffset+1)
		if b.LastOffset < at || b.Control || b.ProducerID != pc.state.Producer {
			continue
		}
		if err := pc.addArrived(&b, written); err != nil {
			return at, err
		}
	}
	return next, nil
}

// notRange makes an offset out of range final: Kafka calls it worth another try, which it is not here.
func notRange(err error) error {
	if errors.Is(err, kerr.OffsetOutOfRange) {
		return errors.New("the target's log was cut while it was read: " + err.Error())
	}
	return err
}

// addArrived takes up a batch that this copy has written.
func (pc *partitionCopier) addArrived(b *batch.Batch, written *int64) error {
	records := b.LastOffset - b.BaseOffset + 1
	if b.BaseSequence != sequence(*written) || b.ProducerEpoch != pc.state.Epoch {
		return pc.mismatch("the batch at offset %d has the number %d of our producer, and not %d", b.BaseOffset, b.BaseSequence, sequence(*written))
	}
	*written += records
	h := targetBatch{sent: sent{records: records, bytes: int64(b.Size()), end: b.LastOffset + 1}}
	if pc.copy.cfg.Plan.Target.Raw {
		h.print = fingerprintOf(b.Raw())
		pc.arrived = append(pc.arrived, h)
		return nil
	}
	last, err := pc.lastOf(b)
	if err != nil {
		return err
	}
	h.topic, h.source = last.Topic, last.Offset
	pc.arrived = append(pc.arrived, h)
	return nil
}

// lastOf returns where the last event of a batch came from, as its headers say.
func (pc *partitionCopier) lastOf(b *batch.Batch) (at headrace.Location, err error) {
	if err := pc.reader.Open(*b, batch.Limits{}); err != nil {
		return at, pc.mismatch("%v", err)
	}
	for {
		more, err := pc.reader.Next(&pc.record)
		if err != nil {
			return at, pc.mismatch("%v", err)
		}
		if !more {
			break
		}
		if pc.record.Offset != b.LastOffset {
			continue
		}
		replay, _ := pc.record.Header(HeaderReplay)
		topic, _ := pc.record.Header(HeaderTopic)
		offset, _ := pc.record.Header(HeaderOffset)
		source, err := strconv.ParseInt(string(offset), 10, 64)
		if err != nil || source < 0 || string(replay) != pc.copy.cfg.Plan.ID {
			return at, pc.mismatch("the event at offset %d is of our producer, and its headers are not of this replay", b.LastOffset)
		}
		return headrace.Location{Topic: string(topic), Partition: pc.partition, Offset: source}, nil
	}
	return at, pc.mismatch("the event at offset %d is gone: the topic is compacted", b.LastOffset)
}
