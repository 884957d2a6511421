package progress

import (
	"slices"

	"github.com/headrace/headrace"
)

// Done is which offsets of a partition are done: all below a prefix, and ranges beyond it. It knows offsets as half-open ranges, so
// that the gaps a log has (compacted records, transaction markers) are done together with the record before or after them. The zero
// Done has nothing done from offset 0 on. It is not safe for concurrent use.
type Done struct {
	prefix int64
	beyond []headrace.OffsetRange // in order, apart from each other and from prefix
}

// NewDone returns a set in which everything below prefix is done, and nothing else.
func NewDone(prefix int64) Done { return Done{prefix: prefix} }

// Prefix is the first offset that is not done: what may be committed.
func (d *Done) Prefix() int64 { return d.prefix }

// Beyond returns the ranges above the prefix, in order and apart from each other. They are valid until the set changes.
func (d *Done) Beyond() []headrace.OffsetRange { return d.beyond }

// End is the offset from which on nothing is done.
func (d *Done) End() int64 {
	if len(d.beyond) == 0 {
		return d.prefix
	}
	return d.beyond[len(d.beyond)-1].To
}

// Clone returns a copy that shares nothing with the set.
func (d *Done) Clone() Done { return Done{prefix: d.prefix, beyond: slices.Clone(d.beyond)} }

// Equal reports whether the same offsets are done in both sets.
func (d *Done) Equal(other *Done) bool {
	return d.prefix == other.prefix && slices.Equal(d.beyond, other.beyond)
}

// Mark notes that the offsets from first up to, not including, end are done. Marking what is done already changes nothing.
func (d *Done) Mark(first, end int64) {
	if first >= end {
		return
	}
	if first <= d.prefix {
		d.prefix = max(d.prefix, end)
		joined := 0
		for joined < len(d.beyond) && d.beyond[joined].From <= d.prefix {
			d.prefix = max(d.prefix, d.beyond[joined].To)
			joined++
		}
		if joined > 0 {
			d.beyond = slices.Delete(d.beyond, 0, joined)
		}
		return
	}
	if n := len(d.beyond); n == 0 || d.beyond[n-1].To < first { // most often it is the highest so far
		d.beyond = append(d.beyond, headrace.OffsetRange{From: first, To: end})
		return
	}
	// from..to are the ranges that the new one overlaps or touches.
	from, _ := slices.BinarySearchFunc(d.beyond, first, func(b headrace.OffsetRange, first int64) int {
		if b.To < first {
			return -1
		}
		return 1
	})
	to := from
	for to < len(d.beyond) && d.beyond[to].From <= end {
		first, end = min(first, d.beyond[to].From), max(end, d.beyond[to].To)
		to++
	}
	d.beyond = slices.Replace(d.beyond, from, to, headrace.OffsetRange{From: first, To: end})
}

// Has reports whether an offset is done.
func (d *Done) Has(offset int64) bool {
	if offset < d.prefix {
		return true
	}
	at := d.after(offset)
	return at > 0 && offset < d.beyond[at-1].To
}

// after is the index of the first range that begins above offset.
func (d *Done) after(offset int64) int {
	at, _ := slices.BinarySearchFunc(d.beyond, offset, func(b headrace.OffsetRange, offset int64) int {
		if b.From <= offset {
			return -1
		}
		return 1
	})
	return at
}

// Open counts the offsets from first up to, not including, end that are not done.
func (d *Done) Open(first, end int64) int64 {
	first = max(first, d.prefix)
	if first >= end {
		return 0
	}
	open := end - first
	for _, b := range d.beyond[max(0, d.after(first)-1):] {
		if b.From >= end {
			break
		}
		open -= max(0, min(b.To, end)-max(b.From, first))
	}
	return open
}

// Reach returns the offset below which, from first on, n offsets are not done.
func (d *Done) Reach(first, n int64) int64 {
	first = max(first, d.prefix)
	for _, b := range d.beyond[max(0, d.after(first)-1):] {
		if b.From-first >= n {
			break
		}
		n -= max(0, b.From-first)
		first = max(first, b.To)
	}
	return first + n
}

// Cut forgets what is done from end on. The prefix stays.
func (d *Done) Cut(end int64) {
	for n := len(d.beyond); n > 0 && d.beyond[n-1].To > end; n-- {
		if d.beyond[n-1].From < end {
			d.beyond[n-1].To = end
			return
		}
		d.beyond = d.beyond[:n-1]
	}
}
