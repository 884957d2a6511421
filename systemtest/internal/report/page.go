package report

import (
	"errors"
	"fmt"
	"strings"
)

// The table of a page stands between these lines.
const (
	begin = "<!-- the table of make faults FAULTS=long: go run ./cmd/reliability in systemtest writes it -->\n"
	end   = "<!-- end of the table -->\n"
)

// Insert returns the page with the tables of the runs in the place of those it has. Only what a whole long run found, and found
// unbroken, belongs there.
func Insert(page string, runs []Run) (string, error) {
	if len(runs) == 0 {
		return "", errors.New("no run: make faults FAULTS=long makes one")
	}
	head, rest, found := strings.Cut(page, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("the page has no place for the table: %q and %q", begin, end)
	}
	var b strings.Builder
	b.WriteString(head + begin)
	for _, run := range runs {
		if failed := run.Failed(); run.Mode != "long" || failed > 0 {
			return "", fmt.Errorf("a %s run of Kafka %s with %d broken rows: only an unbroken long run is shown", run.Mode, run.Kafka, failed)
		}
		b.WriteString("\n")
		if err := run.Markdown(&b); err != nil {
			return "", err
		}
	}
	b.WriteString("\n" + end + tail)
	return b.String(), nil
}
