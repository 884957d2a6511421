package replay

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/phrase"
)

// ErrCancelled is why a replay stopped that somebody has cancelled. The same plan and checkpoint go on with it.
var ErrCancelled = errors.New("the replay was cancelled")

// ErrTakenOver is why a replay stopped that another process has gone on with.
var ErrTakenOver = errors.New("another process has gone on with the replay")

// AuditError says that the record of a replay could not be read or written. Where it comes before a replay, nothing was done.
type AuditError struct {
	Doing string // "read", "create" or "write"
	Err   error
}

func (e *AuditError) Error() string {
	text := fmt.Sprintf("audit topic %s: cannot %s it: %v", AuditTopic, e.Doing, e.Err)
	if errors.Is(e.Err, kerr.TopicAuthorizationFailed) || errors.Is(e.Err, kerr.ClusterAuthorizationFailed) {
		text += ": ask for the rights to CREATE, READ and WRITE it, or choose to go without a record (--no-audit)"
	}
	return text
}

// Unwrap returns what the broker said.
func (e *AuditError) Unwrap() error { return e.Err }

// RightError says that a right is missing without which a replay would stop.
type RightError struct {
	Operation string // "READ" or "WRITE"
	Topic     string
}

func (e *RightError) Error() string {
	return fmt.Sprintf("the right to %s topic %s is missing: ask for it (accounts in headrace.yaml)", e.Operation, e.Topic)
}

// Unwrap returns what the broker would say.
func (*RightError) Unwrap() error { return kerr.TopicAuthorizationFailed }

// UnknownReplayError says that no record of a replay is kept.
type UnknownReplayError struct{ ID string }

func (e *UnknownReplayError) Error() string {
	return fmt.Sprintf("replay %.100q is not in audit topic %s: it was not applied in this cluster, or without a record; `headrace replay list` lists those that were", e.ID, AuditTopic)
}

// AppliedError says that a plan is applied anew that was applied before, which would write its events once more.
type AppliedError struct{ Audit Audit }

func (e *AppliedError) Error() string {
	a := e.Audit
	if a.State == StateRunning && !a.Silent(time.Now()) {
		return fmt.Sprintf("replay %s is being applied by %s, heard of %v ago: wait for its end, or cancel it (headrace replay cancel %s); "+
			"to go on with it after a crash, give the checkpoint it had", a.ID, orSomebody(a.By), time.Since(a.UpdatedAt).Round(time.Second), a.ID)
	}
	return fmt.Sprintf("replay %s was applied before by %s, and is %s after %s: give the checkpoint it had to go on, or make a new plan to have the events once more",
		a.ID, orSomebody(a.By), a.State, phrase.Count(a.Events, "event"))
}

func orSomebody(by string) string {
	if by == "" {
		return "somebody"
	}
	return fmt.Sprintf("%.200q", by)
}

// NotRunningError says that there is nothing to cancel.
type NotRunningError struct{ Audit Audit }

func (e *NotRunningError) Error() string {
	return fmt.Sprintf("replay %s is %s since %s: there is nothing to cancel", e.Audit.ID, e.Audit.State, e.Audit.UpdatedAt.UTC().Format(time.RFC3339))
}
