package registry

import (
	"fmt"
	"time"
)

// WithSnapshot keeps what the registry said in a file, so that a process can start, and go on, while the registry is down.
//
// The file is read once, by [New], and may be missing. Whenever the registry says something new it is written again, a second
// later at most and at [Client.Close], by replacing it: it is whole at any moment, of mode 0600, and bounded to 2048 entries and
// 16 MiB, of which the oldest go first. Each service needs a file of its own: of two that share one, the last to write is right.
// `headrace schema snapshot` writes the same file for a whole registry.
//
// The registry goes first: the file answers only what the registry did not answer within 2 s, and for 5 s after that without asking
// it. What is not in the file stays an [*UnavailableError]; a worker waits for it and goes on by itself once the registry is back.
//
// A file that is damaged, of another registry, or writable by others makes New fail with a [*SnapshotError]: a wrong schema
// under an id would turn events into nonsense without a word. [WithLenientSnapshot] starts without it instead.
func WithSnapshot(path string) Option {
	return func(o *options) { o.snapshot, o.lenient = path, false }
}

// WithLenientSnapshot is [WithSnapshot] for a process that must start in any case: a file that cannot be used counts as none, and is
// replaced once the registry has answered. [Client.Snapshot] tells what was wrong with it. The process waits for the registry then,
// as it does without a file.
func WithLenientSnapshot(path string) Option {
	return func(o *options) { o.snapshot, o.lenient = path, true }
}

// SnapshotError says why a snapshot file is not used.
type SnapshotError struct {
	Path   string
	Reason string
	Err    error // the file system's; may be nil
}

func (e *SnapshotError) Error() string {
	text := "registry snapshot " + e.Path + ": " + e.Reason
	if e.Err != nil {
		text = fmt.Sprintf("registry snapshot %s: %s: %v", e.Path, e.Reason, e.Err)
	}
	return text + "; remove it, or take a new one with `headrace schema snapshot --out FILE`"
}

// Unwrap returns the file system's error, if there is one.
func (e *SnapshotError) Unwrap() error { return e.Err }

// SnapshotState is what a registry client's snapshot file holds and how its last writing went.
type SnapshotState struct {
	Path    string    // "" without [WithSnapshot]
	Entries int       // schemas that are answered from it; one counts under each id and subject
	Written time.Time // when the file was written, zero when there is none yet
	Outage  bool      // the registry did not answer when it was asked last, so that the file does
	Err     error     // why the file was not used, or could not be written; nil when all is well

	// Unreadable says, of each version that [Registry.WriteSnapshot] left out of a snapshot of the whole registry, which one it is and why
	// it cannot be read.
	Unreadable []error
}

// Snapshot returns the state of the client's snapshot file, for readiness checks and metrics.
func (r *Client) Snapshot() SnapshotState { return r.snapshot.state() }

// The bounds of a snapshot: what strangers' ids can make it grow to.
const (
	maxSnapshotEntries = 2048
	maxSnapshotMisses  = 2048
	maxSnapshotBytes   = 16 << 20
)
