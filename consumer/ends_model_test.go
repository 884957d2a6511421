package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"
	"pgregory.net/rapid"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/fetch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
)

// kindOfEvent is what an event does to the worker that has it.
type kindOfEvent int

const (
	isGood kindOfEvent = iota
	isSlow
	isSkipped    // its handler returns Skip
	isLeftOut    // of a type that nobody handles: skipped by policy, or the worker's end
	failsOnce    // and is handled then
	panicsOnce   // as well
	staysOnce    // its handler ignores the end of its lease once
	failsForGood // and so ends its worker, as all below do
	panicsForGood
	exits       // its handler ends its goroutine
	isTruncated // its value cannot be decoded
	isForeign   // its value names no schema
	isBomb      // its batch cannot be read
)

// fatal reports whether the event ends its worker, until somebody mends it.
func (k kindOfEvent) fatal(unhandled Unhandled) bool {
	return k >= failsForGood || k == isLeftOut && unhandled == UnhandledStop
}

// modelEvent is an event of the model's log.
type modelEvent struct {
	offset int64
	key    string
	kind   kindOfEvent
	once   bool // what it does once is over
}

// endOfLife is how a worker ends that no event ends.
type endOfLife int

const (
	comesToTheEnd endOfLife = iota
	drains
	loses // its partition
	crashes
	isMoved  // its offset is out of range, and the policy moves it to where a chunk ends
	feedDies // its offset is out of range, and the policy stops the worker
)

// endsModel is a partition's log, and what has become of it over all lives of its worker.
type endsModel struct {
	concurrency int
	unhandled   Unhandled
	replays     bool // the lives are those of a replay
	picks       bool // which has a filter
	batches     [][]*modelEvent
	perChunk    int
	codecs      []batch.Codec
	end         int64

	mu      sync.Mutex
	events  map[int64]*modelEvent
	handled map[int64]bool
	skipped map[int64]bool  // by policy
	over    map[int64]bool  // passed over by the policy for offsets out of range
	alive   bool            // what a handler does counts
	running map[string]bool // by key
	note    progress.Note   // as last committed
	span    ReplaySpan      // as last told
	wrong   string
}

func (m *endsModel) fault(format string, args ...any) {
	if m.wrong == "" {
		m.wrong = fmt.Sprintf(format, args...)
	}
}

func (m *endsModel) keeps(offset int64) bool { return !m.picks || offset%5 != 0 }

// handle is the handler of all events.
func (m *endsModel) handle(ctx context.Context) error {
	m.mu.Lock()
	info := InfoFrom(ctx)
	e := m.events[info.Offset]
	if m.done(e.offset) {
		m.fault("offset %d is handled again though it was said to be done", e.offset)
	}
	if m.running[e.key] && e.key != "" {
		m.fault("two handlers of key %q at once", e.key)
	}
	m.running[e.key] = true
	kind, once := e.kind, e.once
	e.once = true
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.running, e.key)
	}()
	switch {
	case kind == isSlow:
		select {
		case <-time.After(planLease / 3):
		case <-ctx.Done():
			return ctx.Err()
		}
	case kind == failsForGood, kind == failsOnce && !once:
		return errBroken
	case kind == panicsForGood, kind == panicsOnce && !once:
		panic("a handler's panic")
	case kind == exits:
		goexit()
	case kind == staysOnce && !once:
		<-time.After(10 * planLease)
		return nil // which counts for nothing: it has been given up
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.alive:
		return nil
	case kind == isSkipped:
		m.skipped[e.offset] = true
		return Skip("not wanted")
	}
	m.handled[e.offset] = true
	return nil
}

// done reports whether an offset was said to be done.
func (m *endsModel) done(offset int64) bool {
	if !m.replays {
		return m.note.Done.Has(offset)
	}
	return offset < m.span.Next || slices.ContainsFunc(m.span.Beyond, func(r headrace.OffsetRange) bool { return r.From <= offset && offset < r.To })
}

// judge holds what is said to be done against what has become of the events.
func (m *endsModel) judge() {
	counts := ReplayCounts{}
	for at := range m.end {
		e := m.events[at]
		switch {
		case e == nil || !m.done(at):
		case m.replays && !m.keeps(at):
			counts.Filtered++
		case m.handled[at]:
			counts.Handled++
		case m.skipped[at] || e.kind == isLeftOut && m.unhandled == UnhandledSkip:
			counts.Skipped++
		case m.over[at]:
		default:
			m.fault("offset %d is said to be done, and was not handled", at)
		}
	}
	if m.replays && m.span.Counts != counts {
		m.fault("the replay counts %+v of what it says is done, which is %+v: next %d, beyond %v", m.span.Counts, counts, m.span.Next, m.span.Beyond)
	}
}

