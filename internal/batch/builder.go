package batch

import (
	"hash/crc32"
	"math"
	"slices"

	"github.com/headrace/headrace"
)

// Builder fills one batch, record by record. The value of a record is encoded straight into the batch's buffer:
//
//	dst := b.Begin(timestamp, key)
//	dst, err := event.AppendTo(dst)
//	if err != nil {
//		b.Abort()
//		return err
//	}
//	size, err := b.End(dst, headers)
//
// The zero value is an empty batch that allocates its own buffer. A Builder is not safe for concurrent use.
type Builder struct {
	buf   []byte // header and ended records
	count int32
	first int64 // timestamp of the first record
	max   int64 // greatest timestamp
	prior int64 // greatest timestamp before the last record
	last  int   // where the last ended record begins

	sum    uint32 // CRC-32C of the records up to summed
	summed int

	// The record between Begin and End. The widths of its two lengths are guessed from the record before it, so that
	// records of like size are never moved; a wrong guess moves one record once.
	open        bool
	timestamp   int64
	body        int // where its attributes begin, behind its own length
	value       int // where its value begins, behind the value's length
	lengthWidth int
	valueWidth  int
}

// Reset empties the batch and lets it build in buf, from its start; buf grows by append when it is too small. With nil
// the batch keeps no buffer. The buffer of the previous batch belongs to whoever called Seal.
func (b *Builder) Reset(buf []byte) {
	*b = Builder{buf: buf[:0], lengthWidth: b.lengthWidth, valueWidth: b.valueWidth}
}

// Count returns the number of records ended.
func (b *Builder) Count() int { return int(b.count) }

// Len returns the number of bytes of the batch before compression, header included. An open record does not count.
func (b *Builder) Len() int { return max(len(b.buf), HeaderSize) }

// MaxTimestamp returns the greatest timestamp of the records, in ms since 1970, and -1 without records.
func (b *Builder) MaxTimestamp() int64 {
	if b.count == 0 {
		return -1
	}
	return b.max
}

// Begin opens a record and returns the batch's buffer, to which the caller appends the record's value and nothing else
// before it calls End. The key is copied; nil is null. Timestamps are ms since 1970 and need not rise. A record left
// open is aborted.
func (b *Builder) Begin(timestampMillis int64, key []byte) (dst []byte) {
	if len(b.buf) == 0 {
		b.buf = append(b.buf, make([]byte, HeaderSize)...)
		b.summed = HeaderSize
		b.lengthWidth, b.valueWidth = max(b.lengthWidth, 1), max(b.valueWidth, 1)
	}
	b.open, b.timestamp = true, timestampMillis
	first := b.first
	if b.count == 0 {
		first = timestampMillis
	}
	start := len(b.buf)
	b.buf = slices.Grow(b.buf, prefixMax+len(key))
	dst = b.buf[:start+prefixMax+len(key)]
	at := start + b.lengthWidth
	b.body = at
	dst[at] = 0 // attributes
	at++
	at += putVarint(dst[at:], timestampMillis-first)
	at += putVarint(dst[at:], int64(b.count))
	if key == nil {
		at += putVarint(dst[at:], -1)
	} else {
		at += putVarint(dst[at:], int64(len(key)))
		at += copy(dst[at:], key)
	}
	b.value = at + b.valueWidth
	return dst[:b.value]
}

// prefixMax is the most bytes in front of a value, but for the key: three lengths, the attributes, two deltas.
const prefixMax = 5 + 1 + 10 + 5 + 5 + 5

// End closes the open record. Its value is what was appended to the buffer that Begin returned; dst may have moved, as
// append does. It returns the bytes the record takes up before compression. On an error the record is aborted: ErrFull
// when the batch can hold no more, ErrNotBegun when dst is not the buffer Begin returned.
func (b *Builder) End(dst []byte, headers []headrace.Header) (recordSize int, err error) {
	if !b.open || len(dst) < b.value {
		b.open = false
		return 0, ErrNotBegun
	}
	valueLength := int64(len(dst) - b.value)
	return b.end(appendHeaders(dst, headers), valueLength)
}

// EndNull closes the open record with a null value, a tombstone. It returns what End returns.
func (b *Builder) EndNull(headers []headrace.Header) (recordSize int, err error) {
	if !b.open {
		return 0, ErrNotBegun
	}
	return b.end(appendHeaders(b.buf[:b.value], headers), -1)
}

// end closes the open record, of which dst holds all but the two lengths; -1 is the length of a null value.
func (b *Builder) end(dst []byte, valueLength int64) (int, error) {
	b.open = false
	valueWidth := varintSize(valueLength)
	length := len(dst) - b.body + valueWidth - b.valueWidth
	lengthWidth := varintSize(int64(length))
	start := len(b.buf)
	if int64(start+lengthWidth+length) > math.MaxInt32 || b.count == math.MaxInt32 {
		return 0, ErrFull
	}
	if lengthWidth != b.lengthWidth || valueWidth != b.valueWidth {
		dst = b.move(dst, lengthWidth, valueWidth)
	}
	putVarint(dst[start:], int64(length))
	putVarint(dst[b.value-valueWidth:], valueLength)
	b.buf, b.last, b.prior = dst, start, b.max
	if b.count == 0 {
		b.first, b.max = b.timestamp, b.timestamp
	}
	b.max = max(b.max, b.timestamp)
	b.count++
	if b.last-b.summed >= sumEvery {
		b.addUp(b.last)
	}
	return lengthWidth + length, nil
}

// sumEvery is how much is added to the CRC at once: enough for the fast way of hash/crc32, and little enough to be in the processor's
// cache still, which the batch will have left when it is sealed. The last record is left out: MoveLast may take it.
const sumEvery = 8 << 10

func (b *Builder) addUp(to int) {
	b.sum = crc32.Update(b.sum, castagnoli, b.buf[b.summed:to])
	b.summed = to
}

// move makes room for the two lengths of the open record where their widths were guessed wrong.
func (b *Builder) move(dst []byte, lengthWidth, valueWidth int) []byte {
	start, body, value := len(b.buf), b.body, b.value
	newBody := start + lengthWidth
	newValue := newBody + (value - b.valueWidth - body) + valueWidth
	end := len(dst)
	newEnd := end + newValue - value
	if newEnd > end {
		var blank [20]byte
		dst = append(dst, blank[:newEnd-end]...)
	}
	// The part that moves outwards goes first, else it would be overwritten by the other.
	if newValue > value {
		copy(dst[newValue:newEnd], dst[value:end])
		copy(dst[newBody:], dst[body:value-b.valueWidth])
	} else {
		copy(dst[newBody:newValue-valueWidth], dst[body:value-b.valueWidth])
		copy(dst[newValue:newEnd], dst[value:end])
	}
	b.body, b.value, b.lengthWidth, b.valueWidth = newBody, newValue, lengthWidth, valueWidth
	return dst[:newEnd]
}

// Abort drops the open record: the batch is as it was before Begin.
func (b *Builder) Abort() { b.open = false }

func appendHeaders(dst []byte, headers []headrace.Header) []byte {
	if len(headers) == 0 {
		return append(dst, 0)
	}
	dst = appendVarint(dst, int64(len(headers)))
	for _, h := range headers {
		dst = appendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		if h.Value == nil {
			dst = appendVarint(dst, -1)
			continue
		}
		dst = appendVarint(dst, int64(len(h.Value)))
		dst = append(dst, h.Value...)
	}
	return dst
}
