package replay

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"syscall"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/replay"
)

// copyJob is what the process does that copies.
type copyJob struct {
	From       []string // brokers
	To         []string // of the target; none: From
	Plan       replay.Plan
	Checkpoint string
	Rate       int
	Peak       string // file for the largest resident set that the process has had, in bytes
}

func copyProgram(input []byte) error {
	var job copyJob
	if err := json.Unmarshal(input, &job); err != nil {
		return err
	}
	_, err := replay.Copy(context.Background(), replay.CopyConfig{
		From: headrace.Cluster{Brokers: job.From}, To: headrace.Cluster{Brokers: job.To}, Plan: job.Plan, Checkpoint: job.Checkpoint, Rate: job.Rate,
	})
	if job.Peak == "" {
		return err
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	return errors.Join(err, os.WriteFile(job.Peak, strconv.AppendInt(nil, used.Maxrss<<10, 10), 0o600))
}
