package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/headrace/headrace/reader"
)

// scanFormat is how schema scan prints: its rows, or with --reader only what is wrong.
type scanFormat struct{ name string }

var scanFormats = []string{"table", "json", "jsonl", "yaml", "text", "github-actions", "junit"}

func (f *scanFormat) String() string { return f.name }
func (*scanFormat) Type() string     { return "format" }

func (f *scanFormat) Set(text string) error {
	if !slices.Contains(scanFormats, text) {
		return fmt.Errorf("must be one of %s", strings.Join(scanFormats, ", "))
	}
	f.name = text
	return nil
}

// findings reports whether only findings are printed.
func (f *scanFormat) findings() bool { return !slices.Contains(formats, f.name) }

func (f *scanFormat) bind(cmd *cobra.Command) {
	f.name = "table"
	cmd.Flags().VarP(f, "output", "o", "output `format`: "+strings.Join(formats, ", ")+"; with --reader also text, github-actions, junit")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(scanFormats, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// scanRow is the events of one writer, the tombstones, or the values that name no schema.
type scanRow struct {
	Kind     string     `json:"kind"` // avro, tombstone, other
	SchemaID int        `json:"schema_id,omitempty"`
	GUID     string     `json:"schema_guid,omitempty"`
	Event    string     `json:"event,omitempty"`
	Events   int64      `json:"events"`
	First    *scanPlace `json:"first,omitempty"`
	Last     *scanPlace `json:"last,omitempty"`
	Reader   string     `json:"reader,omitempty"` // reads, fails, none
	Error    string     `json:"error,omitempty"`
	Reasons  []string   `json:"reasons,omitempty"`
}

type scanPlace struct {
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Time      string `json:"time"`
}

func placeOf(p reader.TimedLocation) *scanPlace {
	return &scanPlace{p.Partition, p.Offset, p.Time.UTC().Format(timeLayout)}
}

func scanRows(scan *reader.SchemaScan, verdicts []reader.WriterVerdict, gate bool) []scanRow {
	var rows []scanRow
	for i := range verdicts {
		v := &verdicts[i]
		row := scanRow{Kind: "avro", Event: v.Event, Events: v.Events, First: placeOf(v.First), Last: placeOf(v.Last)}
		if v.Ref.ByGUID {
			row.GUID = v.Ref.GUID.String()
		} else {
			row.SchemaID = v.Ref.ID
		}
		if v.Err != nil {
			row.Error = v.Err.Error()
		}
		for _, problem := range v.Problems {
			row.Reasons = append(row.Reasons, problem.String())
		}
		switch {
		case !gate:
		case v.Unreadable():
			row.Reader = "fails"
		case v.Reader == nil:
			row.Reader = "none"
		default:
			row.Reader = "reads"
		}
		rows = append(rows, row)
	}
	if scan.Tombstones > 0 {
		rows = append(rows, scanRow{Kind: "tombstone", Events: scan.Tombstones})
	}
	if f := &scan.Foreign; f.Events > 0 {
		rows = append(rows, scanRow{Kind: "other", Events: f.Events, First: placeOf(f.First), Last: placeOf(f.Last), Error: f.Reason})
	}
	return rows
}

func scanHeader(gate bool) string {
	if gate {
		return "SCHEMA EVENT EVENTS READER FIRST FIRST-TIME LAST LAST-TIME"
	}
	return "SCHEMA EVENT EVENTS FIRST FIRST-TIME LAST LAST-TIME"
}

func scanCells(gate bool) func(scanRow) []any {
	return func(r scanRow) []any {
		name, id := r.Event, any("-")
		switch {
		case r.Kind == "tombstone":
			name = "(tombstones)"
		case r.Kind == "other":
			name = "(not registry Avro)"
		case name == "":
			name = "(unknown)"
		}
		if r.SchemaID != 0 {
			id = r.SchemaID
		} else if r.GUID != "" {
			id = r.GUID
		}
		cells := []any{id, name, humanize.Comma(r.Events)}
		if gate {
			name := r.Reader
			if name == "" {
				name = "-"
			}
			cells = append(cells, name)
		}
		for _, p := range []*scanPlace{r.First, r.Last} {
			if p == nil {
				cells = append(cells, "-", "-")
			} else {
				cells = append(cells, fmt.Sprintf("%d/%d", p.Partition, p.Offset), p.Time)
			}
		}
		return cells
	}
}

// gate turns verdicts into findings. A value that no reader of any version could decode is a warning: mending the reader does not
// help, and a topic keeps such a value for as long as it keeps anything.
func (a *app) gate(cmd *cobra.Command, f schemaScanFlags, r readers, scan *reader.SchemaScan, verdicts []reader.WriterVerdict) error {
	var found []Finding
	read := false
	for i := range verdicts {
		v := &verdicts[i]
		read = read || v.Reader != nil
		where := fmt.Sprintf("%s, %s from %s", v.Ref, plural(v.Events), v.First.Location)
		if v.Err != nil {
			found = append(found, Finding{
				File: "topic " + scan.Topic, Rule: "SCHEMA_UNKNOWN", Message: fmt.Sprintf("%s: %v", where, v.Err),
				Hint: "no reader can decode these: a worker dead-letters them; is it the registry that they were written with?",
			})
		}
		for _, problem := range v.Problems {
			finding := Finding{
				File: v.Event, Rule: string(problem.Kind), Message: fmt.Sprintf("%s cannot be read: %s", where, problem.Message),
				Hint: problem.Hint, Pointer: problem.Path,
			}
			at := v.Reader
			if problem.Reader.Schema != nil {
				at = problem.Reader.Schema
			}
			if file, ok := r.folder.Of(at); ok {
				position := file.Position(problem.Path)
				finding.File, finding.Line, finding.Column = file.Path, position.Line, position.Column
			}
			found = append(found, finding)
		}
	}
	if n := scan.Foreign.Events; n > 0 {
		found = append(found, Finding{
			File: "topic " + scan.Topic, Rule: "NOT_REGISTRY_AVRO", Severity: severityWarning,
			Message: fmt.Sprintf("%s from %s: %s", plural(n), scan.Foreign.First.Location, scan.Foreign.Reason),
			Hint:    "a worker dead-letters them, or stops at the first where it has no dead-letter topic",
		})
	}
	if !read && len(verdicts) > 0 && len(found) == 0 {
		return fmt.Errorf("none of the %d schemas in topic %s has a reader among %s: name the folder of the service that reads it",
			len(verdicts), scan.Topic, strings.Join(f.readers, ", "))
	}
	format := findingsFormat("text")
	switch {
	case f.out.findings():
		format = findingsFormat(f.out.name)
	case f.out.name != "table": // the rows say it
		if slices.ContainsFunc(found, func(f Finding) bool { return f.Severity != severityWarning }) {
			return errFindings
		}
		return nil
	case len(found) > 0:
		fmt.Fprintln(a.Stdout) // after the table
	}
	return printFindings(cmd, format, found)
}