// tell is what a committer does, through the metadata's bytes, or a replay, through its file's.
func (m *endsModel) tell(p *partition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.replays {
		told := ReplaySpan{OffsetRange: headrace.OffsetRange{From: 0, To: m.end}}
		p.snapshot(&told)
		text, err := json.Marshal(told)
		m.span = ReplaySpan{}
		if err := errors.Join(err, json.Unmarshal(text, &m.span)); err != nil {
			m.fault("%v", err)
		}
		m.judge()
		return
	}
	n := progress.Note{Done: p.progress()}
	var encoder progress.Encoder
	metadata, _ := encoder.Encode(p.kafkaLog, &n, defaultMetadataBytes)
	read, err := progress.Decode(p.kafkaLog, n.Done.Prefix(), metadata)
	if err != nil {
		m.fault("metadata: %v", err)
	}
	m.note = progress.Note{Done: read.Done}
	m.judge()
}

// draw makes the log.
func (m *endsModel) draw(t *rapid.T) {
	fatal := rapid.IntRange(0, 3).Draw(t, "fatal events")
	for range rapid.IntRange(1, 12).Draw(t, "batches") {
		m.end += rapid.Int64Range(0, 2).Draw(t, "gap")
		var events []*modelEvent
		for range rapid.IntRange(1, 80).Draw(t, "records") {
			e := &modelEvent{offset: m.end, key: fmt.Sprint("k", rapid.IntRange(0, 9).Draw(t, "key"))}
			if n := rapid.IntRange(0, 99).Draw(t, "kind"); n > 80 {
				e.kind = kindOfEvent(1 + n%6)
			}
			events = append(events, e)
			m.events[e.offset] = e
			m.end++
		}
		m.batches = append(m.batches, events)
		m.codecs = append(m.codecs, rapid.SampledFrom([]batch.Codec{batch.None, batch.Snappy}).Draw(t, "codec"))
	}
	for range fatal {
		events := m.batches[rapid.IntRange(0, len(m.batches)-1).Draw(t, "batch of a fatal event")]
		e := events[rapid.IntRange(0, len(events)-1).Draw(t, "place of a fatal event")]
		e.kind = kindOfEvent(rapid.IntRange(int(failsForGood), int(isBomb)).Draw(t, "fatal kind"))
	}
	m.perChunk = rapid.IntRange(1, len(m.batches)).Draw(t, "batches in a chunk")
}

// chunks are the log as the events are now, from an offset on.
func (m *endsModel) chunks(tb testing.TB, from int64) (chunks []fetch.Chunk) {
	tb.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := fetch.Chunk{From: from, End: from}
	for i, events := range m.batches {
		last := events[len(events)-1].offset
		if last >= from {
			c.Batches = append(c.Batches, m.sealed(tb, events, m.codecs[i]))
		}
		c.End = max(c.End, last+1)
		if (i+1)%m.perChunk == 0 || i == len(m.batches)-1 {
			if c.End > c.From {
				chunks = append(chunks, c)
			}
			c = fetch.Chunk{From: c.End, End: c.End}
		}
	}
	return chunks
}

