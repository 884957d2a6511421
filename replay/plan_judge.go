package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// checkReaders finds what the target can read, and who else reads it.
func (m *planner) checkReaders(ctx context.Context) error {
	if len(m.scanned.days) > 0 {
		m.plan.Counts.ByDay = m.scanned.days
	}
	for ref, events := range m.scanned.writers {
		m.plan.Writers = append(m.plan.Writers, Writer{Ref: ref, Events: events})
	}
	slices.SortFunc(m.plan.Writers, func(a, b Writer) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Ref.ID, b.Ref.ID), slices.Compare(a.Ref.GUID[:], b.Ref.GUID[:]))
	})
	if m.Registry != nil {
		if err := m.findValues(ctx); err != nil {
			return err
		}
		for i := range m.plan.Writers {
			if err := m.checkWriter(ctx, &m.plan.Writers[i]); err != nil {
				return err
			}
		}
	}
	if m.plan.Target.Topic == "" {
		return nil
	}
	cluster := m.Request.From
	if m.To != nil {
		cluster = *m.To
	}
	var err error
	var shared []string
	m.plan.Consumers, shared, err = consumersOf(ctx, cluster, m.plan.Target.Topic)
	if len(shared) > 0 {
		m.risk("share groups %s may read topic %s as well: what they read is not looked at", strings.Join(shared, ", "), m.plan.Target.Topic)
	}
	return err
}

// checkWriter says whether the target can read what a schema has written.
func (m *planner) checkWriter(ctx context.Context, w *Writer) error {
	by, err := m.match.Schemas.Find(ctx, w.Ref)
	if err != nil {
		return err
	}
	if by.Schema == nil {
		w.Problems = []string{by.Err.Error()}
		if m.values != nil {
			m.plan.Counts.Unknown += w.Events
		}
		return nil
	}
	w.Event = by.Schema.FullName()
	if m.plan.Counts.ByEvent == nil {
		m.plan.Counts.ByEvent = map[string]int64{}
	}
	m.plan.Counts.ByEvent[w.Event] += w.Events
	if m.plan.Target.Rewind != "" && len(m.Readers) == 0 {
		return nil
	}
	if err := m.checkTargetRegistry(ctx, w, by.Schema); err != nil {
		return err
	}
	reader, err := m.readerOf(ctx, w.Event)
	if err != nil {
		return err
	}
	if reader == nil {
		return nil
	}
	for _, problem := range schema.Compatible(reader, by.Schema) {
		w.Problems = append(w.Problems, problem.String())
	}
	return nil
}

// findValues finds out what a copy will do to values: nothing, unless m.values is set.
func (m *planner) findValues(ctx context.Context) (err error) {
	if m.plan.Target.Topic != "" && !m.plan.Target.Raw {
		m.values, err = newValues(&CopyConfig{Plan: *m.plan, Registry: m.Registry, ToRegistry: m.ToRegistry})
	}
	if err == nil && m.values != nil && m.values.reencode != "" {
		_, err = m.values.newest(ctx)
	}
	return err
}

// checkTargetRegistry notes a schema that readers of the target do not find in their registry: under its id where values pass as they are, and in
// the target's subjects where they get the id that it has there.
func (m *planner) checkTargetRegistry(ctx context.Context, w *Writer, writer *schema.Schema) error {
	if m.ToRegistry == nil || m.ToRegistry.URL() == m.Registry.URL() {
		return nil
	}
	if m.values != nil {
		_, err := m.values.route(ctx, w.Ref)
		if missing, ok := errors.AsType[*SubjectError](err); ok {
			w.Problems = append(w.Problems, missing.Error())
			return nil
		}
		return err
	}
	there, err := m.ToRegistry.Resolve(ctx, w.Ref)
	switch {
	case err == nil && there.Fingerprint() == writer.Fingerprint():
		return nil
	case err == nil:
		w.Problems = append(w.Problems, fmt.Sprintf("%s is another schema, %s, in the target's registry: plan without --raw", w.Ref, there.FullName()))
	case schemacache.IsUnusable(err):
		w.Problems = append(w.Problems, err.Error())
	default:
		return err
	}
	return nil
}

// readerOf is the schema that the target reads events of a name with; nil when there is none.
func (m *planner) readerOf(ctx context.Context, event string) (*schema.Schema, error) {
	for _, r := range m.Readers {
		if r.FullName() == event {
			return r, nil
		}
	}
	topic := m.plan.Target.Topic
	if len(m.Readers) > 0 || topic == "" {
		return nil, nil
	}
	reg := m.ToRegistry
	if reg == nil {
		reg = m.Registry
	}
	// The producer's two subjects: of a topic with several event types, and of one with one.
	for _, subject := range []string{topic + "-" + event, topic + "-value"} {
		latest, err := reg.Latest(ctx, subject)
		if err == nil && latest.Schema.FullName() == event {
			return latest.Schema, nil
		}
		if answer, ok := errors.AsType[*registry.Error](err); ok && answer.Status == http.StatusNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	m.risk("event %s has no subject of topic %s: consumers that look for its schema there, rather than by the id in the event, find none", event, topic)
	return nil, nil
}

// consumersOf lists the groups that have committed offsets of a topic, or have members that read it, and all share groups.
func consumersOf(ctx context.Context, cluster headrace.Cluster, topic string) (found, shared []string, err error) {
	listed, err := groups.List(ctx, cluster)
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(4)
	for _, g := range listed {
		if g.Type == kafka.ShareGroup {
			shared = append(shared, g.Name)
			continue
		}
		all.Go(func() error {
			described, err := groups.Describe(ctx, cluster, g.Name)
			if _, gone := errors.AsType[*groups.NotFoundError](err); gone {
				return nil
			}
			if err != nil {
				return err
			}
			if slices.ContainsFunc(described.Partitions, func(p groups.Partition) bool { return p.Topic == topic }) {
				mu.Lock()
				defer mu.Unlock()
				found = append(found, g.Name)
			}
			return nil
		})
	}
	err = all.Wait()
	slices.Sort(found)
	return found, shared, err
}
