package batch

import (
	"errors"
	"fmt"
)

// Reader walks the records of one batch after another. It keeps the buffer it decompresses into, up to 4 MiB, so that a
// Reader used again allocates nothing. The zero value is ready for Open. A Reader is not safe for concurrent use.
type Reader struct {
	data   []byte // records not read yet
	left   int    // how many
	buf    []byte // what the last compressed batch was decompressed into
	limits Limits
	batch  Batch
	next   int64 // offset of the record being read, or the lowest it may have
	err    error // ends the walk for good
}

// Open begins with the records of b, which Next has returned without an error, and decompresses them. Views of the
// batch opened before become invalid. It returns a *LimitError or a *CorruptError.
func (r *Reader) Open(b Batch, limits Limits) error {
	*r = Reader{buf: r.buf, limits: limits.withDefaults(), batch: b, next: b.BaseOffset, left: b.Count}
	if cap(r.buf) > bufferKept {
		r.buf = nil // one large batch must not cost its size for ever
	}
	if b.Count == 0 {
		return nil
	}
	r.err = r.open(b.raw[HeaderSize:])
	return r.err
}

func (r *Reader) open(data []byte) error {
	offset := r.batch.BaseOffset
	if r.batch.Count > r.limits.Records {
		return &LimitError{Offset: offset, Limit: "Records", Max: r.limits.Records}
	}
	if r.batch.Codec != None {
		limit, name, value := r.limits.decompressed(len(data))
		out, err := decompress(r.batch.Codec, r.buf[:0], data, limit)
		r.buf = out
		if errors.Is(err, errOverLimit) {
			return &LimitError{Offset: offset, Limit: name, Max: value}
		}
		if err != nil {
			return &CorruptError{Offset: offset, Reason: r.batch.Codec.String(), Err: err}
		}
		data = out
	}
	if r.batch.Count > len(data)/minRecordSize {
		return &CorruptError{Offset: offset, Reason: fmt.Sprintf("%d records in %d bytes", r.batch.Count, len(data))}
	}
	r.data = data
	return nil
}

// bufferKept is the most room that is kept from one batch to the next.
const bufferKept = 4 << 20

// minRecordSize is that of a record with null key and value and without headers: length, attributes, two deltas, two
// lengths, header count.
const minRecordSize = 7

// Next reads the next record into rec. It returns false at the end of the batch and after an error, which is a
// *CorruptError or a *LimitError and final: the records after it cannot be found. Nothing is allocated but the error.
func (r *Reader) Next(rec *Record) (bool, error) {
	if r.err != nil || r.left == 0 {
		return false, r.err
	}
	if r.err = r.read(rec); r.err != nil {
		return false, r.err
	}
	r.next = rec.Offset + 1
	r.left--
	if r.left == 0 && len(r.data) > 0 {
		r.err = r.corrupt(fmt.Sprintf("%d bytes after the last record", len(r.data)))
		return false, r.err
	}
	return true, nil
}

func (r *Reader) read(rec *Record) error {
	length, n := varint(r.data)
	if n == 0 || length < minRecordSize-1 || length > int64(len(r.data)-n) {
		return r.corrupt("record length")
	}
	end := n + int(length)
	p := r.data[n:end:end]
	r.data = r.data[end:]

	timestamp, n := varint(p[1:]) // behind the attributes, of which none is in use
	if n == 0 {
		return r.corrupt("timestamp delta")
	}
	p = p[1+n:]
	delta, n := varint(p)
	if n == 0 || delta < r.next-r.batch.BaseOffset || delta > r.batch.LastOffset-r.batch.BaseOffset {
		return r.corrupt("offset delta out of order or beyond the batch")
	}
	p = p[n:]
	r.next = r.batch.BaseOffset + delta
	rec.Offset = r.next
	rec.Timestamp = r.batch.FirstTimestamp + timestamp
	if r.batch.LogAppendTime {
		rec.Timestamp = r.batch.MaxTimestamp
	}
	var ok bool
	if rec.Key, p, ok = takeBytes(p); !ok {
		return r.corrupt("key length")
	}
	if rec.Value, p, ok = takeBytes(p); !ok {
		return r.corrupt("value length")
	}
	if len(p) == 1 && p[0] == 0 {
		if rec.headerCount > 0 { // a pointer less is written while the collector marks
			rec.headers, rec.headerCount = nil, 0
		}
		return nil
	}
	count, n := varint(p)
	switch {
	case n == 0 || count < 0:
		return r.corrupt("header count")
	case count == 0:
		return r.corrupt("bytes behind the record's last field")
	}
	rec.headers, rec.headerCount = p[n:], int(count)
	return r.checkHeaders(rec.headers, count)
}

// takeBytes splits a nullable byte string off p.
func takeBytes(p []byte) (b, rest []byte, ok bool) {
	length, n := varint(p)
	if n == 0 || length > int64(len(p)-n) {
		return nil, nil, false
	}
	if length < 0 {
		return nil, p[n:], length == -1
	}
	end := n + int(length)
	return p[n:end:end], p[end:], true
}

// checkHeaders walks the headers once, so that reading them later cannot fail.
func (r *Reader) checkHeaders(p []byte, count int64) error {
	if count > int64(r.limits.Headers) {
		return &LimitError{Offset: r.next, Limit: "Headers", Max: r.limits.Headers}
	}
	if len(p) > r.limits.HeaderBytes {
		return &LimitError{Offset: r.next, Limit: "HeaderBytes", Max: r.limits.HeaderBytes}
	}
	for range count {
		key, rest, ok := takeBytes(p)
		if !ok || key == nil {
			return r.corrupt("header key length")
		}
		if _, p, ok = takeBytes(rest); !ok {
			return r.corrupt("header value length")
		}
	}
	if len(p) != 0 {
		return r.corrupt("bytes behind the record's last header")
	}
	return nil
}

func (r *Reader) corrupt(reason string) error {
	return &CorruptError{Offset: r.next, Reason: reason}
}
