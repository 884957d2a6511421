package producer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/headrace/headrace/producer"
)

func TestTimesBefore1970AreRefused(t *testing.T) {
	t.Parallel()
	_, p := start(t, nil)
	topic, ctx := producer.For[orderPlaced](p, orders), within(t, time.Minute)
	for _, tc := range []struct {
		at      time.Time
		refused bool
	}{
		{time.UnixMilli(-1), true},
		{time.UnixMilli(0).Add(-time.Nanosecond), true},
		{time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{time.UnixMilli(0), false},
		{time.Time{}, false}, // now
	} {
		_, err := topic.Send(ctx, "k", orderPlaced{ID: "1"}, producer.At(tc.at))
		var refused *producer.TimeError
		var failed *producer.Error
		switch {
		case !tc.refused && err != nil:
			t.Errorf("%v: %v", tc.at, err)
		case tc.refused && (!errors.As(err, &refused) || !errors.As(err, &failed) || failed.Outcome != producer.Failed):
			t.Errorf("%v: got %v", tc.at, err)
		}
	}
}
