package sender

import (
	"context"
	"math"
	"testing"
	"testing/synctest"

	"github.com/headrace/headrace/internal/kafka"
)

func TestSequenceNumbersWrapAsKafkaCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from    int32
		records int
		want    int32
	}{
		{0, 1, 1}, {5, 10, 15}, {math.MaxInt32 - 1, 1, math.MaxInt32}, {math.MaxInt32, 1, 0}, {math.MaxInt32 - 4, 10, 5},
	} {
		if got := advance(c.from, c.records); got != c.want {
			t.Errorf("advance(%d, %d) = %d, want %d", c.from, c.records, got, c.want)
		}
	}
}

func TestAnotherIdentityIsTakenOverOnlyWhenNothingHasToBeFenced(t *testing.T) {
	t.Parallel()
	first, raised, other := kafka.ProducerID{ID: 1}, kafka.ProducerID{ID: 1, Epoch: 4}, kafka.ProducerID{ID: 2}
	n := sequence{id: kafka.NoProducerID}
	if got := n.assign(first); got != (stamp{first, 0}) {
		t.Fatalf("the first batch carries %v", got)
	}
	n.acked(10)
	if got := n.assign(first); got != (stamp{first, 10}) {
		t.Fatalf("the batch after 10 records carries %v", got)
	}
	n.bumpEpoch(raised)
	if got := n.assign(other); got != (stamp{raised, 0}) {
		t.Errorf("the batch after one of unknown outcome carries %v: a late copy is not fenced by another id", got)
	}
	if got := n.assign(kafka.ProducerID{ID: 1, Epoch: 6}); got != (stamp{kafka.ProducerID{ID: 1, Epoch: 6}, 0}) {
		t.Errorf("a higher epoch of the same id fences as well, but the batch carries %v", got)
	}
	n.acked(1)
	if got := n.assign(other); got != (stamp{other, 0}) {
		t.Errorf("once fenced the batch carries %v", got)
	}
}

func TestEpochsAreSharedAndUsedUp(t *testing.T) {
	t.Parallel()
	i := newIdentity(newModel(1, 1, 0, 1<<20))
	i.current = kafka.ProducerID{ID: 7, Epoch: 2}
	old := i.current
	if a, b := i.above(old), i.above(old); a != b || a != (kafka.ProducerID{ID: 7, Epoch: 3}) {
		t.Errorf("two partitions that raise the same epoch get %v and %v", a, b)
	}
	if got := i.above(kafka.ProducerID{ID: 5, Epoch: 9}); got != (kafka.ProducerID{ID: 5, Epoch: 10}) {
		t.Errorf("a retired id is raised to %v", got)
	}
	if got := i.above(kafka.ProducerID{ID: 5, Epoch: math.MaxInt16}); got != i.current {
		t.Errorf("an id without epochs left gives %v", got)
	}
	i.current.Epoch = retireEpoch
	if got, err := i.get(context.Background()); err != nil || got.ID == 7 {
		t.Errorf("an id with few epochs left is followed by %v, %v", got, err)
	}
}

// TestACalmClusterSeesOneUnbrokenSequence holds what recovery would hide: without trouble nothing is raised.
func TestACalmClusterSeesOneUnbrokenSequence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(3, 2, 0, 1<<20)
		m.epoch = 0
		if problems := unlucky(m, Config{BatchBytes: 1 << 10}, 2000, 0, map[Outcome]int{}); len(problems) > 0 {
			t.Fatal(problems)
		}
		for p, l := range m.logs {
			if len(l.producers) != 1 || l.producers[1].epoch != 0 || l.producers[1].next != 1000 {
				t.Errorf("partition %d knows %d producers, epoch %d, next sequence %d; want 1, 0, 1000",
					p, len(l.producers), l.producers[1].epoch, l.producers[1].next)
			}
		}
	})
}
