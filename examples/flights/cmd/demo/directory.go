package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights"
)

// directory is a directory of carriers as a service would ask one elsewhere: slow to answer about one carrier, and without another
// until somebody adds it.
type directory struct {
	added atomic.Bool
}

const (
	slowCarrier = "YV" // has an answer at the fourth time of asking: two attempts in place, one at each retry tier
	newCarrier  = "HA" // is missing at first
)

var errNoAnswer = errors.New("the directory of carriers does not answer")

func (d *directory) find(ctx context.Context, carrier string) error {
	switch {
	case carrier == slowCarrier && consumer.InfoFrom(ctx).Attempt < 4:
		return errNoAnswer
	case carrier == newCarrier && !d.added.Load():
		return flights.ErrUnknownCarrier
	}
	return nil
}

func (d *directory) add() { d.added.Store(true) }
