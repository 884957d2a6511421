package consumer

import "slices"

// doneSet is which offsets of a partition are done: all below prefix, and those in beyond. It knows offsets as half-open spans, so
// that the gaps a log has (compacted records, transaction markers) are done together with the record before them.
type doneSet struct {
	prefix int64
	beyond []span // in order, apart from each other and from prefix
}

// span is the offsets from first up to, not including, end.
type span struct{ first, end int64 }

// mark notes that the offsets from first up to, not including, end are done. Marking what is done already changes nothing.
func (s *doneSet) mark(first, end int64) {
	if first >= end {
		return
	}
	if first <= s.prefix {
		s.prefix = max(s.prefix, end)
		joined := 0
		for joined < len(s.beyond) && s.beyond[joined].first <= s.prefix {
			s.prefix = max(s.prefix, s.beyond[joined].end)
			joined++
		}
		if joined > 0 {
			s.beyond = slices.Delete(s.beyond, 0, joined)
		}
		return
	}
	// from..to are the spans that the new one overlaps or touches.
	from, _ := slices.BinarySearchFunc(s.beyond, first, func(b span, first int64) int {
		if b.end < first {
			return -1
		}
		return 1
	})
	to := from
	for to < len(s.beyond) && s.beyond[to].first <= end {
		first, end = min(first, s.beyond[to].first), max(end, s.beyond[to].end)
		to++
	}
	s.beyond = slices.Replace(s.beyond, from, to, span{first, end})
}

// done reports whether an offset is done.
func (s *doneSet) done(offset int64) bool {
	if offset < s.prefix {
		return true
	}
	_, found := slices.BinarySearchFunc(s.beyond, offset, func(b span, offset int64) int {
		switch {
		case b.end <= offset:
			return -1
		case b.first > offset:
			return 1
		}
		return 0
	})
	return found
}

func (s *doneSet) clone() doneSet { return doneSet{prefix: s.prefix, beyond: slices.Clone(s.beyond)} }
