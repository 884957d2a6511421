package consumer

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/assign"
	"github.com/headrace/headrace/internal/kafka"
)

// This file is what the group tells the worker: see group.Hooks.

// identified takes the identity of a new generation for everything that is owned.
func (e *engine) identified(member kafka.Member) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.identity = member
	for _, p := range e.partitions {
		p.member.Store(&member)
	}
}

func (e *engine) assigned(partitions []assign.Partition) {
	e.stats.rebalances.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rebalance = RebalanceState{Time: time.Now(), Cause: e.member.Cause()}
	if e.stopping || len(partitions) == 0 {
		return
	}
	var added []*partition
	for _, tp := range partitions {
		p := newPartition(e, kafka.TopicPartition{Topic: tp.Topic, Partition: tp.ID}, e.identity)
		e.partitions[p.TopicPartition] = p
		added = append(added, p)
	}
	e.stats.assigned.Store(int64(len(e.partitions)))
	e.wg.Go(func() { e.begin(added) })
}

// revoked ends the work on partitions and commits it.
func (e *engine) revoked(partitions []assign.Partition) {
	ps := e.find(partitions)
	for _, p := range ps {
		p.halt()
	}
	e.cfg.Logger.Info("revoking partitions", zap.String("group", e.cfg.Group), zap.Int("partitions", len(ps)))
	e.drain(e.andBefore(ps), ErrRevoked)
	if err := e.commitLast(e.base, ps); err != nil {
		e.cfg.Logger.Warn("revoked partitions released", zap.Error(err))
	}
	e.drop(ps)
}

// lost ends the work on partitions at once and commits nothing.
func (e *engine) lost(partitions []assign.Partition, cause error) {
	ps := e.find(partitions)
	e.stats.lost.Add(int64(len(ps)))
	e.mu.Lock()
	e.rebalance = RebalanceState{Time: time.Now(), Cause: "membership lost: " + cause.Error()}
	e.mu.Unlock()
	for _, p := range ps {
		p.lost.Store(true)
		p.halt()
		p.cancel(fmt.Errorf("%w: %w", ErrLost, cause))
	}
	e.drop(ps)
}

func (e *engine) find(partitions []assign.Partition) []*partition {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []*partition
	for _, tp := range partitions {
		if p := e.partitions[kafka.TopicPartition{Topic: tp.Topic, Partition: tp.ID}]; p != nil {
			found = append(found, p)
		}
	}
	return found
}

// drop forgets partitions, but for those of which a handler still runs.
func (e *engine) drop(partitions []*partition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range partitions {
		p.lost.Store(true)
		delete(e.partitions, p.TopicPartition)
		e.leaves(p)
	}
	maps.DeleteFunc(e.leaving, func(_ kafka.TopicPartition, p *partition) bool {
		select {
		case <-p.exited:
			return true
		default:
			return false
		}
	})
	e.stats.assigned.Store(int64(len(e.partitions)))
}

// leave remembers a halted partition as long as one of its handlers runs.
func (e *engine) leave(p *partition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leaves(p)
}

// leaves is leave for callers that hold e.mu.
func (e *engine) leaves(p *partition) {
	select {
	case <-p.exited:
	default:
		e.leaving[p.TopicPartition] = p // it has begun, so none before it is left
	}
}

// andBefore adds to partitions those before them, of the same names, whose handlers still run.
func (e *engine) andBefore(partitions []*partition) []*partition {
	all := slices.Clone(partitions)
	for _, p := range partitions {
		if before := e.predecessor(p.TopicPartition); before != nil {
			all = append(all, before)
		}
	}
	return all
}

// predecessor returns the ownership of the same partition whose handler still runs, if there is one.
func (e *engine) predecessor(tp kafka.TopicPartition) *partition {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.leaving[tp]
}

func (e *engine) forget(p *partition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.leaving[p.TopicPartition] == p {
		delete(e.leaving, p.TopicPartition)
	}
}

func (e *engine) lastRebalance() RebalanceState {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rebalance
}
