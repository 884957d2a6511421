package report_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/systemtest/internal/check"
	"github.com/headrace/headrace/systemtest/internal/report"
)

func run(mode string, passed bool) report.Run {
	return report.Run{Mode: mode, Kafka: "4.1.0", Seed: 7, Rows: []report.Row{{
		Number: 5, Fault: "answers lost", N: 1200, Unit: "events", Seed: 7, Passed: passed, Seconds: 3,
		Verdict: check.Verdict{Repeated: 2}, Figures: []report.Figure{{Name: "answers lost", Value: "150"}},
	}}}
}

const page = `# Page

<!-- the table of make faults FAULTS=long: go run ./cmd/reliability in systemtest writes it -->
old table
<!-- end of the table -->
after
`

func TestInsertReplacesTheTableOnly(t *testing.T) {
	t.Parallel()
	filled, err := report.Insert(page, []report.Run{run("long", true)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Page\n", "| 5 | answers lost | 1200 events | 0 |", "answers lost 150 |", "after\n"} {
		if !strings.Contains(filled, want) {
			t.Errorf("page without %q:\n%s", want, filled)
		}
	}
	if strings.Contains(filled, "old table") {
		t.Errorf("the old table is still there:\n%s", filled)
	}
	again, err := report.Insert(filled, []report.Run{run("long", true)})
	if err != nil || again != filled {
		t.Errorf("the second time: %v\n%s", err, cmp.Diff(filled, again))
	}
}

func TestInsertRefuses(t *testing.T) {
	t.Parallel()
	for name, runs := range map[string][]report.Run{
		"no run": nil, "a quick run": {run("quick", true)}, "a broken run": {run("long", true), run("long", false)},
	} {
		if _, err := report.Insert(page, runs); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := report.Insert("no place", []report.Run{run("long", true)}); err == nil {
		t.Error("a page without a place was accepted")
	}
}

func TestFiguresSurviveTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out", "faults.json")
	want := []report.Run{run("quick", false)}
	if err := report.Save(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := report.Load(path)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-saved +loaded):\n%s", err, diff)
	}
}

func TestTextSaysWhatIsBroken(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run("quick", false).Text(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "BROKEN") || !strings.Contains(out.String(), "seed 7") {
		t.Errorf("table:\n%s", &out)
	}
}
