package flights

import (
	"context"
	"maps"
	"sync"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/schema"
)

// Airports counts the flights of each airport, by its code: what nobody thought of when the flights came, and a replay makes up for; see
// [Connection.Replay]. The zero Airports is ready to use.
//
// An event that a replay hands over again after a crash is counted once: it is known by its place in the topic.
type Airports struct {
	mu      sync.Mutex
	counted map[string]bool // by origin, see consumer.Info
	flights map[string]int
}

// Handlers are what flights are given to.
func (a *Airports) Handlers() []consumer.Handler {
	return []consumer.Handler{countAirport[events.FlightArrived](a), countAirport[events.FlightCancelled](a), countAirport[events.FlightDiverted](a)}
}

// Flights is what was counted so far.
func (a *Airports) Flights() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.flights)
}

func countAirport[E schema.Event](a *Airports) consumer.Handler {
	return consumer.On(func(ctx context.Context, e E) error {
		a.count(consumer.InfoFrom(ctx).Origin(), airportOf(e))
		return nil
	})
}

func (a *Airports) count(event, airport string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counted == nil {
		a.counted, a.flights = map[string]bool{}, map[string]int{}
	}
	if !a.counted[event] {
		a.counted[event] = true
		a.flights[airport]++
	}
}

// airportOf is the airport that a flight was to leave from.
func airportOf(e schema.Event) string {
	switch e := e.(type) {
	case events.FlightArrived:
		return e.Origin
	case events.FlightCancelled:
		return e.Origin
	case events.FlightDiverted:
		return e.Origin
	}
	return ""
}
