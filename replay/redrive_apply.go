package replay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/producer"
)

// Redriven is how far a redrive has come.
type Redriven struct {
	Events int64 // that Kafka has acknowledged in their topics, and that are noted as returned
	Left   int64 // that stay where they are
}

// A redrive goes on by windows: what one holds is sent at once, acknowledged, and then noted as returned.
const (
	windowEvents = 500
	windowBytes  = 4 << 20
	endGrace     = 10 * time.Second // for the last window when ctx has ended
)

// The dead letter of a large event is as large.
const (
	batchBytes  = 16 << 20
	bufferBytes = 64 << 20
)

// ApplyRedrive does what a plan says: each event goes back with its key, value, own headers and timestamp, into the partition it came
// from, where its topic still has that one, and with [HeaderRedrives] one higher. The events of one partition of the dead-letter topic
// keep their order.
//
// An event counts as returned once Kafka has acknowledged it in its topic, and not before. When ctx ends or an event is refused,
// ApplyRedrive notes what it has returned and ends with the error; the next plan goes on from there. A process that is killed may
// return a window of 500 events again. told, which may be nil, hears of every window. It refuses a plan that is stale with [ErrStale].
func ApplyRedrive(ctx context.Context, cluster headrace.Cluster, plan Redrive, told func(Redriven)) (done Redriven, err error) {
	client, err := kafka.Open(cluster)
	if err != nil {
		return Redriven{}, err
	}
	defer client.Close()
	ranges := plan.ranges()
	if err := plan.fresh(ctx, client); err != nil {
		return Redriven{}, err
	}
	p, err := producer.New(producer.Config{Cluster: cluster, BatchBytes: batchBytes, BufferBytes: bufferBytes})
	if err != nil {
		return Redriven{}, err
	}
	r := &redriving{topic: plan.Topic, client: client, producer: p, told: told}
	err = read(ctx, cluster, plan.Topic, ranges, func(letter DeadLetter) error { return r.take(ctx, &letter) })
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	defer cancel()
	if err == nil {
		ending = ctx
	}
	err = errors.Join(err, r.settle(ending))
	closing, cancelClose := context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	defer cancelClose()
	return r.done, errors.Join(err, p.Close(closing))
}

func (r Redrive) fresh(ctx context.Context, client *kafka.Client) error {
	committed, err := committedOf(ctx, client, r.Topic, r.ranges())
	if err != nil {
		return err
	}
	planned := make(map[int32]int64, len(r.Partitions))
	for _, p := range r.Partitions {
		planned[p.Partition] = p.Committed
	}
	for i, at := range r.ranges() {
		if committed[i] != planned[at.Partition] {
			return fmt.Errorf("redrive of %s: %w", r.Topic, ErrStale)
		}
	}
	return nil
}

// redriving is one ApplyRedrive. Only the reading goroutine uses it, but for what mu guards.
type redriving struct {
	topic    string
	client   *kafka.Client
	producer *producer.Producer
	told     func(Redriven)
	done     Redriven
	bytes    int
	refused  bool // an event was, and settle has said so

	mu     sync.Mutex
	window []returned // in the order they were read
}

// returned is one dead letter of the window.
type returned struct {
	at     consumer.At
	left   bool // it stays where it is
	answer bool // it has its outcome
	noted  bool // in the group
	err    error
}

// take sends one dead letter back, or leaves it.
func (r *redriving) take(ctx context.Context, letter *DeadLetter) error {
	left := letter.unreturnable() != ""
	r.mu.Lock()
	slot := len(r.window)
	r.window = append(r.window, returned{at: letter.At, left: left, answer: left})
	r.mu.Unlock()
	if !left {
		record, err := r.record(ctx, letter)
		if err != nil {
			r.answer(slot, err)
			return r.settle(ctx)
		}
		r.producer.PostRecord(ctx, letter.Origin.Topic, record, func(err error) { r.answer(slot, err) })
	}
	r.bytes += len(letter.Key) + len(letter.Value)
	if slot+1 < windowEvents && r.bytes < windowBytes {
		return nil
	}
	return r.settle(ctx)
}

func (r *redriving) answer(slot int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.window[slot].answer, r.window[slot].err = true, err
}

// record is the event as it was, and one redrive older.
func (r *redriving) record(ctx context.Context, letter *DeadLetter) (producer.Record, error) {
	out := producer.Record{Key: letter.Key, Value: letter.Value}
	if letter.Time.UnixMilli() >= 0 {
		out.Time = letter.Time
	}
	for _, h := range letter.Headers {
		if h.Key != HeaderRedrives {
			out.Headers = append(out.Headers, producer.Header(h))
		}
	}
	out.Headers = append(out.Headers, producer.Header{Key: HeaderRedrives, Value: strconv.AppendInt(nil, int64(letter.Redrives)+1, 10)})
	var topic kafka.Topic
	err := r.client.Retry(ctx, func(ctx context.Context) (err error) {
		topic, err = r.client.Topic(ctx, letter.Origin.Topic)
		return err
	})
	if err != nil {
		return producer.Record{}, err
	}
	if _, has := topic.Partition(letter.Origin.Partition); has {
		out.Partition = &letter.Origin.Partition
	}
	return out, nil
}

// settle waits for the window's outcomes and notes what is returned, up to the first event of each partition that is not.
func (r *redriving) settle(ctx context.Context) error {
	err := r.producer.Flush(ctx)
	upTo, refused := r.prefixes()
	err = errors.Join(refused, err)
	if noteErr := commit(ctx, r.client, r.topic, upTo); noteErr != nil {
		return errors.Join(err, noteErr)
	}
	r.note(upTo)
	if r.told != nil && len(upTo) > 0 {
		r.told(r.done)
	}
	if err == nil {
		r.window, r.bytes = r.window[:0], 0
	}
	return err
}

// prefixes returns how far each partition of the window is returned, and the first refusal.
func (r *redriving) prefixes() (upTo map[int32]int64, refused error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	upTo, stopped := map[int32]int64{}, map[int32]bool{}
	for _, one := range r.window {
		if one.err != nil && !r.refused {
			r.refused = true
			refused = fmt.Errorf("redrive: dead letter at %s: %w", one.at, one.err)
		}
		if !one.answer || one.err != nil {
			stopped[one.at.Partition] = true
		}
		if !one.noted && !stopped[one.at.Partition] {
			upTo[one.at.Partition] = one.at.Offset + 1
		}
	}
	return upTo, refused
}

// note counts what is noted in the group now.
func (r *redriving) note(upTo map[int32]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.window {
		one := &r.window[i]
		switch end, some := upTo[one.at.Partition]; {
		case !some || one.noted || one.at.Offset >= end:
		case one.left:
			one.noted = true
			r.done.Left++
		default:
			one.noted = true
			r.done.Events++
		}
	}
}