func (m *endsModel) sealed(tb testing.TB, events []*modelEvent, codec batch.Codec) batch.Batch {
	tb.Helper()
	var recs []rec
	bomb := false
	for _, e := range events {
		value := pingValue(e.offset, "w")
		switch e.kind {
		case isTruncated:
			value = value[:len(value)-1]
		case isForeign:
			value = []byte("no event")
		case isLeftOut:
			value = encoded(pongID, pong{OK: true})
		default:
		}
		bomb = bomb || e.kind == isBomb
		recs = append(recs, rec{key: e.key, value: value})
	}
	if bomb {
		codec = batch.Snappy
	}
	raw := at(events[0].offset, sealed(tb, codec, recs...))
	if bomb { // what says how much it decompresses into is cut off
		raw[61] ^= 0xff
		raw = checksum(raw)
	}
	parsed, _, err := batch.Next(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return parsed
}

// mend mends the event that ended a life, or its batch.
func (m *endsModel) mend(failure error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var offset int64
	corrupt, unreadable := errors.AsType[*reader.CorruptError](failure)
	switch f := failure.(type) { //nolint:errorlint // as the worker made it
	case *HandlerError:
		offset = f.Offset
	case *DecodeError:
		offset = f.Offset
	case *UnhandledError:
		offset = f.Offset
	default:
		if _, gone := errors.AsType[*reader.OutOfRangeError](failure); gone {
			return
		}
		if !unreadable {
			m.fault("the worker ended with %v (%T)", failure, failure)
			return
		}
		offset = corrupt.Offset
	}
	if m.done(offset) {
		m.fault("the worker ended with %v, which is said to be done", failure)
	}
	for _, events := range m.batches {
		if events[len(events)-1].offset < offset || events[0].offset > offset {
			continue
		}
		mended := false
		for _, e := range events {
			if unreadable && e.kind == isBomb || !unreadable && e.offset == offset && e.kind.fatal(m.unhandled) {
				e.kind, mended = isGood, true
			}
		}
		if !mended {
			m.fault("the worker ended with %v at an event that is not to end it", failure)
		}
	}
}

// live is one life of a worker.
func (m *endsModel) live(tb testing.TB, routes *routes, ping *target, end endOfLife, lasts time.Duration, chunk int) {
	e := &engine{
		cfg:    Config{Group: "g", Logger: zap.NewNop(), Concurrency: m.concurrency, Unhandled: m.unhandled, Tuning: Tuning{DrainTimeout: planLease}}.withDefaults(),
		routes: routes, stats: new(counters), memory: newMemory(), base: context.Background(), failed: make(chan error, 1), grace: planLease / 2,
		fetcher: fetch.New(fetch.Config{}), partitions: make(map[kafka.TopicPartition]*partition), turns: semaphore.NewWeighted(allTurns),
	}
	e.commits, e.watch = newCommitter(e), newWatch(e)
	if m.concurrency > 0 {
		e.lanes = newLanes(m.concurrency)
		defer e.lanes.stop()
	}
	if m.replays {
		e.replay = &replaying{cfg: ReplayConfig{ID: "r"}, id: "r"}
		e.replay.ended.Add(1)
		if m.picks {
			e.replay.cfg.Filter = func(_ context.Context, r *reader.Record) (bool, error) { return m.keeps(r.Offset), nil }
		}
	}
	p := newPartition(e, kafka.TopicPartition{Topic: "t"}, kafka.Member{})
	p.router.targets[schema.RefID(pingID)] = ping
	p.router.targets[schema.RefID(pongID)] = &target{event: "test.Pong"}
	n := m.note
	if m.replays {
		p.span = &span{replaying: e.replay, to: m.end, counts: m.span.Counts}
		n = progress.Note{Done: progress.NewDone(m.span.Next)}
		for _, b := range m.span.Beyond {
			n.Done.Mark(b.From, b.To)
		}
	}
	from := n.Done.Prefix()
	p.feed, p.begun = fetch.NewFeed(p.TopicPartition, [16]byte{}, from, nil), true
	p.setPosition(n, from, "")
	p.unconfirmed()
	p.users.Store(1)
	e.partitions[p.TopicPartition] = p
	e.stats.assigned.Store(1)
	m.alive = true

	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { e.watch.run(over) })
	go p.run()
	deliveries := m.deliveries(tb, from, end, chunk)
	wg.Go(func() {
		for _, d := range deliveries {
			d.Feed = p.feed
			select {
			case p.deliveries <- d:
			case <-p.going.Done():
				return
			}
		}
	})
	var failure error
	ticker, death, hangs := time.NewTicker(planLease/4), time.NewTimer(lasts), time.After(3*time.Minute)
	for alive := true; alive; {
		select {
		case failure = <-e.failed:
			alive = false
		case <-ticker.C:
			m.tell(p)
			p.unconfirmed() // as for a group that cannot be told of events in hand, so that nobody waits
			alive = m.prefix() < m.end
		case <-hangs:
			m.mu.Lock()
			m.fault("the life does not come to its end: %+v", p.state(time.Now(), e.everyLane()))
			m.mu.Unlock()
			alive = false
		case <-death.C:
			alive = end == comesToTheEnd || end == feedDies || end == isMoved
		}
	}
	ticker.Stop()
	death.Stop()
	if failure == nil && (end == crashes || end == loses) {
		m.mu.Lock()
		m.alive = end == loses // a handler of a lost partition does what it does, and nobody hears of it
		m.mu.Unlock()
		p.lost.Store(true)
		p.halt()
		p.cancel(ErrLost)
	} else {
		p.halt()
		e.drain([]*partition{p}, ErrStopping)
		m.tell(p)
	}
	<-p.exited // of a handler that was given up as well: what it does then counts for nothing
	p.cancel(errors.New("the life is over"))
	close(over)
	wg.Wait()
	e.fetcher.Stop()
	if failure != nil {
		m.mend(failure)
	}
}

