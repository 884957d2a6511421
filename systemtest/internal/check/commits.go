package check

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"
)

// sampling is the time between two looks at the committed offsets.
const sampling = 20 * time.Millisecond

// patience is how long one look may take, so that a coordinator that is away holds up no other.
const patience = 2 * time.Second

// Commits samples a group's committed offsets and notes when one of them goes back.
type Commits struct {
	committed func(context.Context) (map[int32]int64, error)

	mu      sync.Mutex
	highest map[int32]int64
	samples int
	back    []string
}

// WatchCommits samples what committed returns until the test ends.
func WatchCommits(tb testing.TB, committed func(context.Context) (map[int32]int64, error)) *Commits {
	tb.Helper()
	c := &Commits{committed: committed, highest: map[int32]int64{}}
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		ticker := time.NewTicker(sampling)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				_, _ = c.Sample(ctx) // a coordinator that is away has nothing to say
			}
		}
	})
	tb.Cleanup(func() {
		stop()
		watching.Wait()
	})
	return c
}

// Sample returns what is committed now. Samples are taken one at a time, or an older answer could seem to go back.
func (c *Commits) Sample(ctx context.Context) (map[int32]int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now, err := c.committed(ctx)
	if err != nil {
		return nil, err
	}
	c.samples++
	for partition, offset := range now {
		if offset < c.highest[partition] {
			c.back = append(c.back, fmt.Sprintf("partition %d: %d after %d", partition, offset, c.highest[partition]))
		}
		c.highest[partition] = max(offset, c.highest[partition])
	}
	return maps.Clone(now), nil
}

// Report returns how many samples were taken and what went back.
func (c *Commits) Report() (samples int, back []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.samples, c.back
}
