package cli

import (
	"bytes"
	"errors"
	"testing"

	"github.com/spf13/cobra"
)

func TestFindingsAreAnnotationsInEveryFormat(t *testing.T) {
	t.Parallel()
	findings := []Finding{
		{File: "b.avsc", Line: 2, Column: 7, Rule: "FIELD_DOC", Severity: "warning", Message: "field x has no doc", Pointer: "/fields/0"},
		{File: "a,b:c.avsc", Line: 12, Column: 3, Rule: "TYPE", Message: "100% <wrong>\n::error::forged\x1b[2J", Hint: "mend\nit"},
		{File: "a,b:c.avsc", Line: 3, Column: 30, Rule: "NAME", Message: "later"},
		{File: "a,b:c.avsc", Line: 3, Column: 4, Rule: "NAME", Message: "earlier"},
		{File: "topic flights", Rule: "UNREADABLE", Message: "schema 7 cannot be read"},
	}
	for _, format := range findingsFormats {
		for name, list := range map[string][]Finding{"": findings, "_none": nil} {
			var out bytes.Buffer
			cmd := &cobra.Command{Use: "lint"}
			cmd.SetOut(&out)
			err := printFindings(cmd, findingsFormat(format), list)
			if errors.Is(err, errFindings) != (len(list) > 0) {
				t.Errorf("%s%s: %v", format, name, err)
			}
			golden(t, "findings"+name+"_"+format, out.String())
		}
	}
}

func TestWarningsAloneAreNoFailure(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cmd := &cobra.Command{Use: "lint"}
	cmd.SetOut(&out)
	if err := printFindings(cmd, "text", []Finding{{File: "f", Severity: severityWarning, Message: "m"}}); err != nil || out.Len() == 0 {
		t.Errorf("%v: %q", err, out.String())
	}
}
