package flights

import (
	"context"
	"maps"
	"sync"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/schema"
)

// Totals counts what happened to each carrier's flights. The zero Totals is ready to use.
//
// It counts in memory, what its own worker handled: a worker that is started again goes on at the group's offset, from zero.
type Totals struct {
	mu    sync.Mutex
	tally Tally
}

// Worker is a worker of the group totals.
func (t *Totals) Worker(c Connection) (*consumer.Worker, error) {
	return c.worker(TotalsGroup,
		count[events.FlightArrived](t),
		count[events.FlightCancelled](t),
		count[events.FlightDiverted](t),
	)
}

// Tally is what was counted so far. It may be called while the worker runs.
func (t *Totals) Tally() Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.tally)
}

// count is a handler that adds events of one type. Partitions are handled side by side, hence the lock.
func count[E schema.Event](t *Totals) consumer.Handler {
	return consumer.On(func(_ context.Context, e E) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.tally == nil {
			t.tally = Tally{}
		}
		t.tally.add(e)
		return nil
	})
}
