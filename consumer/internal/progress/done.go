package progress

import "slices"

// Span is the offsets from First up to, not including, End.
type Span struct{ First, End int64 }

// Done is which offsets of a partition are done: all below a prefix, and spans beyond it. It knows offsets as half-open spans, so
// that the gaps a log has (compacted records, transaction markers) are done together with the record before or after them. The zero
// Done has nothing done from offset 0 on. It is not safe for concurrent use.
type Done struct {
	prefix int64
	beyond []Span // in order, apart from each other and from prefix
}

// NewDone returns a set in which everything below prefix is done, and nothing else.
func NewDone(prefix int64) Done { return Done{prefix: prefix} }

// Prefix is the first offset that is not done: what may be committed.
func (d *Done) Prefix() int64 { return d.prefix }

// Beyond returns the spans above the prefix, in order and apart from each other. They are valid until the set changes.
func (d *Done) Beyond() []Span { return d.beyond }

// End is the offset from which on nothing is done.
func (d *Done) End() int64 {
	if len(d.beyond) == 0 {
		return d.prefix
	}
	return d.beyond[len(d.beyond)-1].End
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
		for joined < len(d.beyond) && d.beyond[joined].First <= d.prefix {
			d.prefix = max(d.prefix, d.beyond[joined].End)
			joined++
		}
		if joined > 0 {
			d.beyond = slices.Delete(d.beyond, 0, joined)
		}
		return
	}
	if n := len(d.beyond); n == 0 || d.beyond[n-1].End < first { // most often it is the highest so far
		d.beyond = append(d.beyond, Span{first, end})
		return
	}
	// from..to are the spans that the new one overlaps or touches.
	from, _ := slices.BinarySearchFunc(d.beyond, first, func(b Span, first int64) int {
		if b.End < first {
			return -1
		}
		return 1
	})
	to := from
	for to < len(d.beyond) && d.beyond[to].First <= end {
		first, end = min(first, d.beyond[to].First), max(end, d.beyond[to].End)
		to++
	}
	d.beyond = slices.Replace(d.beyond, from, to, Span{first, end})
}

// Has reports whether an offset is done.
func (d *Done) Has(offset int64) bool {
	if offset < d.prefix {
		return true
	}
	at := d.after(offset)
	return at > 0 && offset < d.beyond[at-1].End
}

// after is the index of the first span that begins above offset.
func (d *Done) after(offset int64) int {
	at, _ := slices.BinarySearchFunc(d.beyond, offset, func(b Span, offset int64) int {
		if b.First <= offset {
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
		if b.First >= end {
			break
		}
		open -= max(0, min(b.End, end)-max(b.First, first))
	}
	return open
}

// Reach returns the offset below which, from first on, n offsets are not done.
func (d *Done) Reach(first, n int64) int64 {
	first = max(first, d.prefix)
	for _, b := range d.beyond[max(0, d.after(first)-1):] {
		if b.First-first >= n {
			break
		}
		n -= max(0, b.First-first)
		first = max(first, b.End)
	}
	return first + n
}

// Cut forgets what is done from end on. The prefix stays.
func (d *Done) Cut(end int64) {
	for n := len(d.beyond); n > 0 && d.beyond[n-1].End > end; n-- {
		if d.beyond[n-1].First < end {
			d.beyond[n-1].End = end
			return
		}
		d.beyond = d.beyond[:n-1]
	}
}
