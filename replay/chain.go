package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
)

// ChainError says that a replay would feed its own source through replays that were applied before, or that its events have been
// through too many.
type ChainError struct {
	Replay string   // id of the one that is refused
	Target string   // its topic
	Path   []string // topics and replays from the target to the source: topic, replay, topic, …
	Hops   int      // of the longest way back, when that is more than [MaxHops]; else 0
}

func (e *ChainError) Error() string {
	if e.Hops > 0 {
		return fmt.Sprintf("replay %s: its events have been through %d replays, and at most %d are allowed: leave replayed events out with a filter",
			e.Replay, e.Hops, MaxHops)
	}
	return fmt.Sprintf("replay %s: topic %s feeds its own source (%s), so that events would go in circles: "+
		"leave replayed events out with a filter, or choose another target", e.Replay, e.Target, strings.Join(e.Path, " > "))
}

// clusterTopic is a topic of a cluster.
type clusterTopic struct{ cluster, topic string }

// chain follows the events of a copy back through the replays that they came by, as the history tells, and refuses one that comes back
// to the target. Events tell by their headers which replay brought them; batches that passed undecoded do not, so that every such copy
// into the source counts.
func (p *Plan) chain(h History) error {
	if p.Target.Topic == "" {
		return nil
	}
	type step struct {
		earlier []string
		places  []clusterTopic
		path    []string // from there to the source of the plan
		hops    int
	}
	target := clusterTopic{p.Target.ClusterID, p.Target.Topic}
	begin := step{earlier: p.Earlier}
	for _, topic := range p.Source.Topics {
		begin.places = append(begin.places, clusterTopic{p.Source.ClusterID, topic})
	}
	met := map[string]bool{p.ID: true}
	for steps := []step{begin}; len(steps) > 0; steps = steps[1:] {
		s := steps[0]
		if s.hops >= MaxHops {
			return &ChainError{Replay: p.ID, Target: p.Target.Topic, Hops: s.hops}
		}
		for _, a := range h.Replays {
			if met[a.ID] || !a.fed(s.places, s.earlier) {
				continue
			}
			met[a.ID] = true
			next := step{earlier: a.Earlier, hops: s.hops + 1, path: append([]string{"replay " + a.ID, a.Target.Topic}, s.path...)}
			for _, topic := range a.Source.Topics {
				from := clusterTopic{a.Source.ClusterID, topic}
				if from == target {
					return &ChainError{Replay: p.ID, Target: p.Target.Topic, Path: append([]string{topic}, next.path...)}
				}
				next.places = append(next.places, from)
			}
			steps = append(steps, next)
		}
	}
	return nil
}

// fed reports whether a replay has brought events to one of the places, which came by the replays of earlier.
func (a *Audit) fed(places []clusterTopic, earlier []string) bool {
	switch {
	case a.Target.Topic == "":
		return false
	case slices.Contains(earlier, a.ID):
		return true
	}
	return (a.Target.Raw || len(earlier) >= maxEarlier) && slices.Contains(places, clusterTopic{a.Target.ClusterID, a.Target.Topic})
}

// brought is which replays have copied events to which topics of a cluster, as their records say. Headers of a replay are believed of
// no other, since whoever writes an event chooses its headers. Nil believes all of them.
type brought map[string]map[string]bool // ids by topic

func (h History) brought(clusterID string) brought {
	b := brought{}
	for _, a := range h.Replays {
		if a.Target.Topic == "" || a.Target.ClusterID != clusterID {
			continue
		}
		if b[a.Target.Topic] == nil {
			b[a.Target.Topic] = map[string]bool{}
		}
		b[a.Target.Topic][a.ID] = true
	}
	return b
}

func (b brought) by(topic string, id []byte) bool { return b == nil || b[topic][string(id)] }

// broughtTo reads which replays have copied to topics of a cluster. Without the right to read the records it is nil.
func broughtTo(ctx context.Context, cluster headrace.Cluster, clusterID string) (brought, History, error) {
	history, err := List(ctx, cluster)
	if _, ours := errors.AsType[*AuditError](err); ours && noRight(err) {
		return nil, History{}, nil
	}
	if err != nil {
		return nil, History{}, err
	}
	return history.brought(clusterID), history, nil
}

// claims is what the headers of an event say of the replays that it has been through.
type claims struct {
	replay, topic, hops []byte // nil where no header says so
}

// refusal is why an event must not be copied to a target: it came from there, or has been through too many replays.
func (c claims) refusal(p *Plan, sameSide bool, at headrace.Location) error {
	if c.topic != nil && sameSide && string(c.topic) == p.Target.Topic {
		return &LoopError{Replay: p.ID, Target: p.Target.Topic, Source: at.Topic, Partition: at.Partition, Offset: at.Offset}
	}
	if n, err := strconv.ParseUint(string(c.hops), 10, 31); c.hops != nil && (err != nil || n >= MaxHops) {
		return &HopsError{Location: at, Hops: string(c.hops)}
	}
	return nil
}

// passed is how many replays the event has been through; refusal has looked at the header.
func (c claims) passed() int {
	n, _ := strconv.Atoi(string(c.hops))
	return n
}

// origins is what the events of a source tell of the replays that brought them.
type origins struct {
	brought brought
	replays map[string]bool
	refusal error // the first event that must not be replayed
}

// add looks at the headers of an event that the filter lets through. A copy makes the same checks again as it goes.
func (o *origins) add(p *Plan, r *reader.Record) {
	var c claims
	for _, h := range r.Headers {
		switch h.Key {
		case HeaderReplay:
			c.replay = h.Value
		case HeaderTopic:
			c.topic = h.Value
		case HeaderHops:
			c.hops = h.Value
		}
	}
	if !o.brought.by(r.Topic, c.replay) {
		return
	}
	if !o.replays[string(c.replay)] && len(o.replays) < maxEarlier && planID.Match(c.replay) {
		o.replays[string(c.replay)] = true
	}
	if o.refusal == nil {
		at := headrace.Location{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
		o.refusal = c.refusal(p, p.Target.ClusterID == p.Source.ClusterID, at)
	}
}

// readHistory reads the records of earlier replays, which the scan needs.
func (m *planner) readHistory(ctx context.Context) (err error) {
	if m.plan.Target.Topic == "" {
		return nil
	}
	if m.origins.brought, m.history, err = broughtTo(ctx, m.Request.From, m.plan.Source.ClusterID); err != nil {
		return err
	}
	unread := m.origins.brought == nil
	if m.To != nil {
		known, there, err := broughtTo(ctx, *m.To, m.plan.Target.ClusterID)
		if err != nil {
			return err
		}
		unread = unread || known == nil
		m.history.Replays = append(m.history.Replays, there.Replays...)
	}
	if unread {
		m.risk("audit topic %s may not be read, so that circles through earlier replays are not noticed", AuditTopic)
	}
	return nil
}

// checkCircles refuses to plan what would go in circles.
func (m *planner) checkCircles(context.Context) error {
	if m.plan.Target.Topic == "" {
		return nil
	}
	if m.origins.refusal != nil {
		return m.origins.refusal
	}
	m.plan.Earlier = slices.Sorted(maps.Keys(m.origins.replays))
	return m.plan.chain(m.history)
}

// noRight reports whether a broker has refused for want of a right.
func noRight(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.GroupAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed)
}
