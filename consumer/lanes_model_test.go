package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/schema"
)

// plannedEvent is an event of a log, and what handlers will make of it.
type plannedEvent struct {
	offset int64
	key    string // "" is null
	takes  time.Duration
	fails  int // attempts, before it is handled
}

// plan is a partition's log and what has become of it, over all lives of its worker. It keeps the first thing that is wrong.
type plan struct {
	concurrency int
	tuning      Tuning
	log         *zap.Logger // nil is none
	stats       *counters   // of the last life
	chunks      []fetch.Chunk
	end         int64
	earlier     map[int64][]int64 // offsets below one that are handled before it

	mu      sync.Mutex
	events  map[int64]*plannedEvent
	handled map[int64]bool
	running map[string]bool // by order
	busy    int             // handlers that run, but for those that are given up some time
	note    progress.Note   // the last commit
	wrong   string
}

// planLease is the time limit of attempts. Events that take longer ignore the end of their context.
const planLease = 100 * time.Millisecond

func (m *plan) fault(format string, args ...any) {
	if m.wrong == "" {
		m.wrong = fmt.Sprintf(format, args...)
	}
}

// order names the events that one with a key is in order with; "" is none.
func (m *plan) order(key string) string {
	switch {
	case m.concurrency == 0, m.tuning.Order == ByPartition:
		return "all"
	case m.tuning.Order == Unordered:
		return ""
	}
	return key
}

// begin checks that an attempt may be made.
func (m *plan) begin(info Info) *plannedEvent {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.events[info.Offset]
	if e == nil || e.key != info.Key {
		m.fault("offset %d key %q was never written", info.Offset, info.Key)
		return &plannedEvent{}
	}
	if m.note.Done.Has(e.offset) {
		m.fault("offset %d is handled again although the commit says that it is done: %d %v", e.offset, m.note.Done.Prefix(), m.note.Done.Beyond())
	}
	if order := m.order(e.key); order != "" && m.running[order] {
		m.fault("order %q runs twice at once, at offset %d", order, e.offset)
	}
	for _, before := range m.earlier[e.offset] {
		if !m.handled[before] {
			m.fault("offset %d of key %q before offset %d", e.offset, e.key, before)
		}
	}
	m.running[m.order(e.key)] = true
	if e.takes > planLease {
		return e
	}
	if m.busy++; m.busy > max(1, m.concurrency) {
		m.fault("%d handlers at once, of %d lanes", m.busy, m.concurrency)
	}
	return e
}

func (m *plan) handle(ctx context.Context) error {
	e := m.begin(InfoFrom(ctx))
	ignores := e.takes > planLease
	if ignores {
		<-time.After(e.takes)
	} else if e.takes > 0 {
		select {
		case <-time.After(e.takes):
		case <-ctx.Done():
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.running, m.order(e.key))
	if at := InfoFrom(ctx).Offset; at != e.offset {
		m.fault("the handler of offset %d was told at its end that it is %d", e.offset, at)
	}
	if ignores {
		e.takes = 0
		return nil // which counts for nothing: it has been given up
	}
	m.busy--
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case e.fails > 0:
		e.fails--
		return errBroken
	}
	m.handled[e.offset] = true
	return nil
}

// commit is what a committer does, through the metadata's bytes.
func (m *plan) commit(p *partition, encoder *progress.Encoder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := progress.Note{Done: p.progress()}
	for at := range m.events {
		if n.Done.Has(at) && !m.handled[at] {
			m.fault("offset %d counts as done and was not handled", at)
		}
	}
	if n.Done.Prefix() < m.note.Done.Prefix() {
		m.fault("committed %d after %d", n.Done.Prefix(), m.note.Done.Prefix())
	}
	metadata, _ := encoder.Encode(p.kafkaLog, &n, defaultMetadataBytes)
	read, err := progress.Decode(p.kafkaLog, n.Done.Prefix(), metadata)
	if err != nil {
		m.fault("metadata: %v", err)
	}
	m.note = progress.Note{Done: read.Done}
}

// draw makes the log: chunks of batches, with gaps between them.
func (m *plan) draw(tb testing.TB, t *rapid.T) {
	keys := rapid.IntRange(1, 8).Draw(t, "keys")
	crowd := rapid.IntRange(0, 2).Draw(t, "crowd") == 2 // of keys: so many that what is known of them is sorted out now and then
	fewest := 1
	if crowd {
		fewest = 70
	}
	before := map[string][]int64{}
	for range rapid.IntRange(1, 5).Draw(t, "chunks") {
		c := fetch.Chunk{From: m.end}
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			m.end += rapid.Int64Range(0, 3).Draw(t, "gap")
			base := m.end
			var recs []rec
			for range rapid.IntRange(fewest, 90).Draw(t, "records") {
				e := drawEvent(t, m.end, keys, crowd)
				m.events[e.offset] = e
				if order := m.order(e.key); order != "" {
					m.earlier[e.offset] = slices.Clone(before[order])
					before[order] = append(before[order], e.offset)
				}
				recs = append(recs, rec{key: e.key, value: pingValue(e.offset, "w")})
				m.end++
			}
			codec := rapid.SampledFrom([]batch.Codec{batch.None, batch.Snappy}).Draw(t, "codec")
			parsed, _, err := batch.Next(at(base, sealed(tb, codec, recs...)))
			if err != nil {
				t.Fatal(err)
			}
			c.Batches = append(c.Batches, parsed)
		}
		c.End = m.end
		m.chunks = append(m.chunks, c)
	}
}

