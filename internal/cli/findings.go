package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// The severities of a [Finding].
const (
	severityError   = "error"
	severityWarning = "warning"
)

// Finding is something that a command has to say about a file, or about a topic or subject, which then stands in File.
type Finding struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`   // from 1; 0 when no line is meant
	Column   int    `json:"column,omitempty"` // from 1, in characters
	Rule     string `json:"rule"`             // the id to ignore it by, or to look it up by
	Severity string `json:"severity"`         // "error", which is what "" means too, or "warning"
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`    // what mends it
	Pointer  string `json:"pointer,omitempty"` // JSON pointer into File
}

// findingsFormat is how a command prints its findings.
type findingsFormat string

var findingsFormats = []string{"text", "json", "github-actions", "junit"}

func (f *findingsFormat) String() string { return string(*f) }
func (*findingsFormat) Type() string     { return "format" }

func (f *findingsFormat) Set(text string) error {
	if !slices.Contains(findingsFormats, text) {
		return fmt.Errorf("must be one of %s", strings.Join(findingsFormats, ", "))
	}
	*f = findingsFormat(text)
	return nil
}

func (f *findingsFormat) bind(cmd *cobra.Command) {
	*f = "text"
	cmd.Flags().VarP(f, "output", "o", "output `format`: "+strings.Join(findingsFormats, ", "))
	// The names are fixed, so completing them cannot fail.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(findingsFormats, cobra.ShellCompDirectiveNoFileComp))
}

// printFindings prints findings to the command's standard output, sorted by file and place, and returns errFindings when
// one of them is no mere warning. Every format prints something that its readers take for "none" when there are none; for text that is
// nothing.
func printFindings(cmd *cobra.Command, format findingsFormat, findings []Finding) error {
	findings = slices.Clone(findings)
	failed := false
	for i := range findings {
		findings[i].Severity = cmp.Or(findings[i].Severity, severityError)
		failed = failed || findings[i].Severity == severityError
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if err := writeFindings(cmd.OutOrStdout(), cmd.CommandPath(), format, findings); err != nil {
		return err
	}
	if failed {
		return errFindings
	}
	return nil
}

func writeFindings(w io.Writer, command string, format findingsFormat, findings []Finding) error {
	switch format {
	case "json":
		return printJSON(w, append([]Finding{}, findings...))
	case "github-actions":
		return writeAnnotations(w, findings)
	case "junit":
		return writeJUnit(w, command, findings)
	}
	for _, f := range findings {
		text := fmt.Sprintf("%s: %s: %s", f.at(), f.Rule, f.Message)
		if f.Severity != severityError {
			text = fmt.Sprintf("%s: %s: %s: %s", f.at(), f.Severity, f.Rule, f.Message)
		}
		text = printable(text) + "\n"
		if f.Hint != "" {
			text += "    " + printable(f.Hint) + "\n"
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// at is "file:line:column", as editors and terminals take it.
func (f Finding) at() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}

// printable keeps what a schema or a file name says from driving the terminal or forging a line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text)
}
