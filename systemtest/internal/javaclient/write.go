package javaclient

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/headrace/headrace/systemtest/internal/record"
)

// Step is one thing for the Java producer to do.
type Step struct {
	do     string
	record record.Record
}

// What a producer does besides sending. Flush ends the open batches.
var (
	Begin  = Step{do: "begin"}
	Commit = Step{do: "commit"}
	Abort  = Step{do: "abort"}
	Flush  = Step{do: "flush"}
)

// Send writes a record: to its partition, or where the key belongs when that is negative; with its timestamp, or
// the time of sending when that is 0.
func Send(r record.Record) Step { return Step{do: "send", record: r} }

// Writer says how to write.
type Writer struct {
	// Codec is Java's name of it: none, gzip, snappy, lz4 or zstd.
	Codec string
	// TransactionalID makes the steps Begin, Commit and Abort possible. Empty for a plain idempotent producer.
	TransactionalID string
}

// Write takes all steps, in order, and returns when every record is acknowledged.
func (c *Client) Write(tb testing.TB, topic string, w Writer, steps ...Step) {
	tb.Helper()
	var stdin bytes.Buffer
	encoder := json.NewEncoder(&stdin)
	for _, step := range steps {
		var line any = map[string]string{"do": step.do}
		if step.do == "send" {
			line = step.record
		}
		if err := encoder.Encode(line); err != nil {
			tb.Fatalf("java client write %s: %v", topic, err)
		}
	}
	args := []string{"write", c.bootstrap, topic, w.Codec}
	if w.TransactionalID != "" {
		args = append(args, w.TransactionalID)
	}
	c.run(tb, &stdin, args...)
}
