package replay

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/consumer"
)

func TestCheckpointKeepsSoManyStretchesInAll(t *testing.T) {
	t.Parallel()
	c := &copier{cfg: CopyConfig{Checkpoint: filepath.Join(t.TempDir(), "copy.json")}}
	r := &run{cfg: RunConfig{Checkpoint: filepath.Join(t.TempDir(), "run.json")}, record: func(Outcome) {}}
	for range 20 {
		pc := &partitionCopier{}
		for i := range int64(skippedMost) {
			pc.noteSkipped(Span{Topic: copySource}, i, i+1, errors.New(strings.Repeat("é", 2000)))
		}
		pc.commit(sent{})
		c.partitions = append(c.partitions, pc)
		r.spans = append(r.spans, consumer.ReplaySpan{Failures: make([]consumer.ReplayFailure, 100)})
	}
	if err := errors.Join(c.save(), r.save(r.spans)); err != nil {
		t.Fatal(err)
	}
	copied, err := readCheckpoint(c.cfg.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	stretches := 0
	for _, l := range copied.Partitions {
		stretches += len(l.Skipped)
		for _, s := range l.Skipped {
			if len(s.Reason) > skippedReason {
				t.Fatalf("a reason has %d bytes", len(s.Reason))
			}
		}
	}
	var ran runCheckpoint
	if _, err := readCheckpointFile(r.cfg.Checkpoint, &ran); err != nil {
		t.Fatal(err)
	}
	failures := 0
	for _, s := range ran.Spans {
		failures += len(s.Failures)
	}
	if out := c.outcome(); stretches != listedMost || len(out.Skipped) != listedMost || out.SkippedTotal != 2000 {
		t.Errorf("%d stretches are kept, %d told of %d", stretches, len(out.Skipped), out.SkippedTotal)
	}
	if told := r.result().Failures; failures != listedMost || len(told) != listedMost || len(r.spans[19].Failures) != 100 {
		t.Errorf("%d failures are kept, %d told", failures, len(told))
	}
}

func TestCheckpointIsNotLargerThanWhatIsRead(t *testing.T) {
	t.Parallel()
	list := strings.Split(strings.Repeat("abc,", 100), ",")
	drop := func() { list = nil }
	if text, err := checkpointText(&list, 1000, drop); err != nil || len(text) < 600 || list == nil {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if text, err := checkpointText(&list, 600, drop); err != nil || string(text) != "null\n" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := checkpointText(&list, 4, drop); err == nil {
		t.Error("it is written though nobody could read it")
	}
}

func TestCheckpointOfAnotherProcessIsLeftToIt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "checkpoint")
	c := &copier{cfg: CopyConfig{Checkpoint: path}}
	r := &run{cfg: RunConfig{Checkpoint: path}, record: func(Outcome) {}}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrTakenOver)
	if err := errors.Join(c.saveUnlessTakenOver(ctx), r.report(ctx, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was written: %v", err)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	cancel(ErrCancelled)
	if err := errors.Join(c.saveUnlessTakenOver(ctx), r.report(ctx, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("of a cancelled replay: %v", err)
	}
}
