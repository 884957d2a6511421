package topics

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace/internal/kafka"
)

// Progress is how far the moving of partitions has come.
type Progress struct {
	Done   int // partitions that have arrived
	Total  int
	Moving []string // partitions on their way, as topic/partition
}

const (
	defaultStep = 10
	movePoll    = 500 * time.Millisecond
)

// moveReplicas moves the partitions of some changes, a few at a time.
func (a *application) moveReplicas(ctx context.Context, due []int) {
	m := &moving{application: a, due: due, change: map[kafka.TopicPartition]int{}, failed: map[int]error{}}
	for _, i := range due {
		c := a.plan.Changes[i]
		for _, move := range c.Moves {
			p := kafka.Placement{TopicPartition: kafka.TopicPartition{Topic: c.Topic, Partition: move.Partition}, Replicas: move.New}
			m.waiting = append(m.waiting, p)
			m.change[p.TopicPartition] = i
		}
	}
	m.total = len(m.waiting)
	throttle, err := a.throttle(ctx, due)
	if err == nil {
		err = m.run(ctx)
	}
	if err == nil {
		// Lifted only when nothing moves any more: what goes on in the cluster goes on at the rate that was asked for.
		err = throttle.lift(ctx)
	}
	for _, i := range due {
		switch failure := m.failed[i]; {
		case failure != nil:
			a.finish(i, Failed, failure)
		case err != nil:
			a.finish(i, Failed, err)
		default:
			a.finish(i, Done, nil)
		}
	}
}

// moving is the partitions of one rank on their way.
type moving struct {
	*application
	due      []int
	waiting  []kafka.Placement
	underway []kafka.Placement
	change   map[kafka.TopicPartition]int
	failed   map[int]error
	total    int
}

func (m *moving) run(ctx context.Context) error {
	step := m.opts.Step
	if step <= 0 {
		step = defaultStep
	}
	for len(m.waiting)+len(m.underway) > 0 {
		if room := min(step-len(m.underway), len(m.waiting)); room > 0 {
			if err := m.begin(ctx, m.waiting[:room]); err != nil {
				return m.interrupted(err)
			}
			m.waiting = m.waiting[room:]
		}
		if err := m.look(ctx); err != nil {
			return m.interrupted(err)
		}
		m.tell()
		if len(m.underway) < step && len(m.waiting) > 0 {
			continue
		}
		if len(m.underway) == 0 {
			break
		}
		timer := time.NewTimer(movePoll)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return m.interrupted(context.Cause(ctx))
		}
	}
	return nil
}

func (m *moving) interrupted(err error) error {
	if len(m.underway) == 0 {
		return err
	}
	return fmt.Errorf("%w; %s on the way go on in the cluster, with the throttle: apply the plan again to see them arrive and lift it",
		err, plural(len(m.underway), "partition", "partitions"))
}

// begin sets partitions on their way. Giving the same goal again does no harm.
func (m *moving) begin(ctx context.Context, some []kafka.Placement) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var errs []error
	err := m.client.Retry(limited, func(ctx context.Context) error {
		var err error
		errs, err = m.client.Reassign(ctx, some...)
		if errs != nil {
			return nil
		}
		return err
	})
	if err != nil {
		return rightError(err, "ALTER", "the cluster")
	}
	for i, p := range some {
		if errs[i] != nil {
			m.failed[m.change[p.TopicPartition]] = errs[i]
			continue
		}
		m.underway = append(m.underway, p)
	}
	return nil
}

// look finds out which partitions have arrived.
func (m *moving) look(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var still []kafka.Reassignment
	err := m.client.Retry(limited, func(ctx context.Context) error {
		var err error
		still, err = m.client.Reassignments(ctx)
		return err
	})
	if err != nil {
		return rightError(err, "DESCRIBE", "the cluster")
	}
	m.underway = slices.DeleteFunc(m.underway, func(p kafka.Placement) bool {
		return !slices.ContainsFunc(still, func(r kafka.Reassignment) bool { return r.TopicPartition == p.TopicPartition })
	})
	return nil
}

func (m *moving) tell() {
	if m.opts.Progress == nil {
		return
	}
	p := Progress{Done: m.total - len(m.waiting) - len(m.underway), Total: m.total}
	for _, on := range m.underway {
		p.Moving = append(p.Moving, fmt.Sprintf("%s/%d", on.Topic, on.Partition))
	}
	m.opts.Progress(p)
}
