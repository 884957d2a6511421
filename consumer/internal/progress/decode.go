package progress

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strings"

	"github.com/headrace/headrace"
)

// Why metadata is not taken. Either way the partition goes on at the committed offset, as if there were none.
var (
	// ErrForeign says that metadata was written by something else, or by a newer version.
	ErrForeign = errors.New("commit metadata was not written by this version of headrace")
	// ErrDamaged says that metadata is damaged, or that it was made for another offset, or for another log.
	ErrDamaged = errors.New("commit metadata is damaged, or belongs to another offset or log")
)

// OtherTopicError says that metadata, and the offset that it was committed with, belong to another topic of the cluster: one that had the
// name before and has been deleted.
type OtherTopicError struct {
	Topic [16]byte // its id
}

func (e *OtherTopicError) Error() string {
	return fmt.Sprintf("the commit was made in a topic of the same name that has been deleted, with the id %x", e.Topic)
}

const maxText = math.MaxInt16 // what a Kafka string holds

// Decode reads the metadata of a commit at offset. The note is good to use whatever the error: it then has nothing but the offset. A
// note of any metadata takes a few MiB at most; none of its ranges overlap, or pass the largest offset there is. Whether the log goes
// as far as they claim is for the caller to say, with [Note.Cut]. Empty metadata is no error. After an *[OtherTopicError] not even the
// offset is good for anything.
func Decode(log Log, offset int64, metadata string) (Note, error) {
	plain := Note{Done: NewDone(offset)}
	if metadata == "" {
		return plain, nil
	}
	encoded, ours := strings.CutPrefix(metadata, prefix)
	if !ours {
		return plain, ErrForeign
	}
	if offset < 0 || len(metadata) > maxText {
		return plain, ErrDamaged
	}
	payload, err := alphabet.DecodeString(encoded)
	if err != nil || len(payload) < headBytes {
		return plain, ErrDamaged
	}
	flags, sum, body := payload[0], binary.BigEndian.Uint32(payload[1:]), payload[headBytes:]
	named, of, cluster := flags&flagTopic != 0, log, clusterSum(log.Cluster)
	if named {
		if len(body) < topicBytes {
			return plain, ErrDamaged
		}
		of.Topic, cluster = [16]byte(body), binary.BigEndian.Uint32(body[len(of.Topic):])
	}
	if flags&^flagsKnown != 0 || sum != checksum(of, offset, flags, body) {
		return plain, ErrDamaged
	}
	switch {
	case cluster != clusterSum(log.Cluster):
		return plain, ErrDamaged
	case of.Topic != log.Topic:
		return plain, &OtherTopicError{Topic: of.Topic}
	}
	n := Note{Done: NewDone(offset)}
	if named {
		partitions, rest, ok := uvarint(body[topicBytes:])
		if !ok || partitions > math.MaxInt32 {
			return plain, ErrDamaged
		}
		n.Partitions, body = int32(partitions), rest //nolint:gosec // checked two lines above
	}
	body, ok := n.Mark.read(offset, flags, body)
	if !ok {
		return plain, ErrDamaged
	}
	fields, ok := n.Done.read(flags, body)
	if !ok {
		return plain, ErrDamaged
	}
	if flags&flagMark != 0 {
		n.Mark.readFields(fields)
	}
	return n, nil
}

// read takes the mark off a body and returns the rest.
func (m *Mark) read(offset int64, flags byte, body []byte) (rest []byte, ok bool) {
	if flags&flagMark == 0 {
		return body, flags&(flagWorking|flagAlone) == 0
	}
	from, body, ok := uvarint(body)
	if !ok || from > math.MaxInt64-offset {
		return nil, false
	}
	from += offset
	reach, body, ok := uvarint(body)
	if !ok || reach > math.MaxInt64-from {
		return nil, false
	}
	deaths, body, ok := uvarint(body)
	if !ok || deaths > MaxDeaths {
		return nil, false
	}
	*m = Mark{Working: flags&flagWorking != 0, Alone: flags&flagAlone != 0, From: from, Reach: from + reach, Deaths: int(deaths)}
	return body, !m.Alone || reach <= 1
}

// read fills a set, which has nothing beyond its prefix, from what follows the mark. It returns what comes after a compressed form.
func (d *Done) read(flags byte, form []byte) (fields []byte, ok bool) {
	if flags&flagDeflated != 0 {
		source := bytes.NewReader(form) // a byte reader, of which no more is read than the compressed form
		inflated, err := io.ReadAll(io.LimitReader(flate.NewReader(source), maxForm+1))
		if err != nil {
			return nil, false
		}
		form, fields = inflated, form[len(form)-source.Len():]
	}
	if len(form) > maxForm {
		return nil, false
	}
	switch flags & (flagRuns | flagBitmap) {
	case flagRuns:
		return fields, d.readRuns(form)
	case flagBitmap:
		return fields, d.readBitmap(form)
	}
	return nil, flags&(flagRuns|flagBitmap|flagDeflated) == 0 && len(form) == 0
}

func (d *Done) readRuns(form []byte) bool {
	at := d.prefix
	for len(form) > 0 {
		gap, rest, ok := uvarint(form)
		if !ok || gap >= math.MaxInt64-at {
			return false
		}
		first := at + gap + 1
		run, rest, ok := uvarint(rest)
		if !ok || run >= math.MaxInt64-first {
			return false
		}
		at = first + run + 1
		d.beyond = append(d.beyond, headrace.OffsetRange{From: first, To: at})
		form = rest
	}
	return true
}

func (d *Done) readBitmap(form []byte) bool {
	if int64(len(form))*8+1 > math.MaxInt64-d.prefix {
		return false
	}
	first := int64(-1) // of the range at hand
	for i, b := range form {
		at := d.prefix + 1 + int64(i)*8
		for bit := int64(0); bit < 8; bit++ {
			switch done := b>>bit&1 == 1; {
			case done && first < 0:
				first = at + bit
			case !done && first >= 0:
				d.beyond = append(d.beyond, headrace.OffsetRange{From: first, To: at + bit})
				first = -1
			}
		}
	}
	if first >= 0 {
		d.beyond = append(d.beyond, headrace.OffsetRange{From: first, To: d.prefix + 1 + int64(len(form))*8})
	}
	return true
}

// uvarint takes a number off data; it is never negative.
func uvarint(data []byte) (n int64, rest []byte, ok bool) {
	v, size := binary.Uvarint(data)
	if size <= 0 || bits.Len64(v) > 63 {
		return 0, nil, false
	}
	return int64(v), data[size:], true //nolint:gosec // it has 63 bits at most
}
