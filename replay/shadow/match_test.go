package shadow

import (
	"context"
	"errors"
	"testing"
)

func TestMatchedEventsAreLetGo(t *testing.T) {
	t.Parallel()
	r := &bucketRun{comparison: &comparison{Config: Config{MemoryBytes: 1 << 20}}, waiting: map[string]*queues{}, tally: newTally()}
	event := func(offset int64) written { return written{offset: offset, key: "k", value: []byte("v")} }
	add := func(side int, offset int64) {
		if err := r.add(t.Context(), side, event(offset)); err != nil {
			t.Fatal(err)
		}
	}
	add(expected, 1)
	add(expected, 2)
	w := event(1)
	array := r.waiting[w.matchKey()].events[expected]
	add(shadow, 7)
	if r.tally.Same != 1 || len(r.waiting[w.matchKey()].events[expected]) != 1 || array[0].value != nil || array[1].value == nil {
		t.Errorf("%d the same; behind the rest lies %+v", r.tally.Same, array)
	}
	if rest := r.waiting[w.matchKey()].events[expected][0]; r.bytes != rest.size() {
		t.Errorf("%d bytes are counted, %d wait", r.bytes, rest.size())
	}
}

func TestAlignmentEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := &bucketRun{comparison: &comparison{}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.common(ctx, []written{{offset: 1}}, []written{{offset: 2}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
