// Package report is the table of the fault suite: as text at the end of a run, as JSON for other programs, and as the
// Markdown that docs/reliability.md shows.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/headrace/headrace/systemtest/internal/check"
)

// Run is one run of the suite.
type Run struct {
	Mode        string    `json:"mode"` // quick or long
	Kafka       string    `json:"kafka"`
	Registry    string    `json:"registry"`
	Go          string    `json:"go"`
	Processors  int       `json:"processors"`
	Seed        uint64    `json:"seed"`
	Concurrency int       `json:"concurrency"`
	Started     time.Time `json:"started"`
	Seconds     float64   `json:"seconds"`
	Rows        []Row     `json:"rows"`
}

// Row is what became of one fault.
type Row struct {
	Number  int           `json:"row"`
	Fault   string        `json:"fault"`
	N       int           `json:"n"`    // events, or cases where the fault is not about events
	Unit    string        `json:"unit"` // of N
	Seed    uint64        `json:"seed"` // HEADRACE_SEED=this repeats the row's random choices
	Verdict check.Verdict `json:"verdict"`
	Figures []Figure      `json:"figures"`
	Passed  bool          `json:"passed"`
	Seconds float64       `json:"seconds"`
}

// Figure is one measured value with its unit, as text.
type Figure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// String is "name value".
func (f Figure) String() string { return f.Name + " " + f.Value }

// Result is the verdict in a word.
func (r Row) Result() string {
	if r.Passed {
		return "held"
	}
	return "BROKEN"
}

func (r Row) figures() string {
	texts := make([]string, len(r.Figures))
	for i, f := range r.Figures {
		texts[i] = f.String()
	}
	return strings.Join(texts, "; ")
}

// Failed counts the rows that did not hold.
func (r Run) Failed() (failed int) {
	for _, row := range r.Rows {
		if !row.Passed {
			failed++
		}
	}
	return failed
}

// Title is the line above the table.
func (r Run) Title() string {
	return fmt.Sprintf("%s run, Kafka %s, %s, %s, %d processors, concurrency %d, seed %d, %s",
		r.Mode, r.Kafka, r.Registry, r.Go, r.Processors, r.Concurrency, r.Seed, time.Duration(r.Seconds*float64(time.Second)).Round(time.Second))
}

// Text writes the table for a terminal.
func (r Run) Text(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "\n%s\n", r.Title()); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "row\tfault\tN\tlost\tdoubled\treordered\tfalse ok\ttwo owners\twent back\tleaks\tagain\tseconds\tverdict\tfigures")
	for _, row := range r.Rows {
		v := row.Verdict
		fmt.Fprintf(table, "%d\t%s\t%d %s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.0f\t%s\t%s\n", row.Number, row.Fault, row.N, row.Unit,
			v.Lost, v.Doubled, v.Reordered, v.FalseOK, v.TwoOwners, v.WentBack, v.Leaks, v.Repeated, row.Seconds, row.Result(), row.figures())
	}
	return table.Flush()
}

// Markdown writes the table for a page.
func (r Run) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n", r.Title())
	b.WriteString("| row | fault | N | lost | doubled | reordered | false ok | two owners | went back | leaks | handled again | verdict | figures |\n")
	b.WriteString("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |\n")
	for _, row := range r.Rows {
		v := row.Verdict
		fmt.Fprintf(&b, "| %d | %s | %d %s | %d | %d | %d | %d | %d | %d | %d | %d | %s | %s |\n", row.Number, row.Fault, row.N, row.Unit,
			v.Lost, v.Doubled, v.Reordered, v.FalseOK, v.TwoOwners, v.WentBack, v.Leaks, v.Repeated, row.Result(), row.figures())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Save writes runs as JSON, one per Kafka version.
func Save(path string, runs []Run) error {
	text, err := json.MarshalIndent(runs, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// Load reads what Save wrote.
func Load(path string) (runs []Run, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(text, &runs)
	return runs, err
}
