package shadow

import (
	"context"
	"fmt"
	"time"

	"github.com/headrace/headrace/replay"
)

// OutputOf returns the config for comparing what was made from a part of a topic, the source: what a shadow run was given.
//
// With OriginHeader an event tells what it was made from, and Spans are set. Without it, an output that keeps the time of its input has the
// same times: Expected.Begin and End are set, unless the config already says which part of it counts. A source that begins or ends at an
// offset says nothing about the output then, and is a *[PlanError].
func (c Config) OutputOf(ctx context.Context, source replay.Source) (Config, error) {
	asked, err := source.Range(time.Now())
	if err != nil {
		return c, err
	}
	if c.OriginHeader != "" {
		c.Spans, err = source.Locate(ctx, c.Cluster)
		return c, err
	}
	if x := c.Expected; !x.Range.From.IsZero() || !x.Range.To.IsZero() || !x.Begin.IsZero() || !x.End.IsZero() {
		return c, nil
	}
	begin, fromTime := asked.From.Time()
	end, toTime := asked.To.Time()
	for _, side := range []struct {
		field, text string
		time        bool
	}{{"source.from", source.From, fromTime}, {"source.to", source.To, toTime || fromTime && !asked.To.IsZero()}} {
		if !side.time && side.text != "" && side.text != "start" && side.text != "end" {
			return c, &replay.PlanError{Field: side.field, Text: fmt.Sprintf("%q is a place in the input, and the output has places of its own: "+
				"give the range of the expected topic, or the header that tells of an event's origin", side.text)}
		}
	}
	if fromTime {
		c.Expected.Range.From, c.Expected.Begin = asked.From, begin // nothing that counts comes before
	}
	if toTime {
		c.Expected.End = end
	}
	return c, nil
}
