package flights

import (
	"context"
	"errors"
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
	// Carriers looks up the carrier of each flight before it is counted; nil knows them all. A carrier it does not have is an
	// ErrUnknownCarrier, and any other error one that may pass.
	Carriers func(ctx context.Context, code string) error

	mu    sync.Mutex
	tally Tally
}

// ErrUnknownCarrier says that a flight's carrier is in no directory. Trying again does not help, adding the carrier does: the event
// becomes a dead letter, to be redriven then.
var ErrUnknownCarrier = errors.New("unknown carrier")

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

// count is a handler that adds events of one type. Events are handled side by side, hence the lock.
func count[E schema.Event](t *Totals) consumer.Handler {
	return consumer.On(func(ctx context.Context, e E) error {
		if t.Carriers != nil {
			if err := t.Carriers(ctx, carrierOf(e)); err != nil {
				return err
			}
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.tally == nil {
			t.tally = Tally{}
		}
		t.tally.add(e)
		return nil
	})
}
