package deadletter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
)

// refers makes a dead letter one that refers to an event, as package consumer writes it.
func refers(to *kgo.Record, offset int64) *kgo.Record {
	r := letter(0, offset, consumer.HeaderReference, fmt.Sprintf("%s/%d@%d", to.Topic, to.Partition, to.Offset), consumer.HeaderStart, string(to.Value[:4]))
	r.Key, r.Value = nil, nil
	return r
}

// TestLettersThatReferToAnEventReturnIt has events that were too large to be copied, one of which is gone.
func TestLettersThatReferToAnEventReturnIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	event := &kgo.Record{Topic: "orders", Key: []byte("big"), Value: []byte(strings.Repeat("big ", 1000)), Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("1")}}}
	w.put(event)
	gone, other, elsewhere := *event, *event, *event
	gone.Offset = 1000
	other.Value = []byte("another event")
	elsewhere.Topic = "billing"
	unread := refers(event, 45)
	unread.Headers = append(unread.Headers, kgo.RecordHeader{Key: consumer.HeaderKind, Value: []byte("record")})
	w.put(refers(event, 41), refers(&gone, 42), refers(&other, 43), refers(&elsewhere, 44), unread, letter(0, 46))
	plan := w.plan()
	if plan.Events() != 2 || len(plan.Left) != 4 {
		t.Errorf("%d to return, left %+v", plan.Events(), plan.Left)
	}
	if done := w.apply(plan); done.Events != 2 {
		t.Errorf("returned %+v", done)
	}
	var copies int
	for _, r := range w.orders() {
		if string(r.Key) == "big" && string(r.Value) == string(event.Value) && r.Headers[0].Key == "own" {
			copies++
		}
		if len(r.Value) == 0 {
			t.Errorf("a null value at %d", r.Offset)
		}
	}
	if copies != 2 {
		t.Errorf("the event is there %d times", copies)
	}
}

// TestEventThatItsTopicDoesNotTakeIsLeft has one among others, and the others are returned.
func TestEventThatItsTopicDoesNotTakeIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	large := letter(0, 1)
	large.Headers = append(large.Headers, make([]kgo.RecordHeader, 65_500)...)
	w.put(letter(0, 0), large, letter(0, 2))
	done, err := deadletter.ApplyRedrive(t.Context(), deadletter.RedriveConfig{Cluster: w.cluster, By: "me@here"}, w.plan())
	if err == nil || !strings.Contains(err.Error(), "1 dead letter cannot be returned") || errors.Is(err, deadletter.ErrNotAlone) || done.Events != 2 {
		t.Errorf("returned %d, %v", done.Events, err)
	}
	if left := w.list(false); len(left) != 1 || left[0].Offset != 1 {
		t.Errorf("%d are left", len(left))
	}
}
