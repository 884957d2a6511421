package topics

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/schema"
)

// state is how a change's subject matter is now.
type state int8

const (
	changed   state = iota // neither as the plan saw it nor as it would make it
	asPlanned              // as the plan saw it
	asWanted               // as the plan would make it
)

// observe reads what the plan's changes are about, topics as one node knows them.
func (a *application) observe(ctx context.Context, node int32) (*World, error) {
	var names []string
	subjects := map[string]*schema.Schema{}
	rights := false
	for _, c := range a.plan.Changes {
		switch {
		case c.Topic != "":
			names = append(names, c.Topic)
		case c.ACL != nil:
			rights = true
		case c.Subject != "" && node == kafka.AnyNode:
			if c.Schema == nil {
				if _, known := subjects[c.Subject]; !known {
					subjects[c.Subject] = nil
				}
				continue
			}
			parsed, err := c.Schema.parse()
			if err != nil {
				return nil, fmt.Errorf("subject %s: the plan's schema: %w", c.Subject, err)
			}
			subjects[c.Subject] = parsed
		}
	}
	slices.Sort(names)
	world, err := observeTopics(ctx, a.client, node, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	if rights {
		if err := observeACLs(ctx, a.client, world); err != nil {
			return nil, err
		}
	}
	if len(subjects) == 0 {
		return world, nil
	}
	if a.conn.Registry == nil {
		return nil, errNoRegistry
	}
	var wanted []WantedSubject
	for _, name := range sortedNames(subjects) {
		wanted = append(wanted, WantedSubject{Subject: name, Schema: subjects[name]})
	}
	world.Subjects, err = observeSubjects(ctx, a.conn.Registry, wanted)
	return world, err
}

// state compares what a change is about with a world, and says in words how it is when it has changed.
func (c Change) state(w *World) (state, string) {
	switch c.Kind {
	case CreateTopic, SetConfig, AddPartitions, SetReplicas, DeleteTopic:
		return c.topicState(w)
	case RegisterSchema, SetCompatibility:
		return c.subjectState(w)
	case CreateACL:
		if !w.Authorizer {
			return changed, "a cluster without an authorizer"
		}
		if slices.ContainsFunc(w.ACLs, func(has ACL) bool { return has.grants(*c.ACL) }) {
			return asWanted, ""
		}
		return asPlanned, ""
	}
	return changed, "nothing this headrace knows"
}

func (c Change) topicState(w *World) (state, string) {
	live, exists := w.topic(c.Topic)
	switch {
	case !exists && c.Kind == CreateTopic:
		return asPlanned, ""
	case !exists && c.Kind == DeleteTopic:
		return asWanted, ""
	case !exists:
		return changed, "no such topic"
	case c.Kind == CreateTopic:
		return live.created(c)
	case c.TopicID != "" && live.ID != c.TopicID:
		return changed, "another topic of the same name, created since"
	}
	switch c.Kind {
	case SetConfig:
		now := live.Settings[c.Setting]
		switch {
		case sameValue(c.Setting, now, c.New):
			return asWanted, ""
		case sameValue(c.Setting, now, c.Old):
			return asPlanned, ""
		}
		_, human := project.ShortSetting(c.Setting, now)
		return changed, human
	case AddPartitions:
		switch len(live.Partitions) {
		case c.Partitions:
			return asWanted, ""
		default:
			if c.Old == strconv.Itoa(len(live.Partitions)) {
				return asPlanned, ""
			}
		}
		return changed, plural(len(live.Partitions), "partition", "partitions")
	case SetReplicas:
		if so, found := live.moved(c); so != asWanted || !c.throttles(w) {
			return so, found
		}
		return asPlanned, "" // they have arrived, and the throttle is still to be lifted
	default:
		return asPlanned, "" // it is to be deleted, and is there
	}
}

// created compares a topic that exists with one that was to be created.
func (t *LiveTopic) created(c Change) (state, string) {
	if c.Partitions > 0 && len(t.Partitions) != c.Partitions {
		return changed, "a topic with " + plural(len(t.Partitions), "partition", "partitions")
	}
	for _, p := range t.Partitions {
		if c.Replication > 0 && len(t.replicas(p)) != c.Replication {
			return changed, "a topic with " + plural(len(t.replicas(p)), "replica", "replicas")
		}
	}
	for _, want := range c.Configs {
		if now := t.Settings[want.Name]; !sameValue(want.Name, now, want.Value) {
			name, human := project.ShortSetting(want.Name, now)
			return changed, "a topic with " + name + " " + human
		}
	}
	return asWanted, ""
}

// moved compares where a topic's replicas are with where they were and are to be. What is on its way there counts as planned.
func (t *LiveTopic) moved(c Change) (state, string) {
	arrived := true
	for _, m := range c.Moves {
		if m.Partition < 0 || int(m.Partition) >= len(t.Partitions) {
			return changed, "no partition " + strconv.Itoa(int(m.Partition))
		}
		p := t.Partitions[m.Partition]
		_, moving := t.Goals[m.Partition]
		there := sameReplicas(t.replicas(p), m.New)
		if !there && !sameReplicas(t.replicas(p), m.Old) {
			return changed, fmt.Sprintf("partition %d on brokers %v", m.Partition, t.replicas(p))
		}
		arrived = arrived && there && !moving
	}
	if arrived {
		return asWanted, ""
	}
	return asPlanned, ""
}

func sameReplicas(a, b []int32) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (c Change) subjectState(w *World) (state, string) {
	live, _ := w.subject(c.Subject)
	if c.Kind == SetCompatibility {
		switch string(live.Level) {
		case c.New:
			return asWanted, ""
		case c.Old:
			return asPlanned, ""
		}
		return changed, "level " + string(live.Level)
	}
	levelSet := c.New == "" || string(live.Level) == c.New
	switch {
	case live.Registered && levelSet:
		return asWanted, ""
	case live.Registered, live.Version == c.Version:
		return asPlanned, ""
	}
	return changed, fmt.Sprintf("version %d as the newest", live.Version)
}
