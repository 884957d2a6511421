// Package flight is the other data of the benchmarks: real flights, three types of event on one topic.
package flight

import (
	"errors"
	"io"
	"os"

	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/schema"
)

// Feed is the rows of a flights file, split by type so that no contender pays for making events.
type Feed struct {
	Arrived   []events.FlightArrived
	Cancelled []events.FlightCancelled
	Diverted  []events.FlightDiverted
	Rows      []Row
}

// Row is the key of a flight, and where its event is: the index into one of the feed's lists.
type Row struct {
	Key   string
	Kind  Kind
	Index int
}

// Kind says which list of the feed an event is in.
type Kind int8

// The kinds, in the order of [Types].
const (
	Arrived Kind = iota
	Cancelled
	Diverted
)

// Types returns one event of each kind.
func Types() []schema.Event {
	return []schema.Event{events.FlightArrived{}, events.FlightCancelled{}, events.FlightDiverted{}}
}

// Read reads a flights file.
func Read(path string) (feed Feed, err error) {
	file, err := os.Open(path)
	if err != nil {
		return feed, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	reader, err := flights.NewReader(file)
	if err != nil {
		return feed, err
	}
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return feed, nil
		}
		if err != nil {
			return feed, err
		}
		feed.add(row)
	}
}

func (f *Feed) add(row flights.Row) {
	switch e := row.Event.(type) {
	case events.FlightArrived:
		f.Rows = append(f.Rows, Row{row.Key, Arrived, len(f.Arrived)})
		f.Arrived = append(f.Arrived, e)
	case events.FlightCancelled:
		f.Rows = append(f.Rows, Row{row.Key, Cancelled, len(f.Cancelled)})
		f.Cancelled = append(f.Cancelled, e)
	case events.FlightDiverted:
		f.Rows = append(f.Rows, Row{row.Key, Diverted, len(f.Diverted)})
		f.Diverted = append(f.Diverted, e)
	}
}
