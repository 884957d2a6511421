package deadletter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/topicstate"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/topics"
)

// MarksTopic is the compacted topic that remembers which dead letters of the cluster are redriven or discarded, and who did it. The
// first redrive creates it, as safe as the dead-letter topic: one partition, cleanup.policy=compact.
const MarksTopic = "headrace.redrives"

// Run is a redrive or a discard, as [MarksTopic] remembers it.
type Run struct {
	ID        string    `json:"id"`
	Action    string    `json:"action"` // "redrive" or "discard"
	Topic     string    `json:"topic"`  // of the dead letters
	By        string    `json:"by,omitempty"`
	Began     time.Time `json:"began"`
	Ended     time.Time `json:"ended,omitzero"` // zero while it runs, and when its process was killed
	Selection string    `json:"selection,omitempty"`
	Target    string    `json:"target,omitempty"` // "topic", or "group"
	Reason    string    `json:"reason,omitempty"` // of a discard
	Edited    string    `json:"edited,omitempty"` // the dead letter whose value was changed
	Planned   int64     `json:"planned"`
	Events    int64     `json:"events"`            // done
	Outcome   string    `json:"outcome,omitempty"` // "done", or why it ended before
}

// marksRead is what the marks topic says.
type marksRead struct {
	marks map[topicstate.State]marks // by name and id of the dead-letter topic; the state's Partitions is 0
	runs  map[string]Run
}

func (r *marksRead) of(topic topicstate.State) marks {
	topic.Partitions = 0
	if topic.ID == "" {
		topic.ID = noTopicID
	}
	return r.marks[topic]
}

// noTopicID stands for the id where brokers have none.
const noTopicID = "-"

// readMarks reads the marks topic up to its end. One that does not exist is empty. Marks are written without transactions, so that those
// behind a transaction that others have left open count.
func readMarks(ctx context.Context, cluster headrace.Cluster) (*marksRead, error) {
	found := &marksRead{marks: map[topicstate.State]marks{}, runs: map[string]Run{}}
	err := reader.Read(ctx, reader.Config{
		Cluster: cluster, Topic: MarksTopic, Range: reader.Range{To: reader.AtEnd()}, ReadUncommitted: true,
	}, func(r reader.Record) error {
		key := string(r.Key)
		if id, isRun := strings.CutPrefix(key, runKey); isRun {
			var run Run
			if len(r.Value) <= maxMarkBytes && json.Unmarshal(r.Value, &run) == nil && run.ID == id {
				found.runs[id] = run
			}
			return nil
		}
		of, ok := parseMarkKey(key)
		if !ok {
			return nil
		}
		topic := topicstate.State{Name: of.topic, ID: of.id}
		if found.marks[topic] == nil {
			found.marks[topic] = marks{}
		}
		found.marks[topic].add(of, r.Value)
		return nil
	})
	if _, missing := errors.AsType[*reader.MissingTopicError](err); missing {
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("which dead letters are done already is in topic %s: %w", MarksTopic, err)
	}
	return found, nil
}

// Runs returns the redrives and discards of the cluster, the oldest first. It is empty when there never was one.
func Runs(ctx context.Context, cluster headrace.Cluster) ([]Run, error) {
	read, err := readMarks(ctx, cluster)
	if err != nil {
		return nil, err
	}
	runs := make([]Run, 0, len(read.runs))
	for _, run := range read.runs {
		runs = append(runs, run)
	}
	slices.SortFunc(runs, func(a, b Run) int { return cmp.Or(a.Began.Compare(b.Began), strings.Compare(a.ID, b.ID)) })
	return runs, nil
}

// makeMarksTopic creates the topic for marks where it does not exist, as safe as the topic of the dead letters, and refuses one that
// would lose marks.
func makeMarksTopic(ctx context.Context, cluster headrace.Cluster, client *kafka.Client, like kafka.Topic) error {
	_, err := topicstate.Get(ctx, client, MarksTopic)
	if err == nil {
		return topicstate.CheckCompacted(ctx, client, MarksTopic, "which dead letters are done, and they would be returned again")
	}
	if _, missing := errors.AsType[*reader.MissingTopicError](err); !missing {
		return err
	}
	wanted := topics.Spec{Name: MarksTopic, Partitions: 1, Configs: map[string]string{"cleanup.policy": "compact"}}
	if len(like.Partitions) > 0 {
		wanted.Replicas = len(like.Partitions[0].Replicas)
	}
	if entries, err := client.TopicConfigs(ctx, like.Name); err == nil { // else the broker's default
		for _, entry := range entries {
			if entry.Name == "min.insync.replicas" && !entry.Default {
				wanted.Configs[entry.Name] = entry.Value
			}
		}
	}
	err = client.Retry(ctx, func(ctx context.Context) error { return topics.Create(ctx, cluster, wanted) })
	if _, exists := errors.AsType[*topics.ExistsError](err); err != nil && !exists {
		return fmt.Errorf("which dead letters are done is remembered in topic %s, which does not exist and cannot be created: %w: "+
			"create it with `headrace topics create %s --partitions 1 --replicas %d --config cleanup.policy=compact`",
			MarksTopic, err, MarksTopic, max(1, wanted.Replicas))
	}
	return nil
}

// marksWriter writes the marks of one run.
type marksWriter struct {
	producer *producer.Producer
	topic    topicstate.State // of the dead letters
	run      Run
	blocks   map[Position]*offsetSet // what the run has done, by the beginning of the block
}

func newMarksWriter(p *producer.Producer, topic topicstate.State, run Run) *marksWriter {
	if topic.ID == "" {
		topic.ID = noTopicID
	}
	return &marksWriter{producer: p, topic: topic, run: run, blocks: map[Position]*offsetSet{}}
}

// write marks dead letters as done, and returns when Kafka has acknowledged it.
func (w *marksWriter) write(ctx context.Context, done []Position) error {
	changed := map[Position]bool{}
	for _, position := range done {
		at := Position{position.Partition, position.Offset - position.Offset%blockOffsets}
		if w.blocks[at] == nil {
			w.blocks[at] = &offsetSet{}
		}
		w.blocks[at].add(position.Offset - at.Offset)
		changed[at] = true
	}
	for at := range changed {
		of := markOf{topic: w.topic.Name, id: w.topic.ID, partition: at.Partition, block: at.Offset, run: w.run.ID}
		if err := w.put(ctx, of.key(), markValue{action(w.run.Action), w.blocks[at].text(at.Offset)}); err != nil {
			return err
		}
	}
	return nil
}

// writeRun writes the record of the run: how far it has come, and how it ended unless outcome is "".
func (w *marksWriter) writeRun(ctx context.Context, events int64, outcome string) error {
	w.run.Events, w.run.Outcome = events, outcome
	if outcome != "" {
		w.run.Ended = time.Now().UTC()
	}
	return w.put(ctx, runKey+w.run.ID, w.run)
}

func (w *marksWriter) put(ctx context.Context, key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if _, err := w.producer.SendRecord(ctx, MarksTopic, producer.Record{Key: []byte(key), Value: text}); err != nil {
		return fmt.Errorf("mark in topic %s: %w", MarksTopic, err)
	}
	return nil
}
