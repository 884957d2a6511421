package flights

import (
	"context"
	"sync/atomic"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/producer"
)

// Delays turns each arrival more than an hour late into a DelayAlert, under the flight's key and at its time.
//
// An alert is acknowledged before its arrival counts as handled, so that none is lost. An arrival that is handled again after a
// crash sends its alert again: carrier, flight and scheduled departure tell who reads them that it is the same one.
type Delays struct {
	alerts *producer.Topic[events.DelayAlert]
	sent   atomic.Int64
}

// NewDelays returns a Delays that sends its alerts with p.
func NewDelays(p *producer.Producer) *Delays {
	return &Delays{alerts: producer.For[events.DelayAlert](p, AlertsTopic)}
}

// Worker is a worker of the group delays.
func (d *Delays) Worker(c Connection) (*consumer.Worker, error) {
	return c.worker(DelaysGroup, d.Handlers()...)
}

// Handlers are what the worker hands flights to.
func (d *Delays) Handlers() []consumer.Handler { return []consumer.Handler{consumer.On(d.arrived)} }

// Sent is how many alerts Kafka has acknowledged so far. It may be called while the worker runs.
func (d *Delays) Sent() int64 { return d.sent.Load() }

func (d *Delays) arrived(ctx context.Context, f events.FlightArrived) error {
	if !isLate(f) {
		return nil
	}
	info := consumer.InfoFrom(ctx)
	alert := events.DelayAlert{
		Carrier: f.Carrier, Flight: f.Flight, TailNumber: f.TailNumber, Origin: f.Origin, Destination: f.Destination,
		ScheduledDeparture: f.ScheduledDeparture, ArrivalDelayMinutes: f.ArrivalDelayMinutes,
	}
	if _, err := d.alerts.Send(ctx, info.Key, alert, producer.At(info.Time)); err != nil {
		return err
	}
	d.sent.Add(1)
	return nil
}
