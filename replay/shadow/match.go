package shadow

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

// errNoRoom says that a bucket does not fit into memory.
var errNoRoom = errors.New("the bucket does not fit into memory")

// bucketRun compares one bucket of one partition.
type bucketRun struct {
	*comparison
	partition int32
	waiting   map[string]*queues
	bytes     int
	tally     *tally
}

// queues is the events of one key that have no counterpart yet, in the order of their topics. As long as the sides agree, one of them is
// empty. Where they do not, everything of the key waits for the end, so that what is missing does not shift what comes behind it.
type queues struct {
	events   [2][]written
	diverged bool
}

// bucket reads both sides in step.
func (c *comparison) bucket(ctx context.Context, partition int32, b bucket) (*tally, error) {
	run := &bucketRun{comparison: c, partition: partition, waiting: map[string]*queues{}, tally: newTally()}
	reading, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	sides := [2]*sideReader{c.open(reading, &running, expected, partition, b), c.open(reading, &running, shadow, partition, b)}
	for !sides[expected].ended || !sides[shadow].ended {
		side := shadow
		if sides[expected].behind(sides[shadow]) {
			side = expected
		}
		s := sides[side]
		p, more := <-s.out
		if !more {
			s.ended = true
			continue
		}
		if p.err != nil {
			return nil, p.err
		}
		s.passed += p.passed
		c.advance(p.passed)
		run.tally.Outside += p.outside
		for i := range p.events {
			if err := run.add(ctx, side, p.events[i]); err != nil {
				return nil, err
			}
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return run.tally, run.finish(ctx)
}

// add gives an event to its counterpart, or lets it wait.
func (r *bucketRun) add(ctx context.Context, side int, w written) error {
	if side == expected {
		r.tally.Expected++
	} else {
		r.tally.Shadow++
	}
	key := w.matchKey()
	q := r.waiting[key]
	if q == nil {
		q = &queues{}
		r.waiting[key] = q
	}
	if other := q.events[1-side]; !q.diverged && len(other) > 0 && len(q.events[side]) == 0 {
		pair := [2]*written{&w, &other[0]}
		if side == shadow {
			pair = [2]*written{&other[0], &w}
		}
		same, err := r.same(ctx, pair)
		if err != nil {
			return err
		}
		if same {
			r.tally.Same++
			r.bytes -= other[0].size()
			other[0] = written{} // the array behind lives on with the rest
			if q.events[1-side] = other[1:]; len(other) == 1 {
				delete(r.waiting, key)
			}
			return nil
		}
		q.diverged = true
	}
	q.events[side] = append(q.events[side], w)
	if r.bytes += w.size(); r.bytes > r.MemoryBytes {
		return errNoRoom
	}
	return nil
}

// same reports whether two events are the same but for what is ignored.
func (r *bucketRun) same(ctx context.Context, pair [2]*written) (bool, error) {
	if pair[0].sameBytes(pair[1]) {
		return true, nil
	}
	fields, err := r.compareValues(ctx, pair, 1)
	return len(fields) == 0, err
}

// finish settles what waits.
func (r *bucketRun) finish(ctx context.Context) error {
	for _, key := range slices.Sorted(maps.Keys(r.waiting)) {
		q := r.waiting[key]
		delete(r.waiting, key)
		if err := r.align(ctx, q.events[expected], q.events[shadow]); err != nil {
			return err
		}
	}
	return nil
}

// align pairs the events of a key. What both sides have in common, in the same order, are the fixed points; between two of them events
// pair by their place, and what is over is missing or extra.
func (r *bucketRun) align(ctx context.Context, e, s []written) error {
	for len(e) > 0 && len(s) > 0 { // the common end, as the common beginning is gone already
		same, err := r.same(ctx, [2]*written{&e[len(e)-1], &s[len(s)-1]})
		if err != nil {
			return err
		}
		if !same {
			break
		}
		r.tally.Same++
		e, s = e[:len(e)-1], s[:len(s)-1]
	}
	common, err := r.common(ctx, e, s)
	if err != nil {
		return err
	}
	i, j := 0, 0
	for _, fixed := range append(common, [2]int{len(e), len(s)}) {
		if err := r.between(ctx, e[i:fixed[expected]], s[j:fixed[shadow]]); err != nil {
			return err
		}
		if fixed[expected] < len(e) {
			r.tally.Same++
		}
		i, j = fixed[expected]+1, fixed[shadow]+1
	}
	return nil
}

// maxAligned bounds how many comparisons are made to find what two stretches have in common. Beyond, events pair by their place.
const maxAligned = 250_000

// common is the longest common subsequence of two stretches, as pairs of indexes.
func (r *bucketRun) common(ctx context.Context, e, s []written) ([][2]int, error) {
	if len(e) == 0 || len(s) == 0 || len(e)*len(s) > maxAligned {
		return nil, nil
	}
	width := len(s) + 1
	equal := make([]bool, len(e)*len(s))
	length := make([]int32, (len(e)+1)*width) // of the rests
	for i := len(e) - 1; i >= 0; i-- {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for j := len(s) - 1; j >= 0; j-- {
			same, err := r.same(ctx, [2]*written{&e[i], &s[j]})
			if err != nil {
				return nil, err
			}
			if equal[i*len(s)+j] = same; same {
				length[i*width+j] = 1 + length[(i+1)*width+j+1]
			} else {
				length[i*width+j] = max(length[(i+1)*width+j], length[i*width+j+1])
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(e) && j < len(s); {
		switch {
		case equal[i*len(s)+j]:
			pairs = append(pairs, [2]int{i, j})
			i++
			j++
		case length[(i+1)*width+j] >= length[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return pairs, nil
}

// between settles two stretches that have nothing in common.
func (r *bucketRun) between(ctx context.Context, e, s []written) error {
	n := min(len(e), len(s))
	for i := range n {
		fields, err := r.compareValues(ctx, [2]*written{&e[i], &s[i]}, maxFieldsOfOne)
		if err != nil {
			return err
		}
		name, err := r.reader.name(ctx, &s[i])
		if name == "" && err == nil {
			name, err = r.reader.name(ctx, &e[i])
		}
		if err != nil {
			return err
		}
		r.tally.changed(r.deviation(Changed, name, &e[i], &s[i]), fields)
	}
	for i := n; i < len(e); i++ {
		name, err := r.reader.name(ctx, &e[i])
		if err != nil {
			return err
		}
		r.tally.missing(r.deviation(Missing, name, &e[i], nil))
	}
	for i := n; i < len(s); i++ {
		name, err := r.reader.name(ctx, &s[i])
		if err != nil {
			return err
		}
		r.tally.extra(r.deviation(Extra, name, nil, &s[i]))
	}
	return nil
}

func (r *bucketRun) deviation(kind, event string, e, s *written) Deviation {
	d := Deviation{Kind: kind, Partition: r.partition, Event: event}
	if s != nil {
		offset := s.offset // else the event would be kept as well
		d.Shadow, d.Key = &offset, s.keyText()
	}
	if e != nil {
		offset := e.offset
		d.Expected, d.Key = &offset, e.keyText()
	}
	return d
}
