package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// ReplaysTopic is the compacted topic that holds the record of every replay of a cluster, which package replay writes: one partition,
// keyed by the replay's id. A worker believes [HeaderReplay] of an event when a record there says that this replay copies to the event's
// topic, since whoever writes an event chooses its headers.
const ReplaysTopic = "headrace.replays"

const (
	maxReplayRecord = 256 << 10
	maxReplaysKnown = 100_000 // the oldest are forgotten
)

// broughtTo is a replay and the topic that it copies to.
type broughtTo struct{ id, topic string }

// replays knows which replays copy to the topics of a worker. It is safe for concurrent use.
type replays struct {
	cluster headrace.Cluster
	client  *kafka.Client
	topics  map[string]bool // of the worker
	needed  bool            // a handler is for live events only, so that what is not known has to be waited for
	looking chan struct{}   // of one, holds who looks

	mu    sync.Mutex
	known map[broughtTo]bool
	order []broughtTo // the oldest first
	topic [16]byte    // id of the topic, since its offsets are of that one
	next  int64       // offset behind what was read; of who looks
}

func newReplays(cfg Config, client *kafka.Client, needed bool) *replays {
	r := &replays{
		cluster: cfg.Cluster, client: client, topics: map[string]bool{}, needed: needed,
		looking: make(chan struct{}, 1), known: map[broughtTo]bool{},
	}
	for _, topic := range cfg.Topics {
		r.topics[topic] = true
	}
	return r
}

// brought reports whether a replay has copied events to a topic. Its record is older than its first event, so that a look made since the
// event was fetched is the last word; looked says whether there was one, and is set by the one that is made here.
func (r *replays) brought(ctx context.Context, id, topic string, looked *bool) (bool, error) {
	by := broughtTo{id, topic}
	if r.has(by) {
		return true, nil
	}
	if *looked {
		return false, nil
	}
	asking, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	err := r.readNew(asking)
	if notAllowed(err) && !r.needed {
		err = nil // nothing is believed
	}
	if err != nil {
		return false, err
	}
	*looked = true
	return r.has(by), nil
}

func (r *replays) has(by broughtTo) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[by]
}

func notAllowed(err error) bool { return errors.Is(err, kerr.TopicAuthorizationFailed) }

// ReplaysRightError says that a worker with a handler for live events only may not read [ReplaysTopic], so that it could not tell them
// from replayed ones.
type ReplaysRightError struct {
	Group string
	Err   error
}

func (e *ReplaysRightError) Error() string {
	return fmt.Sprintf("group %s: a handler is LiveOnly, and topic %s, which says what was replayed, may not be read: "+
		"give the worker's account the right to READ it (accounts in headrace.yaml derive it): %v", e.Group, ReplaysTopic, e.Err)
}

// Unwrap returns what the broker said.
func (e *ReplaysRightError) Unwrap() error { return e.Err }

// check makes a first look, so that a missing right shows at the start.
func (r *replays) check(ctx context.Context, group string) error {
	if !r.needed {
		return nil
	}
	err := r.client.Retry(ctx, r.readNew)
	if notAllowed(err) {
		return &ReplaysRightError{Group: group, Err: err}
	}
	return err
}

// readNew reads what has come to the topic since the last readNew.
func (r *replays) readNew(ctx context.Context) error {
	select {
	case r.looking <- struct{}{}:
		defer func() { <-r.looking }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	found, err := r.client.TopicsNow(ctx, []string{ReplaysTopic})
	switch {
	case err != nil:
		return fmt.Errorf("topic %s, which says what was replayed: %w", ReplaysTopic, err)
	case errors.Is(found[0].Err, kerr.UnknownTopicOrPartition):
		return nil // nothing was
	case found[0].Err != nil:
		return fmt.Errorf("topic %s, which says what was replayed: %w", ReplaysTopic, found[0].Err)
	}
	if r.topic != found[0].ID {
		r.mu.Lock()
		r.topic, r.next, r.order = found[0].ID, 0, nil
		clear(r.known)
		r.mu.Unlock()
	}
	bounds, err := r.client.ListOffsets(ctx, false, kafka.OffsetQuery{Topic: ReplaysTopic, Timestamp: kafka.Earliest},
		kafka.OffsetQuery{Topic: ReplaysTopic, Timestamp: kafka.Latest})
	if err != nil {
		return fmt.Errorf("topic %s, which says what was replayed: %w", ReplaysTopic, err)
	}
	from, end := max(r.next, bounds[0].Offset), bounds[1].Offset
	if end <= from {
		return nil
	}
	err = reader.Read(ctx, reader.Config{
		Cluster: r.cluster, Topic: ReplaysTopic, Ranges: []reader.PartitionRange{{OffsetRange: headrace.OffsetRange{From: from, To: end}}}, ReadUncommitted: true,
	}, func(rec reader.Record) error {
		r.take(string(rec.Key), rec.Value)
		r.next = rec.Offset + 1 // a look that ends early is gone on with
		return nil
	})
	if err != nil {
		return fmt.Errorf("topic %s, which says what was replayed: %w", ReplaysTopic, err)
	}
	r.next = end
	return nil
}

// take reads one record. What makes no sense is left out: nothing is believed because of it.
func (r *replays) take(key string, value []byte) {
	var record struct {
		ID     string `json:"id"`
		Target struct {
			Topic string `json:"topic"`
		} `json:"target"`
	}
	if len(key) == 0 || len(key) > maxReplayID || len(value) > maxReplayRecord || json.Unmarshal(value, &record) != nil ||
		record.ID != key || !r.topics[record.Target.Topic] {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	by := broughtTo{key, record.Target.Topic}
	if r.known[by] {
		return
	}
	if len(r.order) >= maxReplaysKnown {
		delete(r.known, r.order[0])
		r.order = r.order[1:]
	}
	r.known[by] = true
	r.order = append(r.order, by)
}
