package replay

import (
	"fmt"
	"slices"

	"github.com/headrace/headrace/consumer"
)

// runVersion is the version of the checkpoint file of a run.
const runVersion = 1

// runCheckpoint is the file that tells how far a run has come. What it says is done has been handled; more may have been.
type runCheckpoint struct {
	Version int                   `json:"version"`
	Replay  string                `json:"replay"`
	Plan    string                `json:"plan"`  // SHA-256 of the plan's JSON
	Spans   []consumer.ReplaySpan `json:"spans"` // in the order of the plan
}

// save puts the spans on the disk. Once it returns, a crash of the machine does not lose them.
func (r *run) save(spans []consumer.ReplaySpan) error {
	file := runCheckpoint{Version: runVersion, Replay: r.plan.ID, Plan: r.digest, Spans: slices.Clone(spans)}
	room := listedMost
	for i := range file.Spans {
		file.Spans[i].Failures = within(&room, file.Spans[i].Failures)
	}
	text, err := checkpointText(&file, checkpointMost, func() {
		for i := range file.Spans {
			file.Spans[i].Failures = nil
		}
	})
	if err == nil {
		err = replaceFile(r.cfg.Checkpoint, text)
	}
	if err != nil {
		return &CheckpointError{Path: r.cfg.Checkpoint, Reason: "it could not be written, so that the run stops", Err: err}
	}
	return nil
}

// resume takes up what a checkpoint says, which must be of this very plan. It returns false when there is none.
func (r *run) resume() (bool, error) {
	path := r.cfg.Checkpoint
	refuse := func(format string, args ...any) (bool, error) {
		return true, &CheckpointError{Path: path, Reason: fmt.Sprintf(format, args...)}
	}
	var file runCheckpoint
	if found, err := readCheckpointFile(path, &file); err != nil || !found {
		return found, err
	}
	switch {
	case file.Version != runVersion:
		return refuse("it has version %d, and only %d is read", file.Version, runVersion)
	case file.Replay != r.plan.ID:
		return refuse("it is of the replay %.40q, not of %s", file.Replay, r.plan.ID)
	case file.Plan != r.digest:
		return refuse("the plan of replay %s has changed since: run the plan as it was, or make a new one", r.plan.ID)
	case len(file.Spans) != len(r.spans):
		return refuse("it has %d spans, and the plan %d", len(file.Spans), len(r.spans))
	}
	for i, s := range file.Spans {
		is := r.spans[i]
		if s.Topic != is.Topic || s.Partition != is.Partition || s.From != is.From || s.To != is.To || s.Next < s.From || s.Next > s.To {
			return refuse("what it says of topic %.100q partition %d contradicts the plan", s.Topic, s.Partition)
		}
	}
	r.spans = file.Spans
	return true, nil
}
