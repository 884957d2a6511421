package deadletter

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/internal/runid"
	"github.com/headrace/headrace/internal/topicstate"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
)

// RedriveConfig is how a plan is applied. Cluster is needed.
type RedriveConfig struct {
	Cluster  headrace.Cluster
	By       string           // who does it, for the record and for whoever tries at the same time; user@host, say
	Targets  []string         // that dead letters may go to although nothing but their headers names them; see [Return.Claimed]
	Rate     float64          // events a second; 0 is no limit
	Progress func(Redriven)   // hears of every window; may be nil
	Waits    func(*BusyError) // hears once that another redrive has to end first; may be nil
}

// Redriven is how far a redrive or a discard has come.
type Redriven struct {
	Run    string // see [Run]; the last one, where it had to begin anew
	Events int64  // that Kafka has acknowledged in their topics, and that are marked as done; of a discard, that are marked
	Others int64  // of the plan that were done by others since it was made
}

// RedriveWindow is how many events are sent, acknowledged, and then marked as done together. A process that is killed has sent at most
// so many that are not marked, and the next redrive sends those again.
const RedriveWindow = 500

const (
	windowBytes = 4 << 20
	windowTime  = time.Second      // of a slow redrive
	endGrace    = 10 * time.Second // for the last window when ctx has ended
)

// The dead letter of a large event is as large.
const (
	batchBytes  = batch.RecordBytes + batch.CopyBytes
	bufferBytes = 2 * batchBytes
)

// ApplyRedrive does what a plan says. Each event goes to its topic with its key, value, own headers and timestamp, into the partition it
// came from, where the topic still has that one, and with [HeaderRedrives] one higher. The events of one partition of the dead-letter
// topic keep their order. Dead letters that are discarded stay where they are, and are marked.
//
// An event counts as returned once Kafka has acknowledged it in its topic, and not before. When ctx ends or an event is refused,
// ApplyRedrive marks what it has returned and ends with the error; applying the plan again, or a new one, goes on from there. A process
// that is killed may have returned [RedriveWindow] events that are not marked; all others are returned once, also when several try at
// once: one at a time works on a topic, and the others end with a *[BusyError].
//
// A topic that is not the one of the plan any more is a *[StaleError]. Topics that only headers name, and cfg.Targets does not, are a
// *[TargetError]; nothing is written then.
func ApplyRedrive(ctx context.Context, cfg RedriveConfig, plan Redrive) (done Redriven, err error) {
	if err := plan.unconfirmed(cfg.Targets); err != nil {
		return Redriven{}, err
	}
	progress := cfg.Progress
	for {
		before := done
		cfg.Progress = func(so Redriven) {
			if so.Events += before.Events; progress != nil {
				progress(so)
			}
		}
		part, err := applyOnce(ctx, cfg, plan)
		done = Redriven{Run: part.Run, Events: before.Events + part.Events, Others: max(0, part.Others-before.Events)}
		// A coordinator that was away for longer than a session has forgotten the lock. So the redrive begins anew: it takes the lock and
		// reads the marks again. One that has returned nothing since is not repeated.
		if !errors.Is(err, ErrNotAlone) || part.Events == 0 || ctx.Err() != nil {
			return done, err
		}
	}
}

