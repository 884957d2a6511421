// Package report turns the results of several rounds into a table, a JSON file and a chart.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"github.com/headrace/headrace/systemtest/bench/measure"
)

// Row is one contender in one workload: the median of its rounds, and how far they lay apart.
type Row struct {
	Workload  string `json:"workload"`
	Contender string `json:"contender"`
	measure.Result
	Rounds int     `json:"rounds"`
	Spread float64 `json:"spread"` // of CPU per event: (largest - smallest) / median
	Failed string  `json:"failed,omitempty"`
}

// Summarize returns the row of some rounds.
func Summarize(workload, contender string, rounds []measure.Result) Row {
	row := Row{Workload: workload, Contender: contender, Rounds: len(rounds)}
	if len(rounds) == 0 {
		row.Failed = "no round ended"
		return row
	}
	median := func(of func(measure.Result) float64) float64 {
		values := make([]float64, len(rounds))
		for i, r := range rounds {
			values[i] = of(r)
		}
		slices.Sort(values)
		if n := len(values); n%2 == 0 {
			return (values[n/2-1] + values[n/2]) / 2
		}
		return values[len(values)/2]
	}
	row.Result = measure.Result{
		Events:          rounds[0].Events,
		EventsPerSecond: median(func(r measure.Result) float64 { return r.EventsPerSecond }),
		CPUNanos:        median(func(r measure.Result) float64 { return r.CPUNanos }),
		Allocs:          median(func(r measure.Result) float64 { return r.Allocs }),
		PeakRSS:         int64(median(func(r measure.Result) float64 { return float64(r.PeakRSS) })),
		RSSAtStart:      int64(median(func(r measure.Result) float64 { return float64(r.RSSAtStart) })),
		RSSAtEnd:        int64(median(func(r measure.Result) float64 { return float64(r.RSSAtEnd) })),
		P50:             median(func(r measure.Result) float64 { return r.P50 }),
		P99:             median(func(r measure.Result) float64 { return r.P99 }),
		P999:            median(func(r measure.Result) float64 { return r.P999 }),
	}
	least, most := rounds[0].CPUNanos, rounds[0].CPUNanos
	for _, r := range rounds {
		least, most = min(least, r.CPUNanos), max(most, r.CPUNanos)
	}
	row.Spread = (most - least) / row.CPUNanos
	return row
}

// isReference tells the contender that ratios are taken against; a copy does not decode.
func isReference(contender string) bool {
	return contender == "franz-go + hamba" || contender == "franz-go"
}

// Table prints rows, workload by workload, each with its ratios to franz-go.
func Table(out io.Writer, rows []Row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "workload\tcontender\tevents/s\tratio\tCPU ns/event\tratio\t±\tallocs/event\tpeak RSS\tRSS grew\tp50 µs\tp99 µs\tp99.9 µs\t")
	last := ""
	for _, r := range rows {
		name := r.Workload
		if name == last {
			name = ""
		}
		last = r.Workload
		if r.Failed != "" {
			fmt.Fprintf(w, "%s\t%s\t%s\t\t\t\t\t\t\t\t\t\t\t\n", name, r.Contender, r.Failed)
			continue
		}
		base := r.Result
		for _, other := range rows {
			if other.Workload == r.Workload && isReference(other.Contender) && other.Failed == "" {
				base = other.Result
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t%s\t%.2f\t%.0f%%\t%.2f\t%s\t%s\t%s\t%s\t%s\t\n", name, r.Contender,
			humanize.Comma(int64(r.EventsPerSecond)), r.EventsPerSecond/base.EventsPerSecond,
			humanize.Comma(int64(r.CPUNanos)), r.CPUNanos/base.CPUNanos, 100*r.Spread, r.Allocs,
			humanize.IBytes(uint64(r.PeakRSS)), humanize.IBytes(uint64(max(0, r.RSSAtEnd-r.RSSAtStart))), micros(r.P50), micros(r.P99), micros(r.P999))
	}
	return w.Flush()
}

func micros(us float64) string {
	if us == 0 {
		return ""
	}
	return humanize.Comma(int64(us))
}

// JSON writes rows as a list.
func JSON(out io.Writer, rows []Row) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}
