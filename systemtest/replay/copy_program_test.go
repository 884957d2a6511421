package replay

import (
	"context"
	"encoding/json"

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
}

func copyProgram(input []byte) error {
	var job copyJob
	if err := json.Unmarshal(input, &job); err != nil {
		return err
	}
	_, err := replay.Copy(context.Background(), replay.CopyConfig{
		From: headrace.Cluster{Brokers: job.From}, To: headrace.Cluster{Brokers: job.To}, Plan: job.Plan, Checkpoint: job.Checkpoint, Rate: job.Rate,
	})
	return err
}
