package shadow

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
)

// written is an event that one side wrote.
type written struct {
	offset int64
	key    string // with what tells a null key from an empty one in front
	origin string
	value  []byte // nil for a tombstone
	ref    schema.Ref
	body   []byte // of value, behind the wire header; nil when the value is not in the registry's wire format
}

// matchKey is what an event shares with its counterpart.
func (w *written) matchKey() string { return w.origin + "\x00" + w.key }

// keyText is the key for people.
func (w *written) keyText() string {
	if w.key == "" {
		return ""
	}
	return strings.ToValidUTF8(w.key[1:], "\uFFFD")
}

// sameBytes reports whether two events have the same value, byte by byte.
func (w *written) sameBytes(other *written) bool {
	return (w.value == nil) == (other.value == nil) && bytes.Equal(w.value, other.value) && w.ref == other.ref
}

const (
	readAhead  = 4         // portions
	portion    = 512       // records in one
	readBuffer = 8 << 20   // of fetched bytes, each side
	portionMax = 256 << 10 // bytes of keys and values in one, or a single larger event
)

// portionOf is what a side has read.
type portionOf struct {
	events  []written
	outside int64
	passed  int64 // offsets
	err     error
}

// sideReader reads one partition of one side ahead.
type sideReader struct {
	out          chan portionOf
	passed, size int64
	ended        bool
}

// behind reports whether this side has come less far than the other, in proportion.
func (s *sideReader) behind(other *sideReader) bool {
	switch {
	case s.ended:
		return false
	case other.ended:
		return true
	}
	return float64(s.passed)*float64(max(1, other.size)) <= float64(other.passed)*float64(max(1, s.size))
}

// open reads the bucket's events of one side until stop ends.
func (c *comparison) open(stop context.Context, running *sync.WaitGroup, side int, partition int32, b bucket) *sideReader {
	r := c.ranges[side][partition]
	s := &sideReader{out: make(chan portionOf, readAhead), size: r.Len()}
	send := func(p *portionOf) error {
		select {
		case s.out <- *p:
			*p = portionOf{}
			return nil
		case <-stop.Done():
			return reader.ErrStop
		}
	}
	running.Go(func() {
		defer close(s.out)
		if r.From >= r.To {
			return
		}
		var p portionOf
		records, size, next := 0, 0, r.From
		err := reader.Read(stop, reader.Config{
			Cluster: c.Cluster, Topic: c.sides[side].Topic, Ranges: []reader.PartitionRange{r}, BufferBytes: readBuffer,
		}, func(rec reader.Record) error {
			p.passed += rec.Offset + 1 - next
			next = rec.Offset + 1
			size += c.addRecord(&p, &rec, side, b)
			if records++; records < portion && size < portionMax {
				return nil
			}
			records, size = 0, 0
			return send(&p)
		})
		p.passed += r.To - next
		p.err = err
		_ = send(&p)
	})
	return s
}

// addRecord adds a record to a portion, if it is of the bucket, and returns what it holds of it.
func (c *comparison) addRecord(p *portionOf, rec *reader.Record, side int, b bucket) int {
	w := written{offset: rec.Offset}
	if rec.Key != nil {
		w.key = "k" + string(rec.Key)
	}
	if c.OriginHeader != "" {
		origin, _ := rec.Header(c.OriginHeader)
		w.origin = string(origin)
	}
	if !b.has(maphash.String(c.seed, w.matchKey())) {
		return 0
	}
	if c.outside(w.origin) || !c.sides[side].within(rec.Time) {
		p.outside++
		return 0
	}
	w.value = bytes.Clone(rec.Value)
	if ref, body, err := schema.ParseWire(w.value, rec.Header); err == nil {
		w.ref, w.body = ref, body
	} else if errors.Is(err, schema.ErrTombstone) {
		w.value = nil
	}
	p.events = append(p.events, w)
	return w.size()
}

// size is what an event takes in memory, roughly.
func (w *written) size() int { return writtenOverhead + 2*len(w.key) + 2*len(w.origin) + len(w.value) }

const writtenOverhead = 200

// outside reports whether an event was made from one that was not replayed.
func (c *comparison) outside(origin string) bool {
	if c.origins == nil || origin == "" {
		return false
	}
	at, err := consumer.ParseOrigin(origin)
	if err != nil {
		return false
	}
	for _, s := range c.origins[at.Topic] {
		if s.Partition == at.Partition && s.Contains(at.Offset) {
			return false
		}
	}
	return true
}
