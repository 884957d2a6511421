package sender

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/headrace/headrace/internal/kafka"
)

// retireEpoch is where the sender takes a new producer id. The epochs above it are left for partitions that still have to fence a
// batch of the old one.
const retireEpoch = math.MaxInt16 - 1<<10

// identity is the producer id that the batches of a sender carry, obtained when the first of them leaves.
type identity struct {
	cluster cluster
	asking  chan struct{} // held by who asks the cluster

	mu      sync.Mutex
	current kafka.ProducerID
}

func newIdentity(c cluster) *identity {
	return &identity{cluster: c, asking: make(chan struct{}, 1), current: kafka.NoProducerID}
}

// get returns the current identity, asking the cluster for one until ctx ends when there is none or its epochs run out.
func (i *identity) get(ctx context.Context) (kafka.ProducerID, error) {
	if id, ok := i.known(); ok {
		return id, nil
	}
	select {
	case i.asking <- struct{}{}:
		defer func() { <-i.asking }()
	case <-ctx.Done():
		return kafka.NoProducerID, &unsentError{fmt.Errorf("waiting for a producer id: %w", ctx.Err())}
	}
	if id, ok := i.known(); ok {
		return id, nil
	}
	id, err := i.cluster.InitProducerID(ctx, "", kafka.NoProducerID)
	if err != nil {
		return kafka.NoProducerID, &unsentError{fmt.Errorf("asking for a producer id: %w", err)}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.current = id
	return id, nil
}

func (i *identity) known() (kafka.ProducerID, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.current, i.current.ID >= 0 && i.current.Epoch < retireEpoch
}

// above returns an identity that fences old: the same id with a higher epoch, shared with the partitions that raise at the same time.
// An id whose epochs are used up, after 32,767 batches of unknown outcome, has no such identity: then it is the current one.
func (i *identity) above(old kafka.ProducerID) kafka.ProducerID {
	i.mu.Lock()
	defer i.mu.Unlock()
	if old.ID != i.current.ID {
		if old.Epoch == math.MaxInt16 {
			return i.current
		}
		return kafka.ProducerID{ID: old.ID, Epoch: old.Epoch + 1}
	}
	if i.current.Epoch <= old.Epoch && i.current.Epoch < math.MaxInt16 {
		i.current.Epoch = old.Epoch + 1
	}
	return i.current
}
