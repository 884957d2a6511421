// Package faults breaks brokers, lines, workers and registries while events flow, one row of a table per fault, and
// holds every row to the same verdict: nothing lost, nothing doubled in the topic, no key out of order, no answer that
// proves untrue, no two owners, no offset gone back, nothing left behind.
//
// To add a fault, write a function of a trial and put it in rows.
package faults

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/systemtest/internal/check"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/report"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

var (
	mode        = flag.String("mode", "quick", "quick or long")
	only        = flag.String("row", "", "numbers of the rows to run, separated by commas; empty is all")
	output      = flag.String("output", "../../out/faults.json", "where the figures go")
	concurrency = flag.Int("concurrency", 8, "handlers a worker runs at once")
	soaks       = flag.Duration("soak", 0, "how long row 40 lasts; 0 is 15s for quick and 3m for long")
)

// seedVariable repeats a run's random choices.
const seedVariable = "HEADRACE_SEED"

// leakLimit is how long goroutines and connections may take to end once everything is closed.
const leakLimit = 10 * time.Second

func TestMain(m *testing.M) {
	if described := os.Getenv(workerVariable); described != "" {
		os.Exit(work(described)) //nolint:forbidigo // a worker process is a program of its own
	}
	m.Run()
}

func TestFaults(t *testing.T) {
	if *mode != "quick" && *mode != "long" {
		t.Fatalf("-mode %s is neither quick nor long", *mode)
	}
	wanted, seed := wantedRows(t), seed(t)
	var runs []report.Run
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) {
			run := report.Run{
				Mode: *mode, Kafka: version, Registry: "Apicurio 2.6.13", Go: runtime.Version(), Processors: runtime.GOMAXPROCS(0),
				Seed: seed, Concurrency: *concurrency, Started: time.Now(),
			}
			lab := newLab(t, version)
			for _, row := range wanted {
				run.Rows = append(run.Rows, try(t, lab, row, seed))
			}
			run.Seconds = time.Since(run.Started).Seconds()
			runs = append(runs, run)
		})
	}
	for _, run := range runs {
		if err := run.Text(os.Stdout); err != nil {
			t.Error(err)
		}
	}
	if err := report.Save(*output, runs); err != nil {
		t.Error(err)
	}
}

// try runs one row and returns what it came to, also when it failed half-way.
func try(t *testing.T, lab *lab, row row, seed uint64) report.Row {
	trial := &trial{lab: lab, row: row, random: rand.New(rand.NewPCG(seed, uint64(row.number))), unit: "events"}
	start := time.Now()
	passed := t.Run(fmt.Sprintf("row %d %s", row.number, row.fault), func(t *testing.T) {
		trial.T = t
		t.Logf("%s=%d", seedVariable, seed)
		lab.mend(t)
		t.Cleanup(func() { trial.conclude(t) }) // the first to be registered is the last to run
		row.run(trial)
	})
	return report.Row{
		Number: row.number, Fault: row.fault, N: trial.n, Unit: trial.unit, Seed: seed, Verdict: trial.verdict, Figures: trial.figures,
		Passed: passed, Seconds: time.Since(start).Seconds(),
	}
}

// trial is one run of one row.
type trial struct {
	*testing.T
	*lab

	row     row
	random  *rand.Rand
	verdict check.Verdict
	n       int
	unit    string
	figures []report.Figure
}

// pick returns how much of something this run does.
func pick[V any](quick, long V) V {
	if *mode == "long" {
		return long
	}
	return quick
}

// figure notes a measured value for the table.
func (t *trial) figure(name, format string, args ...any) {
	t.figures = append(t.figures, report.Figure{Name: name, Value: fmt.Sprintf(format, args...)})
}

// cases says that the row's N counts these instead of events.
func (t *trial) cases(n int, unit string) { t.n, t.unit = t.n+n, unit }

// require fails the trial, and goes on, when a condition does not hold.
func (t *trial) require(ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Errorf(format, args...)
	}
}

// conclude looks for what was left behind and fails the trial unless its verdict is clean.
func (t *trial) conclude(tb testing.TB) {
	left := check.Leaks(leakLimit)
	for i, stack := range left[:min(len(left), 3)] {
		tb.Logf("goroutine %d of %d left behind:\n%s", i+1, len(left), stack)
	}
	t.verdict.Leaks += len(left) + t.lab.connections(leakLimit)
	if !t.verdict.Clean() {
		tb.Errorf("row %d: %s", t.row.number, t.verdict)
	}
	tb.Logf("row %d: %d %s: %s; %v", t.row.number, t.n, t.unit, t.verdict, t.figures)
}

func wantedRows(t *testing.T) []row {
	t.Helper()
	all := rows()
	if *only == "" {
		return all
	}
	var wanted []row
	for text := range strings.SplitSeq(*only, ",") {
		number, err := strconv.Atoi(strings.TrimSpace(text))
		at := slices.IndexFunc(all, func(r row) bool { return r.number == number })
		if err != nil || at < 0 {
			t.Fatalf("-row %s: there is no row %s", *only, text)
		}
		wanted = append(wanted, all[at])
	}
	return wanted
}

func seed(t *testing.T) uint64 {
	t.Helper()
	if text := os.Getenv(seedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
		return seed
	}
	return uint64(rand.Uint32())
}

// name is what a trial calls its topics and groups, so that none meets another's.
func (t *trial) name(what string) string {
	return fmt.Sprintf("row-%d-%s", t.row.number, what)
}
