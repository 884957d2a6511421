package consumer

import (
	"cmp"
	"slices"
	"time"
)

// State is what a worker is doing, gathered in one look: cheap enough for a health check or a status page, several times a second.
type State struct {
	Partitions []PartitionState // that the worker owns of its topics, by topic and number
	Retries    []RetryState     // its retry topics, by topic
	Lag        int64            // of Partitions together
	InFlight   int              // of Partitions together
	Oldest     RunningState     // the handler that has run for longest; zero when none runs
	Rebalance  RebalanceState   // the last one; zero before the first
}

// PartitionState is one partition as the worker that owns it sees it. Offsets are -1 until they are known.
type PartitionState struct {
	Topic     string
	Partition int32
	Position  int64         // every event below it is done
	Committed int64         // what the group is known to have
	LogStart  int64         // the first offset the log holds, by the last fetch
	LogEnd    int64         // the offset behind the last event there is to read, by the last fetch
	Lag       int64         // offsets from Position to LogEnd that are not done
	LagTime   time.Duration // how long ago the first event that is not done was written, by its timestamp; 0 when there is none in memory
	InFlight  int           // events taken from the log and not done, those of Waiting and Running among them
	Waiting   int           // events that wait for their next attempt, or for a copy of them to be written
	Running   int           // handlers
	Oldest    RunningState  // the handler that has run for longest; zero when none runs
	WaitsFor  WaitingState  // the event that all others of the partition wait for, with Config.Concurrency 0 or [ByPartition]; zero when there is none
	Paused    string        // why no further events are taken; "" while they are
}

// WaitingState is an event that waits in place for its next attempt, or for its copy to be written, while every event behind it in the
// partition waits with it.
type WaitingState struct {
	Offset  int64
	Event   string    // full name of the event's schema; "" for a tombstone
	Attempt int       // the one that it waits for
	Since   time.Time // when it began to hold the partition: its first attempt ended
	Until   time.Time // when the next attempt begins; zero while its copy is written, which ends when Kafka has acknowledged it
}

// RunningState is a handler that runs. Since is when it was first seen to, up to 10 ms after it began.
type RunningState struct {
	Topic     string
	Partition int32
	Offset    int64
	Event     string // full name of the event's schema; "" for a tombstone
	Since     time.Time
	Stuck     bool // it was given up: it ignores the end of its lease
}

// RetryState is one retry topic, in the partitions of it that the worker owns.
type RetryState struct {
	Topic   string
	Waiting int64     // events in it, due or not
	Next    time.Time // when the first of those that were looked at is due; zero when none was
}

// RebalanceState is when the worker's partitions were last dealt out, and why.
type RebalanceState struct {
	Time  time.Time
	Cause string
}

// State returns what the worker is doing now. Before [Worker.Run], and after it, the worker owns nothing.
func (w *Worker) State() State {
	var s State
	if e := w.engine.Load(); e != nil {
		s.Partitions = e.states()
		s.Rebalance = e.lastRebalance()
	}
	for i := range s.Partitions {
		p := &s.Partitions[i]
		s.Lag += p.Lag
		s.InFlight += p.InFlight
		s.Oldest = s.Oldest.older(p.Oldest)
	}
	if e := w.retries.Load(); e != nil {
		s.Retries = e.retryStates()
		for _, p := range e.states() {
			s.Oldest = s.Oldest.older(p.Oldest)
		}
	}
	return s
}

func (r RunningState) older(other RunningState) RunningState {
	if r.Since.IsZero() || !other.Since.IsZero() && other.Since.Before(r.Since) {
		return other
	}
	return r
}

// states returns what the engine owns, in order.
func (e *engine) states() []PartitionState {
	owned := e.owned()
	states := make([]PartitionState, len(owned))
	now := time.Now()
	lanes := e.everyLane()
	for i, p := range owned {
		states[i] = p.state(now, lanes)
	}
	slices.SortFunc(states, func(a, b PartitionState) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return states
}

// retryStates sums up the partitions of each retry topic.
func (e *engine) retryStates() []RetryState {
	var states []RetryState
	for _, p := range e.states() { // by topic
		if len(states) == 0 || states[len(states)-1].Topic != p.Topic {
			states = append(states, RetryState{Topic: p.Topic})
		}
		s := &states[len(states)-1]
		s.Waiting += p.Lag
	}
	for _, p := range e.owned() {
		due := p.due.Load()
		i, ok := slices.BinarySearchFunc(states, p.Topic, func(s RetryState, topic string) int { return cmp.Compare(s.Topic, topic) })
		if due == nil || !ok {
			continue
		}
		if s := &states[i]; s.Next.IsZero() || due.Before(s.Next) {
			s.Next = *due
		}
	}
	return states
}

// state gathers what there is to say of a partition.
func (p *partition) state(now time.Time, lanes []*lane) PartitionState {
	s := PartitionState{
		Topic: p.Topic, Partition: p.Partition, Position: -1, Committed: p.known.Load(), LogStart: -1, LogEnd: -1, Paused: p.paused.text(),
	}
	if waits := p.waits.Load(); waits != nil {
		s.WaitsFor = *waits
	}
	p.handlers(lanes, now, &s)
	if p.prefix.Load() < 0 {
		s.Paused = "its position is being looked up"
		return s
	}
	done := p.progress()
	s.Position = done.Prefix()
	p.mu.Lock()
	feed := p.feed
	p.inFlight(now, &s)
	p.mu.Unlock()
	if feed == nil {
		return s
	}
	if feed.Missing() {
		s.Paused = "waiting for its topic to be created"
	}
	s.LogStart, s.LogEnd = feed.Bounds()
	if s.LogEnd > s.Position {
		s.Lag = s.LogEnd - s.Position
		for _, b := range done.Beyond() {
			s.Lag -= max(0, min(b.To, s.LogEnd)-b.From)
		}
	}
	return s
}

// inFlight counts what is taken and not done, and finds the first of it. It needs p.mu, under which the memory of live blocks stays.
func (p *partition) inFlight(now time.Time, s *PartitionState) {
	var first *task
	for _, block := range p.live {
		s.InFlight += int(block.left.Load())
		for i := 0; first == nil && i < block.n; i++ {
			if next := block.tasks[i].next.Load(); next != settled && next != movedAway {
				first = &block.tasks[i]
			}
		}
	}
	s.InFlight += int(p.waiting.count.Load())
	for q := range p.waiting.queues {
		if q.timer != nil || q.writing {
			s.Waiting++
			if p.waitsWhole() {
				s.WaitsFor = q.waits()
			}
		}
		if head := q.tasks[0]; first == nil || head.record.Offset < first.record.Offset {
			first = head
		}
	}
	if first != nil {
		s.age(first.record.Timestamp, now)
	}
}

func (s *PartitionState) age(timestamp int64, now time.Time) {
	if timestamp >= 0 {
		s.LagTime = max(0, now.Sub(time.UnixMilli(timestamp)))
	}
}

// handlers adds the handlers of the partition that run.
func (p *partition) handlers(lanes []*lane, now time.Time, s *PartitionState) {
	for _, l := range lanes {
		h, ok := l.handler(p)
		if !ok {
			continue
		}
		if l.lanes == nil {
			s.InFlight += h.left
			s.age(h.timestamp, now)
		}
		if l.waits.Load() {
			s.Waiting++
			continue
		}
		s.Running++
		since := h.since
		if since.IsZero() {
			since = now
		}
		s.Oldest = s.Oldest.older(RunningState{
			Topic: h.at.Topic, Partition: h.at.Partition, Offset: h.at.Offset, Event: h.event, Since: since, Stuck: h.stuck,
		})
	}
}
