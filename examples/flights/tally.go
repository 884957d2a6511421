package flights

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/schema"
)

// Outcomes counts flights by what happened to them.
type Outcomes struct {
	Arrived, Cancelled, Diverted int
	Late                         int // of those that arrived: more than an hour behind schedule
}

// All is the number of flights.
func (o Outcomes) All() int { return o.Arrived + o.Cancelled + o.Diverted }

// Tally holds the outcomes of each carrier's flights, by carrier code.
type Tally map[string]Outcomes

// Count reads r to its end and counts its flights: what a pipeline that reads the same file has to arrive at.
func Count(r *Reader) (Tally, error) {
	tally := Tally{}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return tally, nil
		}
		if err != nil {
			return nil, err
		}
		tally.add(row.Event)
	}
}

// Sum is the outcome of all carriers together.
func (t Tally) Sum() Outcomes {
	var sum Outcomes
	for _, o := range t {
		sum.Arrived += o.Arrived
		sum.Cancelled += o.Cancelled
		sum.Diverted += o.Diverted
		sum.Late += o.Late
	}
	return sum
}

// Write prints the tally as a table, a line for each carrier and one for their sum.
func (t Tally) Write(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "carrier\tflights\tarrived\tlate\tcancelled\tdiverted\t")
	line := func(name string, o Outcomes) {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, o.All(), o.Arrived, o.Late, o.Cancelled, o.Diverted)
	}
	for _, code := range slices.Sorted(maps.Keys(t)) {
		line(code, t[code])
	}
	line("all", t.Sum())
	return table.Flush()
}

func (t Tally) add(event schema.Event) {
	carrier := carrierOf(event)
	o := t[carrier]
	switch e := event.(type) {
	case events.FlightArrived:
		o.Arrived++
		if isLate(e) {
			o.Late++
		}
	case events.FlightCancelled:
		o.Cancelled++
	case events.FlightDiverted:
		o.Diverted++
	}
	t[carrier] = o
}

func carrierOf(event schema.Event) string {
	switch e := event.(type) {
	case events.FlightArrived:
		return e.Carrier
	case events.FlightCancelled:
		return e.Carrier
	case events.FlightDiverted:
		return e.Carrier
	}
	return ""
}

func isLate(e events.FlightArrived) bool {
	return time.Duration(e.ArrivalDelayMinutes)*time.Minute > Late
}
