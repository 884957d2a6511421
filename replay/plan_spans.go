package replay

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// committedPrefix begins a position that is what a group has committed.
const committedPrefix = "committed:"

// ends are the two positions of a source.
type ends struct {
	span             reader.Range
	fromGroup        string // "" when span.From says where
	toGroup          string
	fromTime, toTime bool
}

// parseEnds reads the positions of a source, each in the grammar of one side of [reader.ParseRange] or committed:GROUP; To may also
// be a duration (1h30m, 31d) when From is a time.
func parseEnds(s Source, now time.Time) (e ends, err error) {
	from, fromGroup := strings.CutPrefix(s.From, committedPrefix)
	to, toGroup := strings.CutPrefix(s.To, committedPrefix)
	if fromGroup && from == "" || toGroup && to == "" {
		return ends{}, &PlanError{Field: "source", Text: "committed: is not followed by the name of a group"}
	}
	e.fromTime, e.toTime = !fromGroup && strings.HasPrefix(from, "@"), !toGroup && strings.HasPrefix(to, "@")
	if fromGroup {
		e.fromGroup = from
	} else if e.span, err = reader.ParseRange(from, now); err != nil || !e.span.To.IsZero() || e.span.From.IsZero() {
		return ends{}, &PlanError{Field: "source.from", Text: wrongEnd(from, err)}
	}
	switch {
	case toGroup:
		e.toGroup = to
	case to == "" || to == "end":
		e.span.To = reader.AtEnd()
	default:
		var r reader.Range
		if r, err = reader.ParseRange(rightOf(from, to), now); err != nil || r.To.IsZero() {
			if _, wrong := reader.ParseRange("@2000-01-01:"+to, now); wrong == nil {
				err = fmt.Errorf("%q is a duration, and --from no time: write an end, or a start such as @2024-01-01", to)
			}
			return ends{}, &PlanError{Field: "source.to", Text: wrongEnd(to, err)}
		}
		e.span.To = r.To
	}
	return e, nil
}

// rightOf is the range that ends at to.
func rightOf(from, to string) string {
	at, isTime := strings.CutPrefix(to, "@")
	switch {
	case strings.HasPrefix(from, "@") && isTime:
		return from + ":" + at // so that an end before the start is noticed
	case isTime:
		return "@:" + at
	case strings.HasPrefix(from, "@") && strings.ContainsAny(to, "dhms"):
		return from + ":" + to
	}
	return ":" + to
}

func wrongEnd(text string, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%q is not one position: start, end, an offset, +n, -n, @time or committed:GROUP", text)
}

// locate fixes the spans.
func (m *planner) locate(ctx context.Context) error {
	e, err := parseEnds(m.plan.Source, m.now)
	if err != nil {
		return err
	}
	m.ends = e
	for _, topic := range m.plan.Source.Topics {
		ranges, err := reader.Resolve(ctx, m.Request.From, topic, m.plan.Source.Partitions, e.span)
		if err != nil {
			return err
		}
		spans := make([]Span, len(ranges))
		for i, r := range ranges {
			spans[i] = Span{Topic: topic, Partition: r.Partition, OffsetRange: r.OffsetRange}
			if end, exact := e.span.To.Offset(); exact { // for trim, to tell of an end beyond the log
				spans[i].To = max(r.From, end)
			}
		}
		if err := m.fromGroups(ctx, e, spans); err != nil {
			return err
		}
		ends, err := endsOf(ctx, m.from, spans)
		if err != nil {
			return err
		}
		if err := addLogs(ctx, m.from, spans); err != nil {
			return err
		}
		for i := range spans {
			m.trim(&spans[i], e)
		}
		m.addTransactionRisks(spans, ends)
		m.plan.Spans = append(m.plan.Spans, spans...)
	}
	return m.addCommitted(ctx)
}

