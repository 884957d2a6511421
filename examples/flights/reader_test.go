package flights_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
)

const header = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier," +
	"flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour"

func read(t *testing.T, lines ...string) (*flights.Reader, error) {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return flights.NewReader(&packed)
}

func at(t *testing.T, value string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, value)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestRowsBecomeEvents(t *testing.T) {
	t.Parallel()
	tail := "N719MQ"
	reached := 20*time.Hour + 2*time.Minute
	tests := map[string]struct {
		line string
		want flights.Row
	}{
		"Arrived": {
			line: "2013,1,1,1525,1530,-5,2400,1805,89,MQ,4525,N719MQ,LGA,XNA,227,1147,15,30,2013-01-01T20:00:00Z",
			want: flights.Row{Line: 2, Key: tail, Time: at(t, "2013-01-01T20:00:00Z"), Event: events.FlightArrived{
				Carrier: "MQ", Flight: 4525, TailNumber: &tail, Origin: "LGA", Destination: "XNA", DistanceMiles: 1147,
				Date: at(t, "2013-01-01T00:00:00Z"), ScheduledDeparture: at(t, "2013-01-01T20:30:00Z"),
				DepartureDelayMinutes: -5, ScheduledArrival: 18*time.Hour + 5*time.Minute, ArrivalDelayMinutes: 89,
				AirTimeMinutes: 227,
			}},
		},
		"CancelledWithoutTailNumber": {
			line: "2013,1,2,NA,1545,NA,NA,1910,NA,AA,133,NA,JFK,LAX,NA,2475,15,45,2013-01-02T20:00:00Z",
			want: flights.Row{Line: 2, Key: "AA", Time: at(t, "2013-01-02T20:00:00Z"), Event: events.FlightCancelled{
				Carrier: "AA", Flight: 133, Origin: "JFK", Destination: "LAX",
				Date: at(t, "2013-01-02T00:00:00Z"), ScheduledDeparture: at(t, "2013-01-02T20:45:00Z"),
			}},
		},
		"Diverted": {
			line: "2013,1,1,1528,1459,29,2002,1647,NA,EV,3806,N719MQ,EWR,STL,NA,872,14,59,2013-01-01T19:00:00Z",
			want: flights.Row{Line: 2, Key: tail, Time: at(t, "2013-01-01T19:00:00Z"), Event: events.FlightDiverted{
				Carrier: "EV", Flight: 3806, TailNumber: &tail, Origin: "EWR", Destination: "STL",
				Date: at(t, "2013-01-01T00:00:00Z"), ScheduledDeparture: at(t, "2013-01-01T19:59:00Z"),
				DepartureDelayMinutes: 29, Arrival: &reached,
			}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := read(t, header, test.line)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("after the last row: %v, want io.EOF", err)
			}
		})
	}
}

func TestAnErrorNamesLineAndColumn(t *testing.T) {
	t.Parallel()
	good := "2013,1,2,NA,1545,NA,NA,1910,NA,AA,133,NA,JFK,LAX,NA,2475,15,45,2013-01-02T20:00:00Z"
	tests := map[string]struct{ line, want string }{
		"NotANumber": {strings.Replace(good, ",133,", ",13x,", 1), `flights: line 3: flight is "13x", want a whole number`},
		"NotATime":   {strings.Replace(good, "T20:00:00Z", " 20:00", 1), `flights: line 3: time_hour is "2013-01-02 20:00", want a time such as 2013-01-01T10:00:00Z`},
		"NotADay":    {strings.Replace(good, "2013,1,2,", "2013,2,30,", 1), `flights: line 3: day is "30", want a day of the month`},
		"NotAClock":  {"2013,1,1,1525,1530,-5,1960,1805,89,MQ,4525,NA,LGA,XNA,227,1147,15,30,2013-01-01T20:00:00Z", `flights: line 3: arr_time is "1960", want a time from 0 to 2400`},
		"NoCarrier":  {strings.Replace(good, ",AA,", ",,", 1), `flights: line 3: carrier is "", want a value`},
		"TooShort":   {"2013,1,2", "flights: record on line 3: wrong number of fields"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := read(t, header, good, test.line)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestAnotherHeaderIsRefused(t *testing.T) {
	t.Parallel()
	_, err := read(t, strings.Replace(header, "tailnum", "tail", 1))
	if err == nil || !strings.Contains(err.Error(), "header is year,") {
		t.Errorf("got %v, want an error about the header", err)
	}
}

func TestSampleHoldsWhatItsReadmeSays(t *testing.T) {
	t.Parallel()
	r, err := flights.Sample()
	if err != nil {
		t.Fatal(err)
	}
	tally, err := flights.Count(r)
	if err != nil {
		t.Fatal(err)
	}
	want := flights.Outcomes{Arrived: 19432, Cancelled: 489, Diverted: 79, Late: 1686}
	if diff := cmp.Diff(want, tally.Sum()); diff != "" {
		t.Error(diff)
	}
}
