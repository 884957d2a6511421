package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/headrace/headrace/consumer"
)

// AuditTopic is the compacted topic that holds the record of every replay, in the cluster that the replay changes. It is created on
// first use, with one partition and the cluster's own replication. Its records are keyed by the replay's id; a request to cancel has the
// key ID/cancel.
const AuditTopic = consumer.ReplaysTopic

// auditVersion is the version of the records that this package writes, and the only one it reads.
const auditVersion = 1

// State is what became of a replay.
type State string

// States of a replay. All but StateDone can be gone on from, with the same plan and checkpoint.
const (
	StateRunning     State = "running"     // or its process was killed: see [Audit.UpdatedAt]
	StateDone        State = "done"        // every span is through
	StateFailed      State = "failed"      // Reason says why
	StateCancelled   State = "cancelled"   // by [Cancel]
	StateInterrupted State = "interrupted" // its process was told to stop
)

func (s State) known() bool {
	switch s {
	case StateRunning, StateDone, StateFailed, StateCancelled, StateInterrupted:
		return true
	}
	return false
}

// Kinds of replay, by their target.
const (
	KindCopy     = "copy"
	KindHandlers = "handlers"
	KindRewind   = "rewind"
)

func kindOf(t Target) string {
	switch {
	case t.Handlers != "":
		return KindHandlers
	case t.Rewind != "":
		return KindRewind
	}
	return KindCopy
}

// Audit is the record of one replay: who did what, when, and what became of it. Whoever may write to [AuditTopic] may have written it.
type Audit struct {
	Version int    `json:"version"`
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	State   State  `json:"state"`
	Reason  string `json:"reason,omitempty"` // why it failed

	By        string    `json:"by,omitempty"` // who applied it last
	PlannedBy string    `json:"planned_by,omitempty"`
	PlannedAt time.Time `json:"planned_at,omitzero"`
	StartedAt time.Time `json:"started_at"` // the first time
	UpdatedAt time.Time `json:"updated_at"` // while it runs every few seconds
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Runs      int       `json:"runs"`          // how many times it was applied
	Run       string    `json:"run,omitempty"` // of the process that applies it, by chance

	Source  Source   `json:"source"`
	Target  Target   `json:"target"`
	Earlier []string `json:"earlier,omitempty"` // see [Plan.Earlier]

	Planned  int64 `json:"planned"`            // events that the plan has counted
	Events   int64 `json:"events"`             // that were copied or handled; of a rewind those that come again
	Bytes    int64 `json:"bytes,omitempty"`    // of their batches
	Filtered int64 `json:"filtered,omitempty"` // events that the filter did not let through
	Skipped  int64 `json:"skipped,omitempty"`  // offset ranges that could not be read
	Passed   int64 `json:"passed"`             // offsets that are behind it
	Total    int64 `json:"total"`              // offsets of the spans
}

// Silent reports whether the replay says that it runs, and has not reported for 30 s: its process was killed, perhaps, or its
// cluster is out of reach.
func (a Audit) Silent(now time.Time) bool {
	return a.State == StateRunning && now.Sub(a.UpdatedAt) > aliveFor
}

// Bounds of what is read and written.
const (
	maxAuditBytes = 256 << 10
	maxReason     = 1000
	maxAudits     = 10_000   // replays that are remembered, the latest
	maxAuditSum   = 64 << 20 // bytes of their records
	maxRuns       = 1 << 30  // times that a replay was applied
)

// reasonOf is an error's text, short enough to keep.
func reasonOf(err error) string {
	text := err.Error()
	if len(text) <= maxReason {
		return text
	}
	cut := maxReason
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// cancelRequest asks the process that applies a replay to stop.
type cancelRequest struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at"`
}

func cancelKey(id string) string { return id + "/cancel" }

// strictJSON reads one JSON value of known fields, with nothing behind it.
func strictJSON(text []byte, into any) error {
	if len(text) > maxAuditBytes {
		return fmt.Errorf("%d bytes are more than %d", len(text), maxAuditBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the value")
	}
	return nil
}

// readAudit reads the value of a record with the key of a replay.
func readAudit(key string, value []byte) (Audit, error) {
	var head struct {
		Version int `json:"version"`
	}
	if len(value) <= maxAuditBytes {
		if err := json.Unmarshal(value, &head); err == nil && head.Version > auditVersion {
			return Audit{}, fmt.Errorf("version %d is of a later headrace", head.Version)
		}
	}
	var a Audit
	if err := strictJSON(value, &a); err != nil {
		return Audit{}, err
	}
	switch {
	case a.Version != auditVersion:
		return Audit{}, fmt.Errorf("version %d is not %d", a.Version, auditVersion)
	case a.ID != key || !planID.MatchString(a.ID):
		return Audit{}, fmt.Errorf("the id %.100q is not the key %.100q, or is none", a.ID, key)
	case !a.State.known():
		return Audit{}, fmt.Errorf("state %.40q is not known", a.State)
	case a.Kind != kindOf(a.Target):
		return Audit{}, fmt.Errorf("kind %.40q is not that of its target", a.Kind)
	case a.StartedAt.IsZero() || a.UpdatedAt.IsZero() || a.Runs < 1 || a.Runs > maxRuns:
		return Audit{}, errors.New("it does not say when and how often it was started")
	case len(a.Source.Topics) > maxTopics || len(a.Earlier) > maxEarlier || len(a.Reason) > maxReason+8:
		return Audit{}, errors.New("it has more topics, earlier replays or words than it may")
	}
	for _, n := range []int64{a.Planned, a.Events, a.Bytes, a.Filtered, a.Skipped, a.Passed, a.Total} {
		if n < 0 {
			return Audit{}, fmt.Errorf("the count %d is negative", n)
		}
	}
	return a, nil
}
