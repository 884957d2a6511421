package batch

import "encoding/binary"

// deleteHorizonBit says that the base timestamp is the time when tombstones and markers may go (KIP-534).
const deleteHorizonBit = 0x40

// Pass makes the batch ready to be produced again without a look at its records, and returns its bytes: the base offset is 0, the
// leader epoch unknown, and Stamp is what it needs next. The bytes are changed where they lie; the CRC-32C does not cover them.
//
// It returns false, and changes nothing, for a batch that a broker accepts from no client: a control batch, one that compaction has
// taken records out of, one that the broker has timed. Its records have to be written anew with a Builder.
func (b Batch) Pass() (raw []byte, ok bool) {
	if len(b.raw) < HeaderSize || b.Control || b.LogAppendTime || b.Count == 0 || int64(b.Count) != b.LastOffset-b.BaseOffset+1 {
		return nil, false
	}
	if binary.BigEndian.Uint16(b.raw[attributesAt:])&deleteHorizonBit != 0 {
		return nil, false
	}
	binary.BigEndian.PutUint64(b.raw, 0)
	binary.BigEndian.PutUint32(b.raw[leaderEpochAt:], 1<<32-1)
	return b.raw, true
}

// Span tells which offsets a batch claims to cover, also one that Next has refused: what the broker goes by when it is asked for the
// batch behind it. It returns false where not even that can be read.
func (b Batch) Span() (first, last int64, ok bool) {
	if len(b.raw) < HeaderSize || int8(b.raw[magicAt]) != magic {
		return 0, 0, false
	}
	delta := int32(binary.BigEndian.Uint32(b.raw[lastOffsetDeltaAt:]))
	if b.BaseOffset < 0 || delta < 0 || b.BaseOffset > 1<<62 {
		return 0, 0, false
	}
	return b.BaseOffset, b.BaseOffset + int64(delta), true
}
