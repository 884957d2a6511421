package replay

import (
	"time"

	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/reader"
)

// order is what the timestamps of a source say about spans that were found by time. Kafka finds the first event at or after a time; what
// comes behind it may well be earlier.
type order struct {
	before, after int64 // events in the spans whose timestamps are not in the range
	late          int64 // events with timestamps before that of one in front of them
}

// count looks at every event of the spans, whether it passes the filter or not; latest is the newest timestamp of its partition so far.
func (o *order) count(e ends, r *reader.Record, latest *time.Time) {
	if !e.fromTime && !e.toTime {
		return
	}
	if from, ok := e.span.From.Time(); ok && r.Time.Before(from) {
		o.before++
	}
	if to, ok := e.span.To.Time(); ok && !r.Time.Before(to) {
		o.after++
	}
	if r.Time.Before(*latest) {
		o.late++
	} else {
		*latest = r.Time
	}
}

func (m *planner) addOrderRisks() {
	o := m.scanned.order
	if outside := o.before + o.after; outside > 0 {
		m.risk("of another time than was asked for, and in the range because timestamps are out of order: %s; leave them out with --where, by time",
			phrase.Count(outside, "event"))
	}
	if _, byTime := m.ends.span.To.Time(); byTime && o.late > 0 {
		m.risk("timestamps are out of order, %s came later than newer ones: events of the time that was asked for may also lie behind the range; "+
			"to have them all, plan to a later end and choose with --where, by time", phrase.Count(o.late, "event"))
	}
}
