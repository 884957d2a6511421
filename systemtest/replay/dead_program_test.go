package replay

import (
	"context"
	"encoding/json"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/deadletter"
)

// redriveJob is what the process does that redrives.
type redriveJob struct {
	Brokers []string
	Plan    deadletter.Redrive
	Rate    float64
}

func redriveProgram(input []byte) error {
	var job redriveJob
	if err := json.Unmarshal(input, &job); err != nil {
		return err
	}
	_, err := deadletter.ApplyRedrive(context.Background(), deadletter.RedriveConfig{Cluster: headrace.Cluster{Brokers: job.Brokers}, By: "the first", Rate: job.Rate}, job.Plan)
	return err
}
