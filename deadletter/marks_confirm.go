package deadletter

import (
	"slices"
	"strconv"
	"strings"
)

// markText is the value of [HeaderRedriveMark].
func markText(run string, at Position) string { return run + "/" + at.String() }

// parseMarkText reads what markText writes.
func parseMarkText(text string) (run string, at Position, ok bool) {
	run, position, _ := strings.Cut(text, "/")
	left, right, _ := strings.Cut(position, ":")
	partition, err1 := strconv.ParseInt(left, 10, 32)
	offset, err2 := strconv.ParseInt(right, 10, 64)
	at = Position{Partition: int32(partition), Offset: offset}
	return run, at, err1 == nil && err2 == nil && partition >= 0 && offset >= 0 && run != ""
}

// confirmed is what a dead letter's headers say of returns and the marks know, each once.
func (r *marksRead) confirmed(d *Letter) (known []string) {
	looked := 0
	for _, h := range d.Headers {
		if h.Key != HeaderRedriveMark || len(h.Value) > maxName || looked == maxRedriveMarks {
			continue
		}
		looked++
		text := string(h.Value)
		if run, at, ok := parseMarkText(text); ok && !slices.Contains(known, text) && r.returned(run, at) {
			known = append(known, text)
		}
	}
	return known
}

// returned reports whether a run has returned the dead letter at a position of its topic.
func (r *marksRead) returned(run string, at Position) bool {
	begun, known := r.runs[run]
	if !known || begun.Action != string(actionRedrive) {
		return false
	}
	base := at.Offset - at.Offset%blockOffsets
	for topic, marks := range r.marks {
		if topic.Name != begun.Topic {
			continue
		}
		for _, m := range marks[Position{at.Partition, base}] {
			if m.run == run && m.action == actionRedrive && m.set.has(at.Offset-base) {
				return true
			}
		}
	}
	return false
}