// fromGroups sets the ends that are what a group has committed.
func (m *planner) fromGroups(ctx context.Context, e ends, spans []Span) error {
	set := func(group string, end func(*Span) *int64) error {
		if group == "" {
			return nil
		}
		committed, err := committedIn(ctx, m.from, group, spans)
		if err != nil {
			return err
		}
		some := false
		for i, at := range committed {
			*end(&spans[i]) = max(at, 0)
			some = some || at >= 0
			if at < 0 {
				m.risk("group %s has committed nothing of topic %s partition %d: its start is taken", group, spans[i].Topic, spans[i].Partition)
			}
		}
		if !some && len(spans) > 0 {
			return &PlanError{Field: "source", Text: fmt.Sprintf("group %s has committed nothing of topic %s", group, spans[0].Topic)}
		}
		return nil
	}
	if err := set(e.fromGroup, func(s *Span) *int64 { return &s.From }); err != nil {
		return err
	}
	return set(e.toGroup, func(s *Span) *int64 { return &s.To })
}

// trim keeps a span within its log.
func (m *planner) trim(s *Span, e ends) {
	asked := s.From
	if s.From < s.LogStart {
		if e.fromGroup == "" || s.From > 0 { // a group without a commit asks for nothing that is gone
			s.Gone = min(s.LogStart, max(s.To, s.From)) - s.From
		}
		s.From = s.LogStart
	}
	s.From = min(s.From, s.LogEnd)
	if s.To > s.LogEnd && s.To > asked {
		m.risk("topic %s partition %d ends at offset %d, before the end that was asked for, %d", s.Topic, s.Partition, s.LogEnd, s.To)
	}
	s.To = max(s.From, min(s.To, s.LogEnd))
	if e.fromTime && s.From == s.LogStart && s.LogStart > 0 {
		m.risk("topic %s partition %d holds nothing before offset %d: events of that time that were before it are gone from retention",
			s.Topic, s.Partition, s.LogStart)
	}
}

// addCommitted notes where the group that is to go back is now.
func (m *planner) addCommitted(ctx context.Context) error {
	group := m.plan.Target.Rewind
	if group == "" {
		return nil
	}
	committed, err := committedIn(ctx, m.from, group, m.plan.Spans)
	for i, at := range committed {
		m.plan.Spans[i].Committed = at
	}
	return err
}

// committedIn returns what a group has committed of the spans' partitions, -1 for nothing.
func committedIn(ctx context.Context, client *kafka.Client, group string, spans []Span) ([]int64, error) {
	if len(spans) == 0 {
		return nil, nil
	}
	partitions := make([]kafka.TopicPartition, len(spans))
	for i, s := range spans {
		partitions[i] = kafka.TopicPartition{Topic: s.Topic, Partition: s.Partition}
	}
	var found []kafka.CommittedOffset
	err := client.Retry(ctx, func(ctx context.Context) (err error) {
		found, err = client.FetchOffsets(ctx, group, partitions...)
		return err
	})
	if err != nil {
		return nil, err
	}
	offsets := make([]int64, len(found))
	for i, f := range found {
		offsets[i] = f.Offset
	}
	return offsets, nil
}

// addLogs fills in the first and the last offset of the partitions, as they are now.
func addLogs(ctx context.Context, client *kafka.Client, spans []Span) error {
	queries := make([]kafka.OffsetQuery, 0, 2*len(spans))
	for _, s := range spans {
		queries = append(queries,
			kafka.OffsetQuery{Topic: s.Topic, Partition: s.Partition, Timestamp: kafka.Earliest},
			kafka.OffsetQuery{Topic: s.Topic, Partition: s.Partition, Timestamp: kafka.Latest})
	}
	return client.Retry(ctx, func(ctx context.Context) error {
		answers, err := client.ListOffsets(ctx, true, queries...)
		if err != nil {
			return err
		}
		for i := range spans {
			spans[i].LogStart, spans[i].LogEnd = answers[2*i].Offset, answers[2*i+1].Offset
		}
		return nil
	})
}
