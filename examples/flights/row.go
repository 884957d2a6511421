package flights

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/examples/flights/events"
)

// columns is the header of the file. A column's index is its place in it.
var columns = []string{
	"year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay", "carrier",
	"flight", "tailnum", "origin", "dest", "air_time", "distance", "hour", "minute", "time_hour",
}

const (
	year = iota
	month
	day
	depTime
	schedDepTime
	depDelay
	arrTime
	schedArrTime
	arrDelay
	carrier
	flight
	tailNumber
	origin
	destination
	airTime
	distance
	hour
	minute
	timeHour
)

// missing is what the file writes where it has no value.
const missing = "NA"

// parse turns one row into its event: a flight without departure was cancelled, one that left but has no arrival delay was
// diverted, every other one arrived.
func parse(values []string) (Row, error) {
	p := parser{values: values}
	tail := p.optionalText(tailNumber)
	scheduled := p.timestamp(timeHour).Add(time.Duration(p.number(minute)) * time.Minute)
	date := p.date()
	row := Row{Key: p.text(carrier), Time: p.timestamp(timeHour)}
	if tail != nil {
		row.Key = *tail
	}
	switch {
	case p.missing(depTime):
		row.Event = events.FlightCancelled{
			Carrier: p.text(carrier), Flight: p.number(flight), TailNumber: tail,
			Origin: p.text(origin), Destination: p.text(destination),
			Date: date, ScheduledDeparture: scheduled,
		}
	case p.missing(arrDelay):
		row.Event = events.FlightDiverted{
			Carrier: p.text(carrier), Flight: p.number(flight), TailNumber: tail,
			Origin: p.text(origin), Destination: p.text(destination),
			Date: date, ScheduledDeparture: scheduled, DepartureDelayMinutes: p.number(depDelay),
			Arrival: p.optionalClock(arrTime),
		}
	default:
		row.Event = events.FlightArrived{
			Carrier: p.text(carrier), Flight: p.number(flight), TailNumber: tail,
			Origin: p.text(origin), Destination: p.text(destination), DistanceMiles: p.number(distance),
			Date: date, ScheduledDeparture: scheduled, DepartureDelayMinutes: p.number(depDelay),
			ScheduledArrival: p.clock(schedArrTime), Arrival: p.clock(arrTime), ArrivalDelayMinutes: p.number(arrDelay),
			AirTimeMinutes: p.number(airTime),
		}
	}
	return row, p.err
}

// parser reads the columns of one row and keeps the first error, so that a row is read without a check after every column.
type parser struct {
	values []string
	err    error
}

func (p *parser) fail(column int, want string) {
	if p.err == nil {
		p.err = fmt.Errorf("%s is %q, want %s", columns[column], p.values[column], want)
	}
}

func (p *parser) missing(column int) bool { return p.values[column] == missing }

// text copies the value: the CSV reader's row is one string that a kept column would keep whole.
func (p *parser) text(column int) string {
	if p.values[column] == "" || p.missing(column) {
		p.fail(column, "a value")
	}
	return strings.Clone(p.values[column])
}

func (p *parser) optionalText(column int) *string {
	if p.missing(column) {
		return nil
	}
	value := p.text(column)
	return &value
}

func (p *parser) number(column int) int32 {
	n, err := strconv.ParseInt(p.values[column], 10, 32)
	if err != nil {
		p.fail(column, "a whole number")
	}
	return int32(n)
}

func (p *parser) timestamp(column int) time.Time {
	t, err := time.Parse(time.RFC3339, p.values[column])
	if err != nil {
		p.fail(column, "a time such as 2013-01-01T10:00:00Z")
	}
	return t
}

func (p *parser) date() time.Time {
	y, m, d := int(p.number(year)), time.Month(p.number(month)), int(p.number(day))
	date := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if date.Month() != m || date.Day() != d {
		p.fail(day, "a day of the month")
	}
	return date
}

// clock reads hhmm as the time since midnight. The file writes midnight as 2400 too, which is past the end of Avro's
// time-millis, so both become 0.
func (p *parser) clock(column int) time.Duration {
	n := p.number(column)
	if n < 0 || n > 2400 || n%100 > 59 {
		p.fail(column, "a time from 0 to 2400")
	}
	return (time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute) % (24 * time.Hour)
}

func (p *parser) optionalClock(column int) *time.Duration {
	if p.missing(column) {
		return nil
	}
	value := p.clock(column)
	return &value
}