func (m *endsModel) prefix() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.replays {
		return m.span.Next
	}
	return m.note.Done.Prefix()
}

// deliveries is what the partition's feed delivers in a life.
func (m *endsModel) deliveries(tb testing.TB, from int64, end endOfLife, chunk int) (deliveries []fetch.Delivery) {
	chunks := m.chunks(tb, from)
	for i, c := range chunks {
		if i == chunk && end == feedDies {
			at := headrace.Location{Topic: "t", Offset: c.From}
			return append(deliveries, fetch.Delivery{Err: &reader.OutOfRangeError{Location: at}})
		}
		if i == chunk && end == isMoved {
			m.mu.Lock()
			for at := range c.End {
				m.over[at] = true
			}
			m.mu.Unlock()
			deliveries = append(deliveries, fetch.Delivery{Moved: true, Chunk: fetch.Chunk{From: c.End, End: c.End}})
			continue
		}
		deliveries = append(deliveries, fetch.Delivery{Chunk: c})
	}
	return deliveries
}

// TestWhatIsSaidToBeDoneWasDone lets a worker, or a replay, end in every way, again and again, at any place of a log of any shape, and go
// on: what is committed or told was handled, or skipped by policy, whatever ended it; what is not is handled in the end.
func TestWhatIsSaidToBeDoneWasDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &endsModel{
			concurrency: rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(rt, "concurrency"),
			unhandled:   rapid.SampledFrom([]Unhandled{UnhandledStop, UnhandledSkip}).Draw(rt, "unhandled"),
			events:      map[int64]*modelEvent{}, handled: map[int64]bool{}, skipped: map[int64]bool{}, over: map[int64]bool{}, running: map[string]bool{},
		}
		m.replays = rapid.Bool().Draw(rt, "a replay")
		m.picks = m.replays && rapid.Bool().Draw(rt, "with a filter")
		m.draw(rt)
		ways := []endOfLife{comesToTheEnd, drains, loses, crashes, feedDies}
		if !m.replays { // which stops where an offset is out of range
			ways = append(ways, isMoved)
		}
		policy := Policy{Attempts: 2, Timeout: planLease, Backoff: Backoff{Initial: 20 * time.Millisecond}}.withDefaults()
		routes, err := newRoutes(w.registry, policy, []Handler{On(func(ctx context.Context, _ ping) error { return m.handle(ctx) })})
		if err != nil {
			rt.Fatal(err)
		}
		// The registry is asked here: its answers do not come from within the bubble.
		ping, err := newRouter(routes).find(t.Context(), "t", schema.RefID(pingID))
		if err != nil {
			rt.Fatal(err)
		}
		lives := rapid.SliceOfN(rapid.SampledFrom(ways), 0, 4).Draw(rt, "lives")
		spans := rapid.SliceOfN(rapid.IntRange(1, 500), len(lives), len(lives)).Draw(rt, "their spans")
		chunks := rapid.SliceOfN(rapid.IntRange(0, len(m.batches)/m.perChunk), len(lives), len(lives)).Draw(rt, "chunks at which feeds end")
		synctest.Test(t, func(*testing.T) {
			for i, end := range lives {
				if m.prefix() < m.end {
					m.live(t, routes, ping, end, time.Duration(spans[i])*time.Millisecond, chunks[i])
				}
			}
			for more := 0; m.prefix() < m.end && m.wrong == ""; more++ {
				if more > len(m.events) {
					m.fault("the log does not come to its end: %d of %d", m.prefix(), m.end)
				}
				m.live(t, routes, ping, comesToTheEnd, 0, 0)
			}
		})
		for at, e := range m.events {
			if m.wrong == "" && !m.handled[at] && !m.skipped[at] && !m.over[at] && (!m.replays || m.keeps(at)) && e.kind != isLeftOut {
				m.fault("offset %d was never handled", at)
			}
		}
		if m.wrong != "" {
			rt.Fatal(m.wrong)
		}
	})
}
