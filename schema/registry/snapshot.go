package registry

import (
	"fmt"
	"time"
)

// WithSnapshot keeps what the registry said in a file, so that a process can start and go on while the registry is down.
//
// [New] reads the file, which may be missing. When the registry says something new, the file is replaced within a second, and by
// [Client.Close]. It has mode 0600 and is never seen half written. It holds up to 2048 entries and 16 MiB; the oldest entries are dropped.
// Each service needs a file of its own, because the last of two writers would win. `headrace schema snapshot` writes such a file for a
// whole registry.
//
// The registry is asked first. The file is used when the registry does not answer within 2 s, and for the next 5 s without asking. What
// is not in the file is an [*UnavailableError]; a worker waits for it and goes on once the registry is back.
//
// When the file is damaged, belongs to another registry, or can be written by others, New fails with a [*SnapshotError]: with a wrong
// schema under an id, events would be decoded into wrong values without an error. [WithLenientSnapshot] starts without the file instead.
func WithSnapshot(path string) Option {
	return func(o *options) { o.snapshot, o.lenient = path, false }
}

// WithLenientSnapshot is [WithSnapshot] for a process that must start in any case. A file that cannot be used is ignored, and replaced
// once the registry has answered. [Client.Snapshot] tells what was wrong with it.
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

// SnapshotState is what a client's snapshot file holds, and whether it could be read and written.
type SnapshotState struct {
	Path    string    // "" without [WithSnapshot]
	Entries int       // schemas that are answered from it; one counts under each id and subject
	Written time.Time // when the file was written, zero when there is none yet
	Outage  bool      // the registry did not answer when it was asked last, so that the file does
	Err     error     // why the file was not used, or could not be written; nil when all is well

	// Unreadable says, of each version that [Client.WriteSnapshot] left out of a snapshot of the whole registry, which one it is and why
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
