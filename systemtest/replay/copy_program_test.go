package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

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
	// Not getrusage's: that of a child begins with what its parent had.
	status, failed := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, scanned := fmt.Sscan(rest, &kib); failed == nil {
		failed = scanned
	}
	return errors.Join(err, failed, os.WriteFile(job.Peak, strconv.AppendInt(nil, kib<<10, 10), 0o600))
}
