package reader

import (
	"fmt"
	"strconv"
	"time"
)

// Position names an offset of a partition's log: by the offset itself, by its distance from either end, or by time. One Position serves
// all partitions of a topic, and becomes an offset of each when it is used.
//
// The zero Position is none: where a start is asked for it means [AtStart], where an end is asked for it means no end.
type Position struct {
	kind   positionKind
	number int64 // an offset, a distance, or milliseconds since 1970
}

type positionKind int8

const (
	positionNone positionKind = iota
	positionStart
	positionEnd
	positionOffset
	positionAfterStart
	positionBeforeEnd
	positionTime
)

// AtStart is the first offset the partition still holds.
func AtStart() Position { return Position{kind: positionStart} }

// AtEnd is the offset the next event of the partition will get.
func AtEnd() Position { return Position{kind: positionEnd} }

// AtOffset is an exact offset.
func AtOffset(offset int64) Position { return Position{kind: positionOffset, number: offset} }

// AfterStart is n offsets after the first one the partition still holds.
func AfterStart(n int64) Position { return Position{kind: positionAfterStart, number: n} }

// BeforeEnd is n offsets before the end of the partition, or its start when it holds fewer.
func BeforeEnd(n int64) Position { return Position{kind: positionBeforeEnd, number: n} }

// AtTime is the first event whose timestamp is at or after t, or the end of the partition when there is none. Kafka's timestamps
// have milliseconds; the rest of t is dropped. A t before 1970 is AtStart: brokers cannot look for such a time, and some negative
// timestamps have a meaning of their own.
func AtTime(t time.Time) Position {
	if t.UnixMilli() < 0 {
		return AtStart()
	}
	return Position{kind: positionTime, number: t.UnixMilli()}
}

// IsZero reports whether p is none.
func (p Position) IsZero() bool { return p.kind == positionNone }

// Time returns the time of a position made by [AtTime], and false for every other one.
func (p Position) Time() (time.Time, bool) {
	if p.kind != positionTime {
		return time.Time{}, false
	}
	return time.UnixMilli(p.number).UTC(), true
}

// Offset returns the offset of a position made by [AtOffset], and false for every other one.
func (p Position) Offset() (int64, bool) {
	if p.kind != positionOffset {
		return 0, false
	}
	return p.number, true
}

// String returns the position in the grammar of [ParseRange]: "start", "end", "47", "+2", "-3", "@1700000000000". The zero
// Position is "".
func (p Position) String() string {
	switch p.kind {
	case positionStart:
		return "start"
	case positionEnd:
		return "end"
	case positionOffset:
		return strconv.FormatInt(p.number, 10)
	case positionAfterStart:
		return fmt.Sprintf("+%d", p.number)
	case positionBeforeEnd:
		return fmt.Sprintf("-%d", p.number)
	case positionTime:
		return fmt.Sprintf("@%d", p.number)
	case positionNone:
	}
	return ""
}

// Range is a part of every partition of a topic: from From up to, not including, To. The zero Range is everything, without end.
type Range struct {
	From Position // none: the start
	To   Position // none: no end, new events are waited for
}
