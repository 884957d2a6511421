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
	"github.com/headrace/headrace/consumer"
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

// place is a topic of a cluster.
type place struct{ cluster, topic string }

// chain follows the events of a copy back through the replays that they came by, as the history tells, and refuses one that comes back
// to the target. Events tell by their headers which replay brought them; batches that passed undecoded do not, so that every such copy
// into the source counts.
func (p *Plan) chain(h History) error {
	if p.Target.Topic == "" {
		return nil
	}
	type step struct {
		earlier []string
		places  []place
		path    []string // from there to the source of the plan
		hops    int
	}
	target := place{p.Target.ClusterID, p.Target.Topic}
	begin := step{earlier: p.Earlier}
	for _, topic := range p.Source.Topics {
		begin.places = append(begin.places, place{p.Source.ClusterID, topic})
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
				from := place{a.Source.ClusterID, topic}
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
func (a *Audit) fed(places []place, earlier []string) bool {
	switch {
	case a.Target.Topic == "":
		return false
	case slices.Contains(earlier, a.ID):
		return true
	}
	return (a.Target.Raw || len(earlier) >= maxEarlier) && slices.Contains(places, place{a.Target.ClusterID, a.Target.Topic})
}

// origins is what the events of a source tell of the replays that brought them.
type origins struct {
	replays map[string]bool
	refusal error // the first event that must not be replayed
}

// see looks at the headers of an event that the filter lets through. A copy makes the same checks again as it goes.
func (o *origins) see(p *Plan, r *consumer.Record) {
	for _, h := range r.Headers {
		switch h.Key {
		case HeaderReplay:
			if !o.replays[string(h.Value)] && len(o.replays) < maxEarlier && planID.Match(h.Value) {
				o.replays[string(h.Value)] = true
			}
		case HeaderTopic:
			if string(h.Value) == p.Target.Topic && p.Target.ClusterID == p.Source.ClusterID && o.refusal == nil {
				o.refusal = &LoopError{Replay: p.ID, Target: p.Target.Topic, Source: r.Topic, Partition: r.Partition, Offset: r.Offset}
			}
		case HeaderHops:
			if n, err := strconv.ParseUint(string(h.Value), 10, 31); (err != nil || n >= MaxHops) && o.refusal == nil {
				at := consumer.At{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
				o.refusal = &HopsError{At: at, Hops: string(h.Value)}
			}
		}
	}
}

// guard refuses to plan what would go in circles.
func (m *making) guard(ctx context.Context) error {
	if m.plan.Target.Topic == "" {
		return nil
	}
	if m.origins.refusal != nil {
		return m.origins.refusal
	}
	m.plan.Earlier = slices.Sorted(maps.Keys(m.origins.replays))
	clusters := []headrace.Cluster{m.Request.From}
	if m.To != nil {
		clusters = append(clusters, *m.To)
	}
	var way History
	for _, cluster := range clusters {
		history, err := List(ctx, cluster)
		if _, ours := errors.AsType[*AuditError](err); ours && noRight(err) {
			m.risk("audit topic %s may not be read, so that circles through earlier replays are not noticed", AuditTopic)
			continue
		}
		if err != nil {
			return err
		}
		way.Replays = append(way.Replays, history.Replays...)
	}
	return m.plan.chain(way)
}

// noRight reports whether a broker has refused for want of a right.
func noRight(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.GroupAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed)
}
