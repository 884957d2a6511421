package batch

import (
	"encoding/binary"
	"hash/crc32"
)

// Seal compresses the records, writes the header and returns the finished batch: what a Produce request carries. Its
// base offset is 0 and it has no producer id; Stamp gives it one.
//
// The bytes lie in the builder's buffer, which now belongs to the caller; the builder is empty, as after Reset(nil).
// Records that compression would not make smaller are left as they are, with codec None in the header. An open record
// is aborted. It returns ErrEmpty when there are no records; after an error the batch is as before.
func (b *Builder) Seal(codec Codec) (raw []byte, err error) {
	if b.count == 0 {
		return nil, ErrEmpty
	}
	raw = b.buf
	if codec != None {
		size, err := compressInPlace(codec, raw[HeaderSize:])
		if err != nil {
			return nil, err
		}
		if size == 0 {
			codec = None
		} else {
			raw = raw[:HeaderSize+size]
		}
	}
	be := binary.BigEndian
	clear(raw[:HeaderSize])
	be.PutUint32(raw[lengthAt:], uint32(len(raw)-frameSize))
	be.PutUint32(raw[leaderEpochAt:], 1<<32-1)
	raw[magicAt] = magic
	be.PutUint16(raw[attributesAt:], uint16(codec))
	be.PutUint32(raw[lastOffsetDeltaAt:], uint32(b.count-1))
	be.PutUint64(raw[baseTimestampAt:], uint64(b.first))
	be.PutUint64(raw[maxTimestampAt:], uint64(b.max))
	be.PutUint32(raw[countAt:], uint32(b.count))
	be.PutUint64(raw[producerIDAt:], 1<<64-1)
	be.PutUint16(raw[producerEpochAt:], 1<<16-1)
	be.PutUint32(raw[baseSequenceAt:], 1<<32-1)
	if codec == None {
		b.addUp(len(raw))
	} else {
		b.sum = crc32.Checksum(raw[HeaderSize:], castagnoli)
	}
	be.PutUint32(raw[crcAt:], crcShift(crc32.Checksum(raw[attributesAt:HeaderSize], castagnoli), len(raw)-HeaderSize)^b.sum)
	b.Reset(nil)
	return raw, nil
}

// Stamp sets the producer fields of a sealed batch and the CRC-32C that belongs to them, and leaves every other byte alone,
// so that a batch sent again under a new epoch holds the same records. Without idempotence they are -1, -1 and -1. The base
// sequence is that of the batch's first record. raw must come from Seal.
//
// The records are not read: their part of the CRC stays the one Seal computed, so that a broker notices
// if they were written over since.
func Stamp(raw []byte, producerID int64, epoch int16, baseSequence int32, transactional bool) {
	be := binary.BigEndian
	header := raw[attributesAt:HeaderSize]
	before := crc32.Checksum(header, castagnoli)
	attributes := be.Uint16(raw[attributesAt:]) &^ transactionalBit
	if transactional {
		attributes |= transactionalBit
	}
	be.PutUint16(raw[attributesAt:], attributes)
	be.PutUint64(raw[producerIDAt:], uint64(producerID))
	be.PutUint16(raw[producerEpochAt:], uint16(epoch))
	be.PutUint32(raw[baseSequenceAt:], uint32(baseSequence))
	change := before ^ crc32.Checksum(header, castagnoli)
	crc := be.Uint32(raw[crcAt:]) ^ crcShift(change, len(raw)-HeaderSize)
	be.PutUint32(raw[crcAt:], crc)
}
