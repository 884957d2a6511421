package progress

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"sort"

	"github.com/headrace/headrace"
)

// The parts of the format, see the package's documentation.
const (
	prefix = "hr1:"

	flagMark     = 1 << 0
	flagWorking  = 1 << 1
	flagAlone    = 1 << 2
	flagRuns     = 1 << 3
	flagBitmap   = 1 << 4
	flagDeflated = 1 << 5
	flagTopic    = 1 << 6
	flagsKnown   = 1<<7 - 1

	headBytes  = 1 + crc32.Size
	topicBytes = 16 + crc32.Size // of the topic and its cluster

	// maxForm bounds the done offsets' form before compression, for the decoder's sake: whatever 4 KiB of metadata claim, they unfold
	// into no more than this.
	maxForm = 32 << 10

	// leastNamed is the smallest limit under which metadata names its topic: there is room for the mark beside it.
	leastNamed = 128

	worthDeflating = 48 // bytes; below that deflate only adds its own
)

var (
	alphabet   = base64.RawURLEncoding
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Encoder writes notes as commit metadata. The zero Encoder is ready; it keeps memory between calls and is not safe for concurrent
// use.
type Encoder struct {
	deflater *flate.Writer
	deflated bytes.Buffer
	runs     []byte
	bitmap   []byte
	payload  []byte
	fields   []byte
}

// Encode returns the metadata of a commit at n's prefix: limit bytes at most, all of them ASCII, and "" when there is nothing to say,
// not even which topic it belongs to, or no room to say it in. Below told everything that is done is said; when told is less than n.Done.End(), the metadata does not hold
// all. The mark takes precedence over the done offsets, and lower offsets over higher ones.
func (e *Encoder) Encode(log Log, n *Note, limit int) (metadata string, told int64) {
	offset, ranges := n.Done.Prefix(), n.Done.Beyond()
	named := log.Topic != [16]byte{} && limit >= leastNamed
	if n.Mark == (Mark{}) && len(ranges) == 0 && !named {
		return "", offset
	}
	if payload, ok := e.pack(log, named, n, ranges); ok && textLen(len(payload)) <= limit {
		return text(payload), n.Done.End()
	}
	// The search leaves off beside a number of ranges that fits, even where more ranges happen to compress into fewer bytes.
	fit := sort.Search(len(ranges), func(i int) bool {
		payload, ok := e.pack(log, named, n, ranges[:i+1])
		return !ok || textLen(len(payload)) > limit
	})
	payload, ok := e.pack(log, named, n, ranges[:fit])
	switch {
	case n.Mark != n.Mark.withoutOwners() && (!ok || textLen(len(payload)) > limit):
		bare := *n
		bare.Mark = n.Mark.withoutOwners()
		return e.Encode(log, &bare, limit)
	case !ok || textLen(len(payload)) > limit:
		return "", offset
	case fit > 0:
		return text(payload), ranges[fit-1].To
	case n.Mark == (Mark{}) && !named:
		return "", offset
	}
	return text(payload), offset
}

func textLen(payload int) int { return len(prefix) + alphabet.EncodedLen(payload) }

func text(payload []byte) string { return prefix + alphabet.EncodeToString(payload) }

// pack returns the payload for some of a note's ranges, with or without the topic's name, valid until the next call. It reports false when they take too much room in
// either form.
func (e *Encoder) pack(log Log, named bool, n *Note, ranges []headrace.OffsetRange) ([]byte, bool) {
	offset := n.Done.Prefix()
	flags := byte(0)
	body := append(e.payload[:0], make([]byte, headBytes)...)
	if named {
		flags |= flagTopic
		body = append(body, log.Topic[:]...)
		body = binary.BigEndian.AppendUint32(body, clusterSum(log.Cluster))
		body = binary.AppendUvarint(body, uint64(max(0, n.Partitions)))
	}
	if n.Mark != (Mark{}) {
		flags |= flagMark
		if n.Mark.Working {
			flags |= flagWorking
		}
		if n.Mark.Alone {
			flags |= flagAlone
		}
		from := max(0, n.Mark.From-offset)
		body = binary.AppendUvarint(body, uint64(from))
		body = binary.AppendUvarint(body, uint64(max(0, n.Mark.Reach-offset-from)))
		body = binary.AppendUvarint(body, uint64(max(0, min(n.Mark.Deaths, MaxDeaths))))
	}
	form, formFlag, ok := e.form(offset, ranges)
	if !ok {
		return nil, false
	}
	e.fields = n.Mark.appendFields(e.fields[:0])
	follow := len(e.fields) > 0
	if follow && formFlag == 0 {
		formFlag = flagRuns // none
	}
	flags |= formFlag
	if packed := e.deflate(form, follow); packed != nil {
		form = packed
		flags |= flagDeflated
	}
	body = append(body, form...)
	body = append(body, e.fields...)
	body[0] = flags
	binary.BigEndian.PutUint32(body[1:], checksum(log, offset, flags, body[headBytes:]))
	e.payload = body
	return body, true
}

// form writes ranges in the form that takes fewer bytes.
func (e *Encoder) form(offset int64, ranges []headrace.OffsetRange) (form []byte, flag byte, ok bool) {
	if len(ranges) == 0 {
		return nil, 0, true
	}
	runs, runsOK := e.asRuns(offset, ranges)
	bits := ranges[len(ranges)-1].To - offset - 1
	bitmapBytes := (bits + 7) / 8
	switch {
	case runsOK && int64(len(runs)) <= bitmapBytes:
		return runs, flagRuns, true
	case bitmapBytes <= maxForm:
		return e.asBitmap(offset, ranges, int(bitmapBytes)), flagBitmap, true
	case runsOK:
		return runs, flagRuns, true
	}
	return nil, 0, false
}

// asRuns writes, by turns, how many offsets are not done and how many are, each less one. It gives up beyond maxForm.
func (e *Encoder) asRuns(offset int64, ranges []headrace.OffsetRange) ([]byte, bool) {
	e.runs = e.runs[:0]
	for _, s := range ranges {
		e.runs = binary.AppendUvarint(e.runs, uint64(s.From-offset-1)) //nolint:gosec // ranges are in order and apart
		e.runs = binary.AppendUvarint(e.runs, uint64(s.To-s.From-1))   //nolint:gosec // ranges are not empty
		if len(e.runs) > maxForm {
			return nil, false
		}
		offset = s.To
	}
	return e.runs, true
}

// asBitmap writes one bit per offset from offset+1 on, since offset itself is not done; the first is the lowest of the first byte.
func (e *Encoder) asBitmap(offset int64, ranges []headrace.OffsetRange, size int) []byte {
	e.bitmap = append(e.bitmap[:0], make([]byte, size)...)
	for _, s := range ranges {
		for at := s.From - offset - 1; at < s.To-offset-1; at++ {
			if at%8 == 0 && s.To-offset-1-at >= 8 {
				e.bitmap[at/8] = math.MaxUint8
				at += 7
				continue
			}
			e.bitmap[at/8] |= 1 << (at % 8)
		}
	}
	return e.bitmap
}

// deflate returns form compressed, or nil when that does not make it smaller. What has fields after it is compressed always: the end of
// the compressed form is where they begin.
func (e *Encoder) deflate(form []byte, always bool) []byte {
	if len(form) < worthDeflating && !always {
		return nil
	}
	e.deflated.Reset()
	if e.deflater == nil {
		e.deflater, _ = flate.NewWriter(&e.deflated, flate.BestCompression) // fails only on a level it does not know
	} else {
		e.deflater.Reset(&e.deflated)
	}
	if _, err := e.deflater.Write(form); err != nil || e.deflater.Close() != nil || e.deflated.Len() >= len(form) && !always {
		return nil
	}
	return e.deflated.Bytes()
}

// checksum binds metadata to its log and to the offset it was committed with.
func checksum(log Log, offset int64, flags byte, body []byte) uint32 {
	var bound [16 + 4 + 8 + 1]byte
	copy(bound[:], log.Topic[:])
	binary.BigEndian.PutUint32(bound[16:], uint32(log.Partition)) //nolint:gosec // the bits alone matter
	binary.BigEndian.PutUint64(bound[20:], uint64(offset))        //nolint:gosec // the bits alone matter
	bound[28] = flags
	return crc32.Update(crc32.Checksum(bound[:], castagnoli), castagnoli, body)
}

// clusterSum stands for a cluster's id in metadata.
func clusterSum(id string) uint32 { return crc32.Checksum([]byte(id), castagnoli) }
