package headrace

// OffsetRange is the offsets of a partition from From up to, not including, To.
type OffsetRange struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Contains reports whether the offset is in the range.
func (r OffsetRange) Contains(offset int64) bool { return r.From <= offset && offset < r.To }

// Len returns the number of offsets in the range, which may be more than the partition has events there.
func (r OffsetRange) Len() int64 { return max(0, r.To-r.From) }
