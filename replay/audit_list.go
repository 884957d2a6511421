package replay

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace"
)

// History is what the audit topic of a cluster holds.
type History struct {
	Replays []Audit // by the time they were started

	// Records that are not of this form are passed over.
	Foreign      int64
	FirstForeign error // nil without any
}

// List returns the record of every replay that has changed the cluster, the latest 10,000 and at most 64 MiB of them. Nothing was
// recorded where there is no audit topic. It fails with an *[AuditError] when the topic may not be read; brokers that are away are waited for until ctx ends.
func List(ctx context.Context, cluster headrace.Cluster) (History, error) {
	l, err := openAudit(ctx, cluster, false)
	if errors.Is(err, errNoAuditTopic) {
		return History{}, nil
	}
	if err != nil {
		return History{}, err
	}
	defer l.close()
	r := newAuditReader()
	if err := l.read(ctx, r.add); err != nil {
		return History{}, err
	}
	return r.history(), nil
}

// Status returns the record of one replay, or an *[UnknownReplayError].
func Status(ctx context.Context, cluster headrace.Cluster, id string) (Audit, error) {
	history, err := List(ctx, cluster)
	if err != nil {
		return Audit{}, err
	}
	return history.of(id)
}

func (h History) of(id string) (Audit, error) {
	for _, a := range h.Replays {
		if a.ID == id {
			return a, nil
		}
	}
	return Audit{}, &UnknownReplayError{ID: id}
}

// Cancel asks the process that applies a replay to stop, and returns at once: [Status] tells when it has. It stops where it can go on
// from with the same plan and checkpoint. A replay that is not running is a *[NotRunningError]; whether a process is still there to hear
// of it, [Audit.UpdatedAt] tells. A replay that keeps no record cannot be cancelled.
func Cancel(ctx context.Context, cluster headrace.Cluster, id, by string) error {
	l, err := openAudit(ctx, cluster, false)
	if errors.Is(err, errNoAuditTopic) {
		return &UnknownReplayError{ID: id}
	}
	if err != nil {
		return err
	}
	defer l.close()
	r := newAuditReader()
	if err := l.read(ctx, r.add); err != nil {
		return err
	}
	a, err := r.history().of(id)
	if err != nil {
		return err
	}
	if a.State != StateRunning {
		return &NotRunningError{Audit: a}
	}
	return l.write(ctx, cancelKey(id), cancelRequest{Version: auditVersion, ID: id, By: by, At: time.Now().UTC()})
}

// auditReader collects the latest record of each replay.
type auditReader struct {
	latest  map[string]auditAt
	bytes   int // of their records
	foreign int64
	first   error
}

type auditAt struct {
	Audit
	offset int64
	size   int
}

func newAuditReader() *auditReader { return &auditReader{latest: map[string]auditAt{}} }

func (r *auditReader) add(key string, value []byte, offset int64) {
	if value == nil || strings.HasSuffix(key, cancelKey("")) {
		r.forget(key)
		return
	}
	a, err := readAudit(key, bytes.Clone(value))
	if err != nil {
		if r.foreign++; r.first == nil {
			r.first = fmt.Errorf("audit topic %s offset %d: %w", AuditTopic, offset, err)
		}
		return
	}
	r.forget(a.ID)
	r.latest[a.ID] = auditAt{a, offset, len(value)}
	if r.bytes += len(value); len(r.latest) >= 2*maxAudits || r.bytes > maxAuditSum {
		r.prune(maxAuditSum / 4 * 3) // room for some more, so that not each one sorts them
	}
}

func (r *auditReader) forget(id string) {
	r.bytes -= r.latest[id].size
	delete(r.latest, id)
}

// prune keeps the latest, as many as may be and as fit into so many bytes.
func (r *auditReader) prune(most int) {
	kept, sum := 0, 0
	for _, a := range r.sorted(func(a, b auditAt) int { return cmp.Compare(b.offset, a.offset) }) {
		if sum += a.size; kept == maxAudits || sum > most {
			r.forget(a.ID)
			continue
		}
		kept++
	}
}

func (r *auditReader) sorted(by func(a, b auditAt) int) []auditAt {
	return slices.SortedFunc(maps.Values(r.latest), by)
}

func (r *auditReader) history() History {
	r.prune(maxAuditSum)
	h := History{Foreign: r.foreign, FirstForeign: r.first}
	for _, a := range r.sorted(func(a, b auditAt) int { return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID)) }) {
		h.Replays = append(h.Replays, a.Audit)
	}
	return h
}
