package batch

import (
	"errors"
	"fmt"
	"io"
)

// Reader walks the records of one batch after another. It keeps the buffer it decompresses into, up to 4 MiB, so that a
// Reader used again allocates nothing. The zero value is ready for Open. A Reader is not safe for concurrent use.
type Reader struct {
	data   []byte    // records not read yet, as far as they are there
	more   io.Reader // what data goes on with; nil when it is all there
	left   int       // how many records
	buf    []byte    // what the last compressed batch was decompressed into
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

func (r *Reader) open(data []byte) (err error) {
	offset := r.batch.BaseOffset
	if r.batch.Codec != None {
		data, r.more, err = r.decompress(data)
		switch {
		case errors.Is(err, errOverLimit):
			return &LimitError{Offset: offset, Limit: "UnstreamedBytes", Max: UnstreamedBytes}
		case err != nil:
			return &CorruptError{Offset: offset, Reason: r.batch.Codec.String(), Err: err}
		}
	}
	if r.more == nil && r.batch.Count > len(data)/minRecordSize {
		return &CorruptError{Offset: offset, Reason: fmt.Sprintf("%d records in %d bytes", r.batch.Count, len(data))}
	}
	r.data = data
	return nil
}

// decompress returns the decompressed records, or what to read them from when they are more than is decompressed at once.
func (r *Reader) decompress(src []byte) (data []byte, more io.Reader, err error) {
	codec, limit := r.batch.Codec, r.limits.DecompressedBytes
	if codec == Zstd {
		room, _, err := zstdRoom(src)
		if err != nil {
			return nil, nil, err
		}
		if room > limit { // not worth a try
			limit = 0
		}
	}
	if limit > 0 {
		r.buf, err = decompress(codec, r.buf[:0], src, limit)
		if !errors.Is(err, errOverLimit) {
			return r.buf, nil, err
		}
	}
	more, err = newStream(codec, src)
	if !errors.Is(err, errNoStream) {
		return nil, more, err
	}
	r.buf, err = decompress(codec, r.buf[:0], src, max(UnstreamedBytes, r.limits.DecompressedBytes))
	return r.buf, nil, err
}

// bufferKept is the most room that is kept from one batch to the next.
const bufferKept = 4 << 20

// minRecordSize is that of a record with null key and value and without headers: length, attributes, two deltas, two
// lengths, header count.
const minRecordSize = 7

// Next reads the next record into rec. It returns false at the end of the batch and after an error that is final: a *CorruptError or a
// *LimitError behind which no record can be found. With true and an error the record is there and cannot be read: it is over a limit, or
// breaks the format. Its Offset is right, its Timestamp where that can be read; its Value is how its own bytes begin, and it has neither
// key nor headers. The records behind it are not concerned. Nothing is allocated but the error.
func (r *Reader) Next(rec *Record) (bool, error) {
	if r.err != nil || r.left == 0 {
		return false, r.err
	}
	record, length, err := r.cut()
	if err != nil {
		r.err = err
		return false, err
	}
	fault := r.read(rec, record)
	if r.left == 1 && fault == nil {
		fault = r.end()
	}
	if length > len(record) || length > r.limits.RecordBytes {
		fault = &LimitError{Offset: r.next, Limit: "RecordBytes", Max: r.limits.RecordBytes}
	}
	if fault != nil {
		if r.next > r.batch.LastOffset { // nothing says which offset it has
			r.err = fault
			return false, fault
		}
		*rec = Record{Offset: r.next, Timestamp: rec.Timestamp, Value: record[:min(len(record), faultyBytes)]}
	}
	r.next++
	r.left--
	return true, fault
}

// faultyBytes is how much is told of a record that cannot be read.
const faultyBytes = 1 << 10

// read reads a record's bytes, as far as they are there. Where its offset cannot be read it is the lowest that it may have.
func (r *Reader) read(rec *Record, p []byte) error {
	rec.Timestamp = r.batch.MaxTimestamp
	if len(p) < minRecordSize-1 {
		return r.corrupt("record length")
	}
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
	if !r.batch.LogAppendTime {
		rec.Timestamp = r.batch.FirstTimestamp + timestamp
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
	if err := r.checkHeaders(p[n:], count); err != nil {
		return err
	}
	rec.headers, rec.headerCount = p[n:], int(count)
	return nil
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
	if count > Headers {
		return &LimitError{Offset: r.next, Limit: "Headers", Max: Headers}
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
