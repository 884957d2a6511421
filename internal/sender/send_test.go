package sender

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSendIsWrittenOnceInOrder(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 3)
	s := open(t, c, Config{})
	ctx := within(t, time.Minute)
	for i, value := range numbered(20) {
		r := s.Send(ctx, s.Topic(topic), record("key", value))
		if r.Err != nil || r.Outcome != Acked || r.Offset != int64(i) {
			t.Fatalf("record %d: %v", i, r)
		}
	}
	if diff := cmp.Diff(numbered(20), values(contents(t, c, topic))); diff != "" {
		t.Error(diff)
	}
}
