//go:build !race

package producer_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
)

// TestPostAllocatesNothingPerEvent: what is left is per batch, and is the fake broker's share, which runs in this process, too. The race
// detector allocates and empties pools of its own accord, hence the build constraint.
func TestPostAllocatesNothingPerEvent(t *testing.T) {
	p, topic := fast(t, 4)
	ctx := context.Background()
	keys := make([]string, 64)
	for i := range keys {
		keys[i] = "customer-" + strconv.Itoa(i)
	}
	e := orderPlaced{ID: "order-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789", Amount: 1 << 40}
	at, header := producer.At(time.Now()), producer.WithHeader("trace", []byte("0123456789"))
	done := func(_ headrace.Location, err error) {
		if err != nil {
			t.Error(err)
		}
	}
	const events = 20_000
	for name, post := range map[string]func(key string){
		"plain":        func(key string) { topic.Post(ctx, key, e, done) },
		"with options": func(key string) { topic.Post(ctx, key, e, done, at, header) },
	} {
		round := func() {
			for i := range events {
				post(keys[i%len(keys)])
			}
			if err := p.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			round()
		}
		if per := testing.AllocsPerRun(5, round) / events; per > 0.05 {
			t.Errorf("%s: %.3f allocations per event", name, per)
		} else {
			t.Logf("%s: %.4f allocations per event", name, per)
		}
	}
}
