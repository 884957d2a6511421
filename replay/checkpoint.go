package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	checkpointVersion = 1
	checkpointMost    = 64 << 20 // bytes of a file that is read
	skippedMost       = 100      // offset ranges remembered of each partition
	listedMost        = 1000     // offset ranges, or failures, that are kept of all partitions
	skippedReason     = 500      // bytes of why an offset range was skipped
)

// checkpoint is the file that tells how far a copy has come. What it says has happened; more may have.
type checkpoint struct {
	Version    int              `json:"version"`
	Replay     string           `json:"replay"`
	Plan       string           `json:"plan"` // SHA-256 of the plan's JSON
	Partitions []partitionState `json:"lanes"`
}

// partitionState is how far one target partition has come.
type partitionState struct {
	Partition int32 `json:"partition"`
	Span      int   `json:"span"` // how many of the partition's spans are copied
	Next      int64 `json:"next"` // offset where the span under way goes on; 0 behind the last

	// What the producer has written so far lies below Target in the target partition. Its next record has the number Written, modulo 2^31.
	Target   int64 `json:"target"`
	Producer int64 `json:"producer"`
	Epoch    int16 `json:"epoch"`
	Written  int64 `json:"written"`

	Events int64 `json:"events"`
	Bytes  int64 `json:"bytes"`
	counters
	SkippedTotal int64     `json:"skipped_total"`
	Skipped      []Skipped `json:"skipped,omitempty"`
}

// counters say what became of events that the target does not hold, or not as they were.
type counters struct {
	Filtered  int64 `json:"filtered"`
	Unknown   int64 `json:"unknown,omitempty"`
	Reencoded int64 `json:"reencoded,omitempty"`
	Dead      int64 `json:"dead,omitempty"`
}

func (t *counters) add(more counters) {
	t.Filtered += more.Filtered
	t.Unknown += more.Unknown
	t.Reencoded += more.Reencoded
	t.Dead += more.Dead
}

func digestOf(plan *Plan) (string, error) {
	text, err := json.Marshal(plan)
	if err != nil {
		return "", fmt.Errorf("plan of replay %s: %w", plan.ID, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// save writes the state of every partition to the disk. Once it returns, a crash of the machine does not lose it.
func (c *copier) save() error {
	c.saving.Lock()
	defer c.saving.Unlock()
	file := checkpoint{Version: checkpointVersion, Replay: c.cfg.Plan.ID, Plan: c.digest, Partitions: make([]partitionState, len(c.partitions))}
	room := listedMost
	for i, pc := range c.partitions {
		file.Partitions[i] = pc.snapshot()
		file.Partitions[i].Skipped = within(&room, file.Partitions[i].Skipped)
	}
	text, err := checkpointText(&file, checkpointMost, func() {
		for i := range file.Partitions {
			file.Partitions[i].Skipped = nil
		}
	})
	if err == nil {
		err = replaceFile(c.cfg.Checkpoint, text)
	}
	if err != nil {
		return &CheckpointError{Path: c.cfg.Checkpoint, Reason: "it could not be written, so that the copy stops", Err: err}
	}
	return nil
}

// checkpointText is a checkpoint as JSON of at most so many bytes, else nobody could read it back. What only tells of the past is dropped
// for it.
func checkpointText(file any, most int, drop func()) ([]byte, error) {
	text, err := json.Marshal(file)
	if err == nil && len(text) >= most {
		drop()
		text, err = json.Marshal(file)
	}
	if err == nil && len(text) >= most {
		err = fmt.Errorf("it would have %d bytes, and at most %d are read", len(text)+1, most)
	}
	return append(text, '\n'), err
}

// within is the beginning of a list for which there is room, and takes the room.
func within[T any](room *int, list []T) []T {
	n := min(*room, len(list))
	*room -= n
	return list[:n:n]
}

// replaceFile writes a file anew so that a reader, and a crash, sees the old one or the new one.
func replaceFile(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = folder.Sync() // not every file system can; the rename is atomic all the same
	return folder.Close()
}

// readCheckpoint returns nil when there is none.
func readCheckpoint(path string) (*checkpoint, error) {
	var file checkpoint
	if found, err := readCheckpointFile(path, &file); err != nil || !found {
		return nil, err
	}
	if file.Version != checkpointVersion {
		return nil, &CheckpointError{Path: path, Reason: fmt.Sprintf("it has version %d, and only %d is read", file.Version, checkpointVersion)}
	}
	return &file, nil
}

// readCheckpointFile reads one JSON value of known fields, and returns false when there is no file.
func readCheckpointFile(path string, file any) (found bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, &CheckpointError{Path: path, Reason: "it cannot be read", Err: err}
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, checkpointMost+1))
	if err != nil {
		return false, &CheckpointError{Path: path, Reason: "it cannot be read", Err: err}
	}
	if len(text) > checkpointMost {
		return false, &CheckpointError{Path: path, Reason: "it is too large to be a checkpoint"}
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(file); err != nil {
		return false, &CheckpointError{Path: path, Reason: "it is not a checkpoint", Err: err}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return false, &CheckpointError{Path: path, Reason: "something follows the checkpoint in it"}
	}
	return true, nil
}

// resume takes up what a checkpoint says, which must be of this very plan.
func (c *copier) resume(old *checkpoint) error {
	refuse := func(format string, args ...any) error {
		return &CheckpointError{Path: c.cfg.Checkpoint, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case old.Replay != c.cfg.Plan.ID:
		return refuse("it is of the replay %.40q, not of %s", old.Replay, c.cfg.Plan.ID)
	case old.Plan != c.digest:
		return refuse("the plan of replay %s has changed since: apply the plan as it was, or make a new one", c.cfg.Plan.ID)
	case len(old.Partitions) != len(c.partitions):
		return refuse("it has %d partitions, and the plan %d", len(old.Partitions), len(c.partitions))
	}
	for i, pc := range c.partitions {
		s := old.Partitions[i]
		if s.Partition != pc.partition || !pc.admits(&s) {
			return refuse("what it says of partition %d contradicts the plan", s.Partition)
		}
		pc.state = s
	}
	return nil
}

// admits reports whether a checkpoint can hold this state of the partition.
func (pc *partitionCopier) admits(s *partitionState) bool {
	if s.Span < 0 || s.Span > len(pc.spans) || len(s.Skipped) > skippedMost || s.SkippedTotal < int64(len(s.Skipped)) {
		return false
	}
	if s.Target < 0 || s.Producer < 0 || s.Epoch < 0 || s.Written < 0 || s.Events < 0 || s.Bytes < 0 || s.Filtered < 0 || s.Unknown < 0 || s.Reencoded < 0 || s.Dead < 0 {
		return false
	}
	if s.Span == len(pc.spans) {
		return true
	}
	span := pc.spans[s.Span]
	return s.Next >= span.From && s.Next <= span.To
}
