package batch

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// segmentBytes is how much is decompressed at a time when a batch is not decompressed at once.
const segmentBytes = 1 << 20

// cut takes the next record out of what is there, and has more decompressed where that does not hold it. It returns the record's bytes and
// their number. Of a record over the limit it returns how it begins, when the rest would have to be decompressed, and steps over that.
func (r *Reader) cut() (record []byte, length int, err error) {
	if err := r.fill(longestVarint); err != nil {
		return nil, 0, err
	}
	claim, n := varint(r.data)
	if n == 0 || claim < minRecordSize-1 || claim > math.MaxInt32 || r.more == nil && claim > int64(len(r.data)-n) {
		return nil, 0, r.corrupt("record length")
	}
	length = int(claim)
	whole := n + length
	if r.more != nil && length > r.limits.RecordBytes {
		if err := r.fill(n + faultyBytes); err != nil {
			return nil, 0, err
		}
		record = r.data[n:min(len(r.data), whole)]
		return record, length, r.step(whole)
	}
	if err := r.fill(whole); err != nil {
		return nil, 0, err
	}
	if len(r.data) < whole {
		return nil, 0, r.corrupt("record length")
	}
	record = r.data[n:whole:whole]
	r.data = r.data[whole:]
	return record, length, nil
}

// longestVarint is that of 64 bits.
const longestVarint = 10

// fill has records decompressed until n bytes are there, or there are no more. What is there already may be looked at by others, so that it
// stays where it is, and the memory of a segment is never used again.
func (r *Reader) fill(n int) error {
	if r.more == nil || len(r.data) >= n {
		return nil
	}
	segment := make([]byte, max(n, min(segmentBytes, r.limits.DecompressedBytes)))
	had := copy(segment, r.data)
	for had < n {
		read, err := r.more.Read(segment[had:])
		had += read
		if errors.Is(err, io.EOF) {
			r.more = nil
			break
		}
		if err != nil {
			return r.broken(err)
		}
	}
	r.data = segment[:had:had]
	return nil
}

// step goes past bytes that are not wanted. Behind the last record there is nothing to come to.
func (r *Reader) step(n int) error {
	if n <= len(r.data) {
		r.data = r.data[n:]
		return nil
	}
	n -= len(r.data)
	r.data = nil
	if r.left == 1 {
		r.more = nil
		return nil
	}
	switch _, err := io.CopyN(io.Discard, r.more, int64(n)); {
	case errors.Is(err, io.EOF):
		return r.corrupt("record length")
	case err != nil:
		return r.broken(err)
	}
	return nil
}

func (r *Reader) broken(err error) error {
	return &CorruptError{Offset: r.next, Reason: r.batch.Codec.String(), Err: err}
}

// end is an error when something follows the last record.
func (r *Reader) end() error {
	if len(r.data) == 0 && r.more != nil {
		if err := r.fill(1); err != nil {
			return err
		}
	}
	if len(r.data) > 0 {
		return r.corrupt(fmt.Sprintf("%d bytes after the last record", len(r.data)))
	}
	return nil
}
