package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/internal/runid"
	"github.com/headrace/headrace/internal/topicstate"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// Request asks for a plan. From, Source.Topics and one target are needed.
type Request struct {
	From     headrace.Cluster
	Registry *registry.Client // of the source's values; nil: schemas stay unnamed, and filters by event or value are refused

	To         *headrace.Cluster // of Target.Topic; nil: From
	ToRegistry *registry.Client  // that readers of Target.Topic ask; nil: Registry

	Source Source // ClusterID is filled in
	Filter filter.Filter
	Target Target // ClusterID, TopicID and Partitions are filled in

	Readers []*schema.Schema // that the target reads with; nil for a topic: the newest of its subjects
	Limits  Limits           // for the estimate
	By      string           // who asks, for the record

	Progress func(done, total int64) // when not nil, told of offsets now and then, from the calling goroutine
}

// Limits bound how fast events are replayed. Zero is no bound.
type Limits struct {
	Rate      float64 `json:"rate,omitempty"`       // events a second
	BytesRate float64 `json:"bytes_rate,omitempty"` // bytes of keys and values a second
	Speed     float64 `json:"speed,omitempty"`      // times the pace at which the events came
}

// Make works out what a replay would do, by reading the source once. It changes nothing.
//
// The end is fixed: what comes after Make is not replayed. An event that the filter cannot decide is counted as unknown, when its schema
// is, or as corrupt, and told in Risks; an expression that has no answer for an event, such as one that asks for a field
// the event does not have, is an *[UndecidedError]. Topics that do not exist are *[reader.MissingTopicError], a request that makes
// no sense is a *[PlanError] or *[Error], a registry that is down an error of package schema. Brokers that are away are waited
// for until ctx ends.
func Make(ctx context.Context, r Request) (Plan, error) {
	began := time.Now()
	p := Plan{
		Version: PlanVersion, ID: runid.New(began), MadeAt: began.UTC().Truncate(time.Millisecond), MadeBy: r.By,
		Source: r.Source, Filter: r.Filter, Target: r.Target,
	}
	if p.Source.From == "" {
		p.Source.From = "start"
	}
	if p.Source.To == "" {
		p.Source.To = "end"
	}
	p.Source.Topics = slices.Sorted(slices.Values(r.Source.Topics))
	if err := p.Validate(); err != nil {
		return Plan{}, err
	}
	match, err := r.Filter.Compile(r.Registry, p.Source.Topics...)
	if err != nil {
		return Plan{}, err
	}
	m := &planner{Request: r, plan: &p, match: match, now: began, origins: origins{replays: map[string]bool{}}}
	for _, step := range []func(context.Context) error{m.open, m.locate, m.readHistory, m.scan, m.checkReaders, m.checkCircles, m.checkApply} {
		if err = step(ctx); err != nil {
			break
		}
	}
	m.close()
	if err != nil {
		return Plan{}, err
	}
	m.addRisks()
	p.Seconds = m.estimate(time.Since(began))
	return p, p.Validate()
}

// planner is one Make.
type planner struct {
	Request
	plan    *Plan
	match   *filter.Matcher
	now     time.Time
	from    *kafka.Client
	to      *kafka.Client // from when the clusters are one
	ends    ends          // what the source asks for
	scanned *scanned
	values  *values // nil: they pass as they are
	origins origins
	history History // of the replays that have changed the clusters
	risks   []string
}

func (m *planner) risk(format string, args ...any) {
	m.risks = append(m.risks, fmt.Sprintf(format, args...))
}

// open looks at the clusters and the topics.
func (m *planner) open(ctx context.Context) (err error) {
	if m.from, err = kafka.Open(m.From); err != nil {
		return err
	}
	m.to = m.from
	if m.To != nil {
		if m.to, err = kafka.Open(*m.To); err != nil {
			m.to = m.from
			return err
		}
	}
	if m.plan.Source.ClusterID, err = clusterID(ctx, m.from); err != nil {
		return err
	}
	for _, name := range m.plan.Source.Topics {
		state, err := stateOf(ctx, m.from, name)
		if err != nil {
			return err
		}
		m.plan.Topics = append(m.plan.Topics, state)
	}
	return m.openTarget(ctx)
}

func (m *planner) openTarget(ctx context.Context) (err error) {
	t := &m.plan.Target
	t.ClusterID, t.TopicID, t.Partitions = m.plan.Source.ClusterID, "", 0
	if t.Topic == "" {
		return nil
	}
	if t.ClusterID, err = clusterID(ctx, m.to); err != nil {
		return err
	}
	state, err := stateOf(ctx, m.to, t.Topic)
	if err != nil {
		return err
	}
	t.TopicID, t.Partitions = state.ID, state.Partitions
	if t.ClusterID == m.plan.Source.ClusterID && slices.Contains(m.plan.Source.Topics, t.Topic) {
		return &PlanError{Field: "target.topic", Text: fmt.Sprintf("topic %s is replayed itself: what is copied would be read again; copy to another topic", t.Topic)}
	}
	for _, s := range m.plan.Topics {
		if s.Partitions > t.Partitions && len(m.plan.Source.Partitions) == 0 {
			return &PlanError{Field: "target.topic", Text: fmt.Sprintf("topic %s has %s, and topic %s %d: "+
				"events keep their partition, so it needs as many", t.Topic, phrase.Count(int64(t.Partitions), "partition"), s.Name, s.Partitions)}
		}
	}
	for _, wanted := range m.plan.Source.Partitions {
		if wanted >= t.Partitions {
			return &PlanError{Field: "target.topic", Text: fmt.Sprintf("topic %s has %s, and no partition %d", t.Topic, phrase.Count(int64(t.Partitions), "partition"), wanted)}
		}
	}
	return nil
}

func (m *planner) close() {
	if m.to != nil && m.to != m.from {
		m.to.Close()
	}
	if m.from != nil {
		m.from.Close()
	}
}

// stateOf looks at a topic, past what the client remembers.
func stateOf(ctx context.Context, client *kafka.Client, name string) (TopicState, error) {
	now, err := topicstate.Get(ctx, client, name)
	return TopicState(now), err
}

// estimate is how long applying takes: as long as the scan, or as the limits make it.
func (m *planner) estimate(scan time.Duration) float64 {
	if m.plan.Target.Rewind != "" || m.plan.Counts.Events == 0 {
		return 0
	}
	seconds := scan.Seconds()
	if m.Limits.Rate > 0 {
		seconds = max(seconds, float64(m.plan.Counts.Events)/m.Limits.Rate)
	}
	if m.Limits.BytesRate > 0 {
		seconds = max(seconds, float64(m.plan.Counts.Bytes)/m.Limits.BytesRate)
	}
	if m.Limits.Speed > 0 {
		seconds = max(seconds, m.scanned.last.Sub(m.scanned.first).Seconds()/m.Limits.Speed)
	}
	return seconds
}
