package topics

import (
	"fmt"
	"strings"
)

// RightError says which right the principal of the connection lacks.
type RightError struct {
	Operation string // Kafka's name: ALTER_CONFIGS
	Resource  string // "topic flights", "the cluster"
	Err       error
}

func (e *RightError) Error() string {
	return fmt.Sprintf("the right to %s %s is missing: give it to this principal (kafka-acls --add --operation %s), or use another: %v",
		e.Operation, e.Resource, e.Operation, e.Err)
}

// Unwrap returns the broker's refusal.
func (e *RightError) Unwrap() error { return e.Err }

// OtherClusterError says that a plan was made for another cluster than the one it was to be applied to.
type OtherClusterError struct{ Planned, Found string }

func (e *OtherClusterError) Error() string {
	return fmt.Sprintf("the plan is for cluster %s, and this is cluster %s: connect to the right one, or plan again", e.Planned, e.Found)
}

// StaleError says that something a plan changes is neither as the plan saw it nor as it would make it. Nothing was changed.
type StaleError struct{ Differences []Difference }

// Difference is a change whose subject matter has changed since.
type Difference struct {
	Change Change
	Found  string // how it is now
}

func (e *StaleError) Error() string {
	lines := make([]string, len(e.Differences))
	for i, d := range e.Differences {
		lines[i] = fmt.Sprintf("\n  %s: found %s", d.Change, d.Found)
	}
	return fmt.Sprintf("the cluster has changed since the plan was made, so that nothing was done: plan again%s", strings.Join(lines, ""))
}

// BlockedError says that a plan cannot be applied because something in what is wanted cannot be. Nothing was changed.
type BlockedError struct{ Problems []Problem }

func (e *BlockedError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = "\n  " + p.String()
	}
	return fmt.Sprintf("the plan cannot be applied%s", strings.Join(lines, ""))
}

// LeaveError says that a plan has changes that nobody has given leave for by name. Nothing was changed.
type LeaveError struct{ Changes []Change }

func (e *LeaveError) Error() string {
	lines := make([]string, len(e.Changes))
	for i, c := range e.Changes {
		lines[i] = fmt.Sprintf("\n  %s: needs %s", c, c.Needs)
	}
	return fmt.Sprintf("nothing was done: the plan has changes that need permission%s", strings.Join(lines, ""))
}
