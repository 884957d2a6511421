package batch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// Batch is the header of one record batch together with its bytes, as Next found them. It is a view: it is good for as
// long as the data given to Next is left alone. The zero value is a batch without records.
type Batch struct {
	BaseOffset     int64 // offset of the first record the batch was written with
	LastOffset     int64 // offset of the last one; the next batch begins beyond it, whatever compaction has removed
	Count          int   // records that are there: 0 in a batch that compaction has emptied
	ProducerID     int64 // -1 without idempotence
	ProducerEpoch  int16
	BaseSequence   int32
	LeaderEpoch    int32 // epoch of the leader that appended the batch, -1 if unknown
	Codec          Codec
	Control        bool  // holds a transaction marker or another message from broker to broker, never a record of a user
	Transactional  bool  // part of a transaction
	LogAppendTime  bool  // the broker's clock timed it: each record's timestamp is MaxTimestamp
	FirstTimestamp int64 // ms since 1970 that timestamps are relative to; after compaction it may be the delete horizon of KIP-534
	MaxTimestamp   int64 // ms since 1970

	raw []byte
}

// Size returns the number of bytes the batch takes up in a fetch response.
func (b Batch) Size() int { return len(b.raw) }

// Raw returns the batch's own bytes, header included: what to keep of a batch that cannot be read.
func (b Batch) Raw() []byte { return b.raw }

// Next reads the batch at the start of data, checks its CRC-32C and its header, and returns what follows it.
// Nothing is copied or allocated.
//
// It returns ErrTruncated when data ends inside the batch (also when data is empty), a *MagicError when the message has
// an older format, and a *CorruptError when its header contradicts itself. After the last two, rest begins behind the bad
// batch if its length can be believed and is nil otherwise, and b tells Raw and what could be read.
func Next(data []byte) (b Batch, rest []byte, err error) {
	b, rest, err = frame(data)
	if err == nil {
		err = b.check(crc32.Checksum(b.raw[attributesAt:], castagnoli))
	}
	return b, rest, err
}

// copied is how much Copy copies before it reads it for the CRC: with its source it fits into the smallest of a processor's caches.
const copied = 8 << 10

// Copy is Next for data that is about to be reused: it appends the batch to dst, which it returns, and b is a view of that. It costs
// less than a copy and a CRC, since each byte is still in the processor's cache when it joins the CRC. A batch that data ends
// inside of is not copied.
func Copy(dst, data []byte) (b Batch, rest, grown []byte, err error) {
	b, rest, err = frame(data)
	at, raw := len(dst), b.raw
	dst = append(dst, raw[:min(len(raw), attributesAt)]...)
	crc := uint32(0)
	for from := attributesAt; from < len(raw); from += copied {
		dst = append(dst, raw[from:min(from+copied, len(raw))]...)
		crc = crc32.Update(crc, castagnoli, dst[at+from:])
	}
	b.raw = dst[at:len(dst):len(dst)]
	if err == nil {
		err = b.check(crc)
	}
	return b, rest, dst, err
}

// frame finds the batch at the start of data, and what follows it, by its length.
func frame(data []byte) (b Batch, rest []byte, err error) {
	if len(data) <= magicAt {
		return Batch{}, nil, ErrTruncated
	}
	b.BaseOffset = int64(binary.BigEndian.Uint64(data))
	length := int(int32(binary.BigEndian.Uint32(data[lengthAt:])))
	if length < minLegacyLength {
		return b, nil, &CorruptError{Offset: b.BaseOffset, Reason: fmt.Sprintf("length %d", length)}
	}
	if length > len(data)-frameSize {
		return b, nil, ErrTruncated
	}
	b.raw, rest = data[:frameSize+length:frameSize+length], data[frameSize+length:]
	if m := int8(b.raw[magicAt]); m != magic {
		return b, rest, &MagicError{Offset: b.BaseOffset, Magic: m}
	}
	if len(b.raw) < HeaderSize {
		return b, rest, &CorruptError{Offset: b.BaseOffset, Reason: fmt.Sprintf("length %d is shorter than a header", length)}
	}
	return b, rest, nil
}

// check compares crc, that of the batch's bytes, with its header's, and reads the header.
func (b *Batch) check(crc uint32) error {
	if want := binary.BigEndian.Uint32(b.raw[crcAt:]); crc != want {
		return &CorruptError{Offset: b.BaseOffset, Reason: fmt.Sprintf("CRC-32C is %08x, the header says %08x", crc, want)}
	}
	if reason := b.readHeader(); reason != "" {
		return &CorruptError{Offset: b.BaseOffset, Reason: reason}
	}
	return nil
}

// readHeader fills b from its bytes and returns what contradicts itself in them, or "".
func (b *Batch) readHeader() string {
	raw := b.raw
	attributes := binary.BigEndian.Uint16(raw[attributesAt:])
	lastDelta := int32(binary.BigEndian.Uint32(raw[lastOffsetDeltaAt:]))
	count := int32(binary.BigEndian.Uint32(raw[countAt:]))
	b.LastOffset = b.BaseOffset + int64(lastDelta)
	b.Count = int(count)
	b.ProducerID = int64(binary.BigEndian.Uint64(raw[producerIDAt:]))
	b.ProducerEpoch = int16(binary.BigEndian.Uint16(raw[producerEpochAt:]))
	b.BaseSequence = int32(binary.BigEndian.Uint32(raw[baseSequenceAt:]))
	b.LeaderEpoch = int32(binary.BigEndian.Uint32(raw[leaderEpochAt:]))
	b.Codec = Codec(attributes & codecMask)
	b.Control = attributes&controlBit != 0
	b.Transactional = attributes&transactionalBit != 0
	b.LogAppendTime = attributes&logAppendTimeBit != 0
	b.FirstTimestamp = int64(binary.BigEndian.Uint64(raw[baseTimestampAt:]))
	b.MaxTimestamp = int64(binary.BigEndian.Uint64(raw[maxTimestampAt:]))
	switch {
	case b.BaseOffset < 0 || b.BaseOffset > math.MaxInt64-math.MaxInt32-1:
		return "base offset out of range"
	case lastDelta < 0:
		return fmt.Sprintf("last offset delta %d", lastDelta)
	case count < 0:
		return fmt.Sprintf("record count %d", count)
	case int64(count) > int64(lastDelta)+1:
		return fmt.Sprintf("%d records between offsets %d and %d", count, b.BaseOffset, b.LastOffset)
	case b.Codec > Zstd:
		return fmt.Sprintf("unknown %v", b.Codec)
	}
	return ""
}
