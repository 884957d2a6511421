package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
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
	rises   []Sample
	samples int
	back    []string

	awaited map[int32]int64 // see Excuse: where an offset has to come again
	older   int
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
		if offset >= c.awaited[partition] {
			delete(c.awaited, partition)
		}
		_, awaited := c.awaited[partition]
		switch {
		case awaited:
			c.older++
		case offset < c.highest[partition]:
			c.back = append(c.back, fmt.Sprintf("partition %d: %d after %d", partition, offset, c.highest[partition]))
		}
		if offset > c.highest[partition] {
			c.highest[partition] = offset
			c.rises = append(c.rises, Sample{At: time.Now(), Partition: partition, Offset: offset})
		}
	}
	return maps.Clone(now), nil
}

// Excuse is for a group whose coordinator changes. The new one answers with the commits up to what it knows to be replicated, which is less
// than what is, until the other replicas have fetched from it: a quarter of a second was seen after a SIGTERM (Kafka 4.1.0). Brokers that
// have all been killed begin with what they had last written down as replicated, up to five seconds old. Until an offset has come to where it was, a smaller one does not count as gone back; Older tells how many did.
func (c *Commits) Excuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaited = maps.Clone(c.highest)
}

// Older returns how many samples were excused.
func (c *Commits) Older() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.older
}

// Rises returns every committed offset that was higher than those before it.
func (c *Commits) Rises() []Sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.rises)
}

// Report returns how many samples were taken and what went back.
func (c *Commits) Report() (samples int, back []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.samples, c.back
}
