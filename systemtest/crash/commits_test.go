package crash

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/kraft"
)

// commits samples the group's committed offsets and notes when one of them goes back.
type commits struct {
	cluster *kraft.Cluster

	mu      sync.Mutex
	highest map[int32]int64
	samples int
	back    []string
}

// watchCommits samples every 20 ms until the test ends.
func watchCommits(t *testing.T, cluster *kraft.Cluster) *commits {
	t.Helper()
	c := &commits{cluster: cluster, highest: map[int32]int64{}}
	ctx, stop := context.WithCancel(context.Background())
	var sampling sync.WaitGroup
	sampling.Go(func() {
		for ctx.Err() == nil {
			_, _ = c.sample(ctx)
			<-time.After(20 * time.Millisecond)
		}
	})
	t.Cleanup(func() {
		stop()
		sampling.Wait()
	})
	return c
}

// sample returns what is committed now. Samples are taken one at a time, or an older answer could seem to go back.
func (c *commits) sample(ctx context.Context) (map[int32]int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := admin.Committed(ctx, c.cluster, group, topic)
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

func (c *commits) report() (samples int, back []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.samples, c.back
}