func applyOnce(ctx context.Context, cfg RedriveConfig, plan Redrive) (done Redriven, err error) {
	client, err := kafka.Open(cfg.Cluster)
	if err != nil {
		return Redriven{}, err
	}
	defer client.Close()
	state, err := topicstate.Get(ctx, client, plan.Topic)
	if err != nil {
		return Redriven{}, err
	}
	if state.ID != plan.TopicID {
		return Redriven{}, &StaleError{Topic: plan.Topic, Was: plan.TopicID, Is: state.ID}
	}
	lock, held, err := lockTopic(ctx, cfg.Cluster, plan.Topic, cfg.By, cfg.Waits)
	if err != nil {
		return Redriven{}, err
	}
	defer lock.release(ctx)
	topic, err := client.Topic(ctx, plan.Topic)
	if err != nil {
		return Redriven{}, err
	}
	if err := makeMarksTopic(ctx, cfg.Cluster, client, topic); err != nil {
		return Redriven{}, err
	}
	read, err := readMarks(ctx, cfg.Cluster) // with the lock held: nobody adds to them now
	if err != nil {
		return Redriven{}, err
	}
	// An event may have come in a compressed batch, and be too large for its topic as it is. Every client reads gzip.
	p, err := producer.New(producer.Config{Cluster: cfg.Cluster, Compression: producer.Gzip, BatchBytes: batchBytes, BufferBytes: bufferBytes})
	if err != nil {
		return Redriven{}, err
	}
	r := &redriving{
		cfg: cfg, plan: plan, lock: lock, producer: p, router: newRouter(client, plan.ToGroup), read: read, before: read.of(state),
		marks: newMarksWriter(p, state, plan.run(cfg.By)), began: time.Now(),
	}
	if cfg.Rate > 0 {
		r.rate = rate.NewLimiter(rate.Limit(cfg.Rate), max(1, int(cfg.Rate/10)))
	}
	r.done.Run = r.marks.run.ID
	err = r.run(held)
	if cause := context.Cause(held); err != nil && errors.Is(cause, ErrNotAlone) && !errors.Is(err, ErrNotAlone) {
		err = errors.Join(cause, err) // err is a consequence: a call that was under way when the lock was lost only says that it was cancelled
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	defer cancel()
	return r.done, errors.Join(err, p.Close(closing))
}

// run is the record of a plan that begins.
func (r Redrive) run(by string) Run {
	now := time.Now().UTC()
	run := Run{
		ID: runid.New(now), Action: string(actionRedrive), Topic: r.Topic, By: by, Began: now, Selection: r.Selection, Target: "topic",
		Reason: r.Discard, Planned: r.Events(),
	}
	if r.ToGroup {
		run.Target = "group"
	}
	if r.Discard != "" {
		run.Action, run.Target = string(actionDiscard), ""
	}
	if r.Edit != nil {
		run.Edited = Position{r.Edit.Partition, r.Edit.Offset}.String()
	}
	return run
}

// redriving is one ApplyRedrive. One goroutine uses it, except what mu guards.
type redriving struct {
	cfg      RedriveConfig
	plan     Redrive
	lock     *redriveLock
	producer *producer.Producer
	router   *router
	read     *marksRead // when it began
	before   marks      // what was done then
	marks    *marksWriter
	rate     *rate.Limiter
	done     Redriven
	bytes    int
	began    time.Time // of the window
	refused  bool      // an event was, and finishWindow has returned the error

	mu        sync.Mutex
	window    []inWindow
	kept      int64 // dead letters that cannot be returned
	firstKept error
}

// run returns or discards the dead letters of the plan. The run's record is written before the first and after the last.
func (r *redriving) run(ctx context.Context) error {
	if err := r.marks.writeRun(ctx, 0, ""); err != nil {
		return err
	}
	err := reader.Read(ctx, reader.Config{Cluster: r.cfg.Cluster, Topic: r.plan.Topic, Ranges: r.ranges()}, func(rec reader.Record) error {
		return r.handle(ctx, &rec)
	})
	outcome := "done"
	ending := context.WithoutCancel(ctx)
	ending, cancel := context.WithTimeout(ending, endGrace)
	defer cancel()
	if err == nil {
		err = r.finishWindow(ctx)
	} else {
		err = errors.Join(err, r.finishWindow(ending))
	}
	if err = errors.Join(err, r.errOfKept()); err != nil {
		outcome = err.Error()
	}
	return errors.Join(err, r.marks.writeRun(ending, r.done.Events, phrase.Clip([]byte(outcome), maxText)))
}

// ranges is what of the dead-letter topic is read.
func (r *redriving) ranges() []reader.PartitionRange {
	ranges := []reader.PartitionRange{}
	for _, p := range r.plan.Partitions {
		if n := len(p.Spans); n > 0 {
			ranges = append(ranges, reader.PartitionRange{Partition: p.Partition, OffsetRange: headrace.OffsetRange{From: p.Spans[0].From, To: p.Spans[n-1].To}})
		}
	}
	return ranges
}

// has reports whether an offset is one of the plan's.
func (r *Redrive) has(partition int32, offset int64) bool {
	for i := range r.Partitions {
		if p := &r.Partitions[i]; p.Partition == partition {
			at, found := slices.BinarySearchFunc(p.Spans, offset, func(s headrace.OffsetRange, offset int64) int {
				switch {
				case s.To <= offset:
					return -1
				case s.From > offset:
					return 1
				}
				return 0
			})
			return found && at < len(p.Spans)
		}
	}
	return false
}

// handle returns one dead letter of the plan, or adds it to those that are discarded.
func (r *redriving) handle(ctx context.Context, rec *reader.Record) error {
	if !r.plan.has(rec.Partition, rec.Offset) {
		return nil
	}
	if fate, _ := r.before.fate(rec.Partition, rec.Offset); fate != FateOpen {
		r.done.Others++
		return nil
	}
	if r.rate != nil {
		if err := r.rate.Wait(ctx); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
	if len(r.window) == 0 {
		r.began = time.Now()
		if err := r.lock.confirm(); err != nil {
			return err
		}
	}
	position := Position{rec.Partition, rec.Offset}
	discard := r.plan.Discard != ""
	r.mu.Lock()
	slot := len(r.window)
	r.window = append(r.window, inWindow{at: position, answered: discard})
	r.mu.Unlock()
	if !discard {
		if err := r.send(ctx, rec, slot); err != nil {
			r.answer(slot, err)
			return r.finishWindow(ctx)
		}
		r.bytes += len(rec.Key) + len(rec.Value)
	}
	if slot+1 < RedriveWindow && r.bytes < windowBytes && time.Since(r.began) < windowTime {
		return nil
	}
	return r.finishWindow(ctx)
}

func (r *redriving) send(ctx context.Context, rec *reader.Record, slot int) error {
	d := letterOf(*rec)
	marks := append(r.read.confirmed(&d), markText(r.marks.run.ID, Position{d.Partition, d.Offset}))
	if err := d.dereference(ctx, r.cfg.Cluster); err != nil {
		return err
	}
	if edit := r.plan.Edit; edit != nil {
		d.Value = edit.Value
	}
	to, err := r.router.of(ctx, &d)
	if err != nil {
		return err
	}
	if to.claimed && !slices.Contains(r.cfg.Targets, to.topic) { // the plan may be of somebody's own making
		return &TargetError{Topic: r.plan.Topic, Targets: []string{to.topic}}
	}
	out, err := r.router.record(ctx, &d, to.topic, marks, time.Now())
	if err != nil {
		return err
	}
	r.producer.PostRecord(ctx, to.topic, out, func(_ headrace.Location, err error) { r.answer(slot, err) })
	return nil
}
