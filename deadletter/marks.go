package deadletter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Which dead letters are done is kept as marks in a compacted topic, [MarksTopic], and not as offsets of a group:
//   - A cursor says "all up to here", and one cause out of three lies between the others. The metadata of a commit could hold the rest,
//     but for 4 KiB: some thousands of letters at best, and then it would have to forget some, which would be returned twice.
//   - Kafka forgets the offsets of a group without members after offsets.retention.minutes, 7 days by default. A compacted topic does
//     not forget.
//   - A discarded letter needs a reason, and who did it.
//
// A run writes marks under keys of its own, and never changes those of another. So a process that was thought dead and comes back can
// take no mark away, whatever it still writes: what is done is the union of all marks.
//
// The key of a mark is mark:TOPIC:TOPIC-ID:PARTITION:BLOCK:RUN, its value {"action":"redrive","offsets":"4096-4100,4103"}: offsets of
// the block of 4096 that begins at BLOCK, in order. The topic's id is there because a topic that is made anew begins at offset 0 again.

const (
	markKey = "mark:"
	runKey  = "run:"

	blockOffsets = 4096
	maxMarkBytes = 64 << 10 // every second offset of a block takes 20 KiB
)

// markOf is what a block of marks is of.
type markOf struct {
	topic, id string
	partition int32
	block     int64 // its first offset
	run       string
}

func (m markOf) key() string {
	return fmt.Sprintf("%s%s:%s:%d:%d:%s", markKey, m.topic, m.id, m.partition, m.block, m.run)
}

// parseMarkKey reads what key writes.
func parseMarkKey(key string) (m markOf, ok bool) {
	parts := strings.Split(strings.TrimPrefix(key, markKey), ":")
	if !strings.HasPrefix(key, markKey) || len(parts) != 5 {
		return markOf{}, false
	}
	partition, err1 := strconv.ParseInt(parts[2], 10, 32)
	block, err2 := strconv.ParseInt(parts[3], 10, 64)
	m = markOf{topic: parts[0], id: parts[1], partition: int32(partition), block: block, run: parts[4]}
	return m, err1 == nil && err2 == nil && partition >= 0 && block >= 0 && block%blockOffsets == 0
}

// offsetSet is offsets of one block, a bit for each.
type offsetSet [blockOffsets / 64]uint64

func (s *offsetSet) add(n int64)      { s[n/64] |= 1 << (n % 64) }
func (s *offsetSet) has(n int64) bool { return s[n/64]&(1<<(n%64)) != 0 }

// text lists the offsets of the block that begins at base.
func (s *offsetSet) text(base int64) string {
	var out []byte
	for n := int64(0); n < blockOffsets; n++ {
		if !s.has(n) {
			continue
		}
		first := n
		for n+1 < blockOffsets && s.has(n+1) {
			n++
		}
		if out != nil {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, base+first, 10)
		if n > first {
			out = strconv.AppendInt(append(out, '-'), base+n, 10)
		}
	}
	return string(out)
}

var errMark = errors.New("not a list of offsets of the block")

// parse adds what text writes.
func (s *offsetSet) parse(text string, base int64) error {
	for part := range strings.SplitSeq(text, ",") {
		left, right, isRange := strings.Cut(part, "-")
		if !isRange {
			right = left
		}
		first, err1 := strconv.ParseInt(left, 10, 64)
		last, err2 := strconv.ParseInt(right, 10, 64)
		if err1 != nil || err2 != nil || first < base || last < first || last-base >= blockOffsets {
			return errMark
		}
		for n := first; n <= last; n++ {
			s.add(n - base)
		}
	}
	return nil
}

// action is what a run does with dead letters.
type action string

const (
	actionRedrive action = "redrive"
	actionDiscard action = "discard"
)

func (a action) fate() Fate {
	if a == actionDiscard {
		return FateDiscarded
	}
	return FateRedriven
}

// markValue is the value of a mark.
type markValue struct {
	Action  action `json:"action"`
	Offsets string `json:"offsets"`
}

// marked is what one run has done in one block.
type marked struct {
	run    string
	action action
	set    *offsetSet
}

// marks is what is done in one topic.
type marks map[Position][]marked // by the beginning of the block

// add reads a record of the marks topic. What was written by somebody else is left out.
func (m marks) add(of markOf, value []byte) {
	at := Position{of.partition, of.block}
	var v markValue
	set := &offsetSet{}
	if len(value) > maxMarkBytes || json.Unmarshal(value, &v) != nil || set.parse(v.Offsets, of.block) != nil {
		return
	}
	for i, old := range m[at] {
		if old.run == of.run { // an older mark under the same key, not compacted yet
			m[at][i] = marked{of.run, v.Action, set}
			return
		}
	}
	m[at] = append(m[at], marked{of.run, v.Action, set})
}

// fate says whether a dead letter is done, and by which run.
func (m marks) fate(partition int32, offset int64) (Fate, string) {
	block := offset - offset%blockOffsets
	for _, one := range m[Position{partition, block}] {
		if one.set.has(offset - block) {
			return one.action.fate(), one.run
		}
	}
	return FateOpen, ""
}
