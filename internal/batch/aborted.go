package batch

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Aborted names a transaction that was aborted, as a fetch response lists them per partition.
type Aborted struct {
	ProducerID  int64
	FirstOffset int64 // of the transaction's first record in the partition
}

// AbortedFilter tells which batches of one partition's part of one fetch response a read-committed consumer must not
// see. It follows Java's consumer (CompletedFetch): an aborted transaction covers its producer's transactional batches
// from its first offset up to the abort marker. The zero value knows of no aborted transaction. It is not safe for
// concurrent use.
type AbortedFilter struct {
	aborted []Aborted      // by first offset
	begun   int            // how many of them have begun
	active  map[int64]bool // producers whose aborted transaction is under way
	markers Reader
}

// NewAbortedFilter returns a filter for the transactions that the fetch response lists as aborted, in any order.
func NewAbortedFilter(aborted []Aborted) *AbortedFilter {
	f := new(AbortedFilter)
	f.Reset(aborted)
	return f
}

// Reset makes the filter ready for another fetch response. It copies the list.
func (f *AbortedFilter) Reset(aborted []Aborted) {
	f.aborted, f.begun = append(f.aborted[:0], aborted...), 0
	slices.SortFunc(f.aborted, func(a, b Aborted) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	clear(f.active)
}

// Drop reports whether the records of b are to be stepped over: they are control records or belong to an aborted
// transaction. It must see every batch of the response, in order. It returns a *CorruptError or a *LimitError when a
// control batch cannot be read.
func (f *AbortedFilter) Drop(b Batch) (bool, error) {
	if b.ProducerID < 0 {
		return b.Control, nil
	}
	for ; f.begun < len(f.aborted) && f.aborted[f.begun].FirstOffset <= b.LastOffset; f.begun++ {
		if f.active == nil {
			f.active = make(map[int64]bool)
		}
		f.active[f.aborted[f.begun].ProducerID] = true
	}
	if b.Control {
		abort, err := f.isAbort(b)
		if abort {
			delete(f.active, b.ProducerID)
		}
		return true, err
	}
	return b.Transactional && f.active[b.ProducerID], nil
}

// abortMarker is the type of the control record that ends an aborted transaction (KIP-98).
const abortMarker = 0

// isAbort reports whether the first record of a control batch is an abort marker. Its key is a version and a type; a
// batch that compaction has emptied is none.
func (f *AbortedFilter) isAbort(b Batch) (bool, error) {
	if err := f.markers.Open(b, Limits{}); err != nil {
		return false, err
	}
	var rec Record
	ok, err := f.markers.Next(&rec)
	if !ok || err != nil {
		return false, err
	}
	if len(rec.Key) < 4 || int16(binary.BigEndian.Uint16(rec.Key)) < 0 {
		return false, &CorruptError{Offset: rec.Offset, Reason: "key of a control record"}
	}
	return binary.BigEndian.Uint16(rec.Key[2:]) == abortMarker, nil
}
