package batch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// visible returns the values of a log that a read-committed consumer sees.
func visible(t *testing.T, data []byte, filter *AbortedFilter) []string {
	t.Helper()
	var values []string
	var r Reader
	for len(data) > 0 {
		b, rest, err := Next(data)
		if err != nil {
			t.Fatal(err)
		}
		data = rest
		drop, err := filter.Drop(b)
		if err != nil {
			t.Fatal(err)
		}
		if drop {
			continue
		}
		records, err := decode(&r, b, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			values = append(values, string(rec.Value))
		}
	}
	return values
}

func TestAbortedTransactionsAreNotSeen(t *testing.T) {
	t.Parallel()
	log := golden(t, "transactions")
	all := []string{
		"aborted-0", "aborted-1", "committed-2", "plain-3", "idempotent-4", "aborted-5", "committed-8", "aborted-10",
	}
	committed := []string{"committed-2", "plain-3", "idempotent-4", "committed-8"}

	// The broker lists them in any order.
	filter := NewAbortedFilter([]Aborted{{ProducerID: 1, FirstOffset: 10}, {ProducerID: 1, FirstOffset: 0}})
	if diff := cmp.Diff(committed, visible(t, log, filter)); diff != "" {
		t.Error(diff)
	}
	filter.Reset(nil)
	if diff := cmp.Diff(all, visible(t, log, filter)); diff != "" {
		t.Error("the filter remembers the response before: ", diff)
	}
	if diff := cmp.Diff(all, visible(t, log, new(AbortedFilter))); diff != "" {
		t.Error("the zero filter: ", diff)
	}
}

func TestAnAbortThatBeganBeforeTheFetchIsKnown(t *testing.T) {
	t.Parallel()
	log := golden(t, "transactions")
	first, rest, err := Next(log)
	if err != nil || first.LastOffset != 1 {
		t.Fatalf("%+v: %v", first, err)
	}
	filter := NewAbortedFilter([]Aborted{{ProducerID: 1, FirstOffset: 0}, {ProducerID: 1, FirstOffset: 10}})
	want := []string{"committed-2", "plain-3", "idempotent-4", "committed-8"}
	if diff := cmp.Diff(want, visible(t, rest, filter)); diff != "" {
		t.Error(diff)
	}
}

func TestACommitMarkerDoesNotEndAnAbort(t *testing.T) {
	t.Parallel()
	// Producer 2 commits at 7; listed as aborted, only an abort marker may make its records visible again.
	filter := NewAbortedFilter([]Aborted{{ProducerID: 2, FirstOffset: 2}})
	visible(t, golden(t, "transactions"), filter)
	if !filter.active[2] {
		t.Error("a commit marker ended an aborted transaction")
	}
	filter.Reset(nil)
	if got := visible(t, golden(t, "transactions"), filter); len(got) != 8 {
		t.Errorf("an abort of the response before hides records of the next one: %v", got)
	}
}

func TestABrokenMarkerIsAnError(t *testing.T) {
	t.Parallel()
	for _, key := range [][]byte{nil, {0, 0, 0}, {0xff, 0xff, 0, 0}} {
		raw := seal(t, None, record{Key: key, Value: []byte{0, 0}})
		Stamp(raw, 1, 0, -1, true)
		raw[attributesAt+1] |= controlBit
		b, _, err := Next(sound(raw))
		if err != nil {
			t.Fatal(err)
		}
		drop, err := new(AbortedFilter).Drop(b)
		wantCorrupt(t, err, 0, "key of a control record")
		if !drop {
			t.Error("a control batch is to be delivered")
		}
	}
}
