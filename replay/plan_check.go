package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/reader"
)

// Change is how the world differs from what it was when a plan was made.
type Change string

// Changes that a plan does not outlive.
const (
	ClusterChanged Change = "cluster changed" // another cluster answers at the address
	TopicGone      Change = "topic gone"
	TopicRecreated Change = "topic recreated" // deleted and made anew: its offsets mean other events
	TopicGrown     Change = "topic grown"     // the plan is of all partitions, and there are more by now
	TopicShrunk    Change = "topic shrunk"    // made anew with fewer partitions, or the target's are too few
	LogTrimmed     Change = "log trimmed"     // retention has removed events of the plan
	LogCut         Change = "log cut"         // the log ends before the span does
	CommitMoved    Change = "commit moved"    // the group that is to go back has committed something else
)

// StaleError says that a plan no longer fits, so that it is not applied. Make a new one.
type StaleError struct {
	Change    Change
	Topic     string // "" when it is about the cluster
	Partition int32  // -1 when it is about the whole topic, or the cluster
	Was, Is   string // what the plan says, and what there is now
}

func (e *StaleError) Error() string {
	place := "cluster"
	if e.Topic != "" {
		place = "topic " + e.Topic
	}
	if e.Partition >= 0 {
		place += fmt.Sprintf(" partition %d", e.Partition)
	}
	return fmt.Sprintf("plan: %s: %s since it was made: %s was planned, %s is there: plan again", place, e.Change, e.Was, e.Is)
}

// check compares the plan with the clusters as they are now; to is the target's, nil for from. Every way in which they differ and
// that matters is a *[StaleError], all of them joined. What the source has beyond the spans does not matter, for the end is fixed.
func (p Plan) check(ctx context.Context, from headrace.Cluster, to *headrace.Cluster) error {
	return p.compare(ctx, from, to, false)
}

// checkRest is check for a replay that goes on, of what is left of its plan (see rest): what is behind it may be gone by now, and the
// source may have grown, since all of the plan's events lie in the partitions that it had.
func (p Plan) checkRest(ctx context.Context, from headrace.Cluster, to *headrace.Cluster) error {
	return p.compare(ctx, from, to, true)
}

// rest is the plan with its spans beginning where a replay goes on, at their To for those that are done. Topics with nothing left are
// left out.
func (p Plan) rest(next func(Span) int64) Plan {
	p.Spans = slices.Clone(p.Spans)
	open := map[string]bool{}
	for i, s := range p.Spans {
		p.Spans[i].From = min(max(next(s), s.From), s.To)
		open[s.Topic] = open[s.Topic] || p.Spans[i].From < s.To
	}
	p.Topics = slices.DeleteFunc(slices.Clone(p.Topics), func(t TopicState) bool { return !open[t.Name] })
	p.Spans = slices.DeleteFunc(p.Spans, func(s Span) bool { return !open[s.Topic] })
	return p
}

func (p Plan) compare(ctx context.Context, from headrace.Cluster, to *headrace.Cluster, goesOn bool) error {
	client, err := kafka.Open(from)
	if err != nil {
		return err
	}
	defer client.Close()
	c := &staleness{plan: p, goesOn: goesOn}
	if err := c.source(ctx, client); err != nil {
		return err
	}
	if p.Target.Topic != "" && p.Target.Partitions > 0 {
		target := client
		if to != nil {
			if target, err = kafka.Open(*to); err != nil {
				return err
			}
			defer target.Close()
		}
		if err := c.target(ctx, target); err != nil {
			return err
		}
	}
	return errors.Join(c.stale...)
}

// staleness collects the changes.
type staleness struct {
	plan   Plan
	goesOn bool
	stale  []error
}

func (c *staleness) note(change Change, topic string, partition int32, was, is any) {
	c.stale = append(c.stale, &StaleError{Change: change, Topic: topic, Partition: partition, Was: fmt.Sprint(was), Is: fmt.Sprint(is)})
}

func (c *staleness) source(ctx context.Context, client *kafka.Client) error {
	p := c.plan
	id, err := clusterID(ctx, client)
	if err != nil {
		return err
	}
	if p.Source.ClusterID != "" && id != p.Source.ClusterID {
		c.note(ClusterChanged, "", -1, p.Source.ClusterID, id)
		return nil // its topics are others, whatever their names
	}
	known := map[string]bool{}
	for _, planned := range p.Topics {
		now, err := stateOf(ctx, client, planned.Name)
		if _, gone := errors.AsType[*reader.MissingTopicError](err); gone {
			c.note(TopicGone, planned.Name, -1, "the topic", "none")
			continue
		}
		if err != nil {
			return err
		}
		known[planned.Name] = true
		switch {
		case planned.ID != "" && now.ID != "" && planned.ID != now.ID:
			c.note(TopicRecreated, planned.Name, -1, "topic id "+planned.ID, now.ID)
			known[planned.Name] = false
		case now.Partitions < planned.Partitions:
			c.note(TopicShrunk, planned.Name, -1, phrase.Count(int64(planned.Partitions), "partition"), phrase.Count(int64(now.Partitions), "partition"))
			known[planned.Name] = false
		case now.Partitions > planned.Partitions && len(p.Source.Partitions) == 0 && !c.goesOn:
			c.note(TopicGrown, planned.Name, -1, phrase.Count(int64(planned.Partitions), "partition"), phrase.Count(int64(now.Partitions), "partition"))
		}
	}
	return c.logs(ctx, client, known)
}

func (c *staleness) logs(ctx context.Context, client *kafka.Client, known map[string]bool) error {
	spans := slices.DeleteFunc(slices.Clone(c.plan.Spans), func(s Span) bool { return !known[s.Topic] || s.From == s.To })
	now := slices.Clone(spans)
	if err := addLogs(ctx, client, now); err != nil {
		return err
	}
	for i, s := range spans {
		switch {
		case now[i].LogStart > s.From:
			c.note(LogTrimmed, s.Topic, s.Partition, fmt.Sprintf("a start at offset %d", s.From), fmt.Sprintf("a log from %d on", now[i].LogStart))
		case now[i].LogEnd < s.To:
			c.note(LogCut, s.Topic, s.Partition, fmt.Sprintf("an end at offset %d", s.To), fmt.Sprintf("a log up to %d", now[i].LogEnd))
		}
	}
	return nil
}

func (c *staleness) target(ctx context.Context, client *kafka.Client) error {
	t := c.plan.Target
	id, err := clusterID(ctx, client)
	if err != nil {
		return err
	}
	if t.ClusterID != "" && id != t.ClusterID {
		c.note(ClusterChanged, "", -1, t.ClusterID, id)
		return nil
	}
	now, err := stateOf(ctx, client, t.Topic)
	if _, gone := errors.AsType[*reader.MissingTopicError](err); gone {
		c.note(TopicGone, t.Topic, -1, "the topic", "none")
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case t.TopicID != "" && now.ID != "" && t.TopicID != now.ID:
		c.note(TopicRecreated, t.Topic, -1, "topic id "+t.TopicID, now.ID)
	case now.Partitions < t.Partitions:
		c.note(TopicShrunk, t.Topic, -1, phrase.Count(int64(t.Partitions), "partition"), phrase.Count(int64(now.Partitions), "partition"))
	}
	return nil
}
