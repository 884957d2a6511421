package consumer

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
)

// This file tells owners of a partition that died from those that only lost it. A worker draws a number, writes it beside its marks, and
// says it to the group whenever it joins. Who finds the mark of another looks whether that one is in the group: then it lives.

const (
	// rebalanceLimit is how long a partition that another worker has left waits for a rebalance to end, to learn whether that one lives.
	// After that it is taken for dead until an event would be charged for it.
	rebalanceLimit = 2 * time.Second
	rebalancePause = 100 * time.Millisecond
)

var errRebalancing = errors.New("the group is rebalancing: its members are unknown")

// goOnAfter starts partitions, of which other workers may have had some before.
func (e *engine) goOnAfter(partitions []*partition) {
	var strangers []*partition
	for _, p := range partitions {
		if mark := &p.recalled.note.Mark; mark.Names(e.id) {
			strangers = append(strangers, p)
			continue
		}
		p.recalled.note.Spare(func(worker uint64) bool { return worker == e.id })
		e.goOn(p)
	}
	if len(strangers) == 0 {
		return
	}
	limit := time.Now().Add(rebalanceLimit)
	e.ask("group's members", strangers, func(ctx context.Context, asked []*partition) []error {
		members, err := e.members(ctx)
		for errors.Is(err, errRebalancing) && time.Now().Before(limit) && e.sleep(rebalancePause) {
			members, err = e.members(ctx)
		}
		if err != nil && !errors.Is(err, errRebalancing) {
			return allFailed(asked, err)
		}
		for _, p := range asked {
			p.recalled.note.Spare(func(worker uint64) bool { return worker == e.id || members[worker] })
			e.goOn(p) //nolint:contextcheck // handlers run under the contexts of their partitions
		}
		return make([]error, len(asked))
	})
}

// members returns the numbers of the workers in the group.
func (e *engine) members(ctx context.Context) (map[uint64]bool, error) {
	described, err := e.client.DescribeGroups(ctx, e.cfg.Group)
	switch {
	case err != nil && !kafka.Retriable(err) && ctx.Err() == nil:
		e.cfg.Logger.Warn("cannot list the group's members: a worker that lost a partition counts as dead", zap.String("group", e.cfg.Group), zap.Error(err))
		return map[uint64]bool{e.id: true}, nil
	case err != nil:
		return nil, err
	case described[0].State != "Stable":
		return nil, errRebalancing
	case described[0].Type == kafka.ConsumerGroup: // it does not say what members of the classic protocol said when they joined
		return map[uint64]bool{e.id: true}, nil
	}
	workers := make(map[uint64]bool)
	for _, m := range described[0].Members {
		if said, err := assign.ParseSubscription(m.ID, m.InstanceID, m.Subscription); err == nil && said.Worker != 0 {
			workers[said.Worker] = true
		}
	}
	if !workers[e.id] { // this one is about to be told that it is out
		return nil, errRebalancing
	}
	return workers, nil
}

// suspicionAt returns the suspicion for an event that is to be handed over. Before the event is charged with the deaths of workers the
// group is asked once more which of them live. It returns false when the partition stops first.
func (p *partition) suspicionAt(offset int64) (progress.Suspicion, bool) {
	r := &p.limits
	r.mu.Lock()
	suspicion, taken := r.suspicion, r.taken
	r.mu.Unlock()
	if suspicion.Attempts(offset) == 0 || !taken.Names(r.owner) {
		return suspicion, true
	}
	p.paused.set(pausedSuspects)
	defer p.paused.set(notPaused)
	for failures := 1; ; failures++ {
		members, err := p.engine.members(p.going)
		switch {
		case err == nil:
			n := progress.Note{Done: p.progress(), Mark: taken}
			n.Spare(func(worker uint64) bool { return members[worker] })
			suspicion = progress.Suspect(&n)
			r.mu.Lock()
			r.taken, r.suspicion = n.Mark, suspicion
			r.mu.Unlock()
			return suspicion, true
		case p.going.Err() != nil:
			return suspicion, false
		}
		p.log().Warn("group's members unknown: the event waits, because it may have killed some of them", zap.Int64("offset", offset), zap.Error(err))
		if !p.pause(jitter(outage.Delay(failures))) {
			return suspicion, false
		}
	}
}