func drawEvent(t *rapid.T, offset int64, keys int, crowd bool) *plannedEvent {
	e := &plannedEvent{offset: offset}
	switch k := rapid.IntRange(0, keys).Draw(t, "key"); {
	case crowd && rapid.Bool().Draw(t, "of the crowd"):
		e.key = fmt.Sprint("once", offset)
	case k > 0:
		e.key = fmt.Sprint("k", k)
	}
	switch rapid.IntRange(0, 60).Draw(t, "fate") {
	case 60:
		e.fails = rapid.IntRange(1, 3).Draw(t, "fails")
	case 59:
		e.takes = 10 * planLease
	case 58, 57, 56:
		e.takes = rapid.SampledFrom([]time.Duration{time.Millisecond, 30 * time.Millisecond, 90 * time.Millisecond}).Draw(t, "takes")
	}
	return e
}

// TestLanesBringALogToItsEnd through crashes and orderly ends: no event is skipped, no key runs twice at once or out of order, what a
// handler returns that was given up counts for nothing, and nothing is repeated that the last commit, with its metadata, says is done.
func TestLanesBringALogToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &plan{
			concurrency: rapid.SampledFrom([]int{0, 1, 2, 7}).Draw(rt, "concurrency"),
			tuning: Tuning{
				BufferBytes: rapid.SampledFrom([]int{1 << 10, 64 << 20}).Draw(rt, "buffer"),
				Order:       rapid.SampledFrom([]Order{ByKey, ByKey, ByPartition, Unordered}).Draw(rt, "order"),
			},
			events: map[int64]*plannedEvent{}, earlier: map[int64][]int64{}, handled: map[int64]bool{}, running: map[string]bool{},
		}
		m.draw(t, rt)
		lives := rapid.SliceOfN(rapid.IntRange(1, 600), 0, 4).Draw(rt, "lives")
		orderly := rapid.SliceOfN(rapid.Bool(), len(lives), len(lives)).Draw(rt, "orderly ends")
		policy := Policy{Attempts: 1 << 30, Timeout: planLease, Backoff: Backoff{Initial: 20 * time.Millisecond}}.withDefaults()
		handler := On(func(ctx context.Context, _ ping) error { return m.handle(ctx) })
		routes, err := newRoutes(w.registry, policy, []Handler{handler})
		if err != nil {
			rt.Fatal(err)
		}
		// The registry is asked here: its answers do not come from within the bubble.
		target, err := newRouter(routes).find(t.Context(), "t", schema.RefID(pingID))
		if err != nil {
			rt.Fatal(err)
		}
		synctest.Test(t, func(*testing.T) {
			for i, ms := range lives {
				m.live(routes, target, time.Duration(ms)*time.Millisecond, orderly[i])
			}
			m.live(routes, target, time.Hour, true)
		})
		if m.wrong == "" && (len(m.handled) != len(m.events) || m.note.Done.Prefix() != m.end) {
			m.fault("%d handled of %d, and committed %d of %d", len(m.handled), len(m.events), m.note.Done.Prefix(), m.end)
		}
		if m.wrong != "" {
			rt.Fatal(m.wrong)
		}
	})
}

// live is one life of a worker that owns the partition: until all is done, or its time has come.
func (m *plan) live(routes *routes, target *target, span time.Duration, orderly bool) {
	e := &engine{
		cfg: Config{Group: "g", Logger: cmp.Or(m.log, zap.NewNop()), Concurrency: m.concurrency, Tuning: m.tuning}.withDefaults(), routes: routes, stats: new(counters),
		memory: newMemory(), base: context.Background(), failed: make(chan error, 1), grace: planLease / 2,
		fetcher: fetch.New(fetch.Config{}), partitions: make(map[kafka.TopicPartition]*partition),
	}
	e.commits, e.watch, m.stats = newCommitter(e), newWatch(e), e.stats
	if m.concurrency > 0 {
		e.lanes = newLanes(m.concurrency)
		defer e.lanes.stop()
	}
	p := newPartition(e, kafka.TopicPartition{Topic: "t"}, kafka.Member{})
	p.router.targets[schema.RefID(pingID)] = target
	p.feed, p.begun = fetch.NewFeed(p.TopicPartition, [16]byte{}, 0, nil), true
	p.setPosition(m.note, m.note.Done.Prefix(), "")
	p.limits.limit.Store(math.MaxInt64)
	p.limits.low.Store(math.MaxInt64)
	p.users.Store(1)
	e.partitions[p.TopicPartition] = p
	e.stats.assigned.Store(1)

	over, finished := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { e.watch.run(over) })
	from := m.note.Done.Prefix()
	go func() {
		defer p.leave()
		if m.feed(p, from) {
			close(finished)
		}
	}()
	var encoder progress.Encoder
	ticker, death := time.NewTicker(25*time.Millisecond), time.NewTimer(span)
	for alive := true; alive; {
		select {
		case <-ticker.C:
			m.commit(p, &encoder)
		case <-finished:
			alive, orderly = false, true
		case <-death.C:
			alive = false
		}
	}
	ticker.Stop()
	death.Stop()
	p.halt()
	if !orderly {
		p.cancel(ErrLost)
	}
	<-p.exited
	if orderly {
		m.commit(p, &encoder)
	}
	p.cancel(errors.New("the life is over"))
	close(over)
	wg.Wait()
	e.fetcher.Stop()
}

// feed is the partition's goroutine. It returns false when the partition has been stopped.
func (m *plan) feed(p *partition, from int64) bool {
	for _, c := range m.chunks {
		if c.End <= from {
			continue
		}
		c.From = max(c.From, from)
		if !p.work(&c) {
			return false
		}
	}
	for p.lanes != nil && !p.quiet() {
		if !p.wait() {
			return false
		}
	}
	return true
}
