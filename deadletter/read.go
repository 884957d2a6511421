package deadletter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/topicstate"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema/registry"
	"github.com/headrace/headrace/topics"
)

// Query says which dead letters are looked at. Cluster and Topics are needed.
type Query struct {
	Cluster   headrace.Cluster
	Registry  *registry.Client // names events whose headers do not, and decodes them for an expression; may be nil
	Topics    []string
	Selection Selection
	All       bool // those that are redriven or discarded too
}

// Read calls fn with every dead letter that the topics hold now, topic by topic; those of a partition come in its order. One for
// which the selection cannot be decided is among them.
//
// It returns fn's error as it is, but for [reader.ErrStop], which ends the reading; and ctx's cause when ctx ends. What a dead
// letter refers to is only valid until fn returns. A topic that does not exist is a *[reader.MissingTopicError]. A where that has no
// answer for any of those it is asked about is, in the end, an error that wraps the *[Error] of the first.
func Read(ctx context.Context, q Query, fn func(Letter) error) error {
	reading, err := openReader(ctx, q.Cluster, q.Registry, q.Selection)
	if err != nil {
		return err
	}
	defer reading.close()
	stopped := false
	for _, topic := range q.Topics {
		state, err := topicstate.Get(ctx, reading.client, topic)
		if err != nil {
			return err
		}
		err = reading.read(ctx, state, func(d *Letter, _ error) error {
			if !q.All && d.Fate != FateOpen {
				return nil
			}
			err := fn(*d)
			stopped = stopped || errors.Is(err, reader.ErrStop)
			return err
		})
		if err != nil || stopped {
			return err
		}
	}
	return reading.selector.unanswerable()
}

// ReadAt returns one dead letter, whatever became of it, and the run that did it; nil for an open one. An offset that the topic
// does not hold is a *[NotFoundError].
func ReadAt(ctx context.Context, cluster headrace.Cluster, reg *registry.Client, at headrace.Location) (Letter, *Run, error) {
	reading, err := openReader(ctx, cluster, reg, Selection{At: []Position{{at.Partition, at.Offset}}})
	if err != nil {
		return Letter{}, nil, err
	}
	defer reading.close()
	state, err := topicstate.Get(ctx, reading.client, at.Topic)
	if err != nil {
		return Letter{}, nil, err
	}
	var found *Letter
	err = reading.read(ctx, state, func(d *Letter, _ error) error {
		found = cloneLetter(d)
		return reader.ErrStop
	})
	if err == nil && found == nil {
		err = &NotFoundError{Location: at}
	}
	if err != nil {
		return Letter{}, nil, err
	}
	if run, known := reading.marks.runs[found.Run]; known {
		return *found, &run, nil
	}
	return *found, nil, nil
}

// NotFoundError says that there is no dead letter at a location.
type NotFoundError struct{ headrace.Location }

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("no dead letter at %s: `headrace dead list %s --letters` lists them", e.Location, e.Topic)
}

// Topics finds the topics of the cluster that hold dead letters, going by their names: those of headrace, <topic>.<group>.dead. With
// others also those that Spring (<topic>-dlt, <topic>.DLT), share groups (dlq.<name>) and, by custom, Connect and Streams (<name>-dlq,
// <name>.dlq, dlq-<name>) use.
func Topics(ctx context.Context, cluster headrace.Cluster, others bool) ([]string, error) {
	all, err := topics.List(ctx, cluster)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, topic := range all {
		if !topic.Internal && holdsDeadLetters(topic.Name, others) {
			found = append(found, topic.Name)
		}
	}
	return found, nil
}

func holdsDeadLetters(name string, others bool) bool {
	if strings.HasSuffix(name, ".dead") {
		return true
	}
	lower := strings.ToLower(name)
	has := func(is func(string, string) bool, parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return is(lower, part) })
	}
	return others && (has(strings.HasSuffix, "-dlt", ".dlt", "-dlq", ".dlq", "_dlq") || has(strings.HasPrefix, "dlq.", "dlq-"))
}

// letterReader reads dead letters.
type letterReader struct {
	cluster  headrace.Cluster
	client   *kafka.Client
	selector *selector
	marks    *marksRead
}

func openReader(ctx context.Context, cluster headrace.Cluster, reg *registry.Client, s Selection) (*letterReader, error) {
	selector, err := s.compile(reg, true)
	if err != nil {
		return nil, err
	}
	client, err := kafka.Open(cluster)
	if err != nil {
		return nil, err
	}
	read, err := readMarks(ctx, cluster)
	if err != nil {
		client.Close()
		return nil, err
	}
	return &letterReader{cluster: cluster, client: client, selector: selector, marks: read}, nil
}

func (r *letterReader) close() { r.client.Close() }

// read calls fn with every dead letter of the selection. One that cannot be decided comes with the reason.
func (r *letterReader) read(ctx context.Context, topic topicstate.State, fn func(d *Letter, undecided error) error) error {
	ranges, err := r.ranges(ctx, topic)
	if err != nil {
		return err
	}
	done := r.marks.of(topic)
	return reader.Read(ctx, reader.Config{Cluster: r.cluster, Topic: topic.Name, Ranges: ranges}, func(rec reader.Record) error {
		d := letterOf(rec)
		d.Fate, d.Run = done.fate(d.Partition, d.Offset)
		d.Redrives = len(r.marks.confirmed(&d))
		meant, err := r.selector.match(ctx, &d)
		if _, undecided := errors.AsType[*filter.UndecidedError](err); undecided {
			return fn(&d, err)
		}
		if err != nil || !meant {
			return err
		}
		return fn(&d, nil)
	})
}

// ranges is what of the topic has to be read: what the selection says, as far as the log holds it.
func (r *letterReader) ranges(ctx context.Context, topic topicstate.State) ([]reader.PartitionRange, error) {
	s := r.selector.Selection
	partitions := s.Partitions
	if len(s.At) > 0 && partitions == nil {
		for _, position := range s.At {
			if position.Partition < topic.Partitions && !slices.Contains(partitions, position.Partition) {
				partitions = append(partitions, position.Partition)
			}
		}
		if partitions == nil {
			return []reader.PartitionRange{}, nil
		}
	}
	held, err := reader.Resolve(ctx, r.cluster, topic.Name, partitions, reader.Range{To: reader.AtEnd()})
	if err != nil {
		return nil, err
	}
	wanted := held
	if s.Range != (reader.Range{}) {
		if wanted, err = reader.Resolve(ctx, r.cluster, topic.Name, partitions, s.Range); err != nil {
			return nil, err
		}
	}
	for i, part := range held {
		from, to := wanted[i].From, wanted[i].To
		if to < 0 {
			to = part.To
		}
		if len(s.At) > 0 {
			first, end := s.bounds(part.Partition)
			from, to = max(from, first), min(to, end)
		}
		held[i].From = min(max(from, part.From), part.To)
		held[i].To = max(held[i].From, min(to, part.To))
	}
	return held, nil
}

// bounds is where the positions in one partition begin and end.
func (s *Selection) bounds(partition int32) (first, end int64) {
	first = math.MaxInt64
	for _, position := range s.At {
		if position.Partition == partition {
			first, end = min(first, position.Offset), max(end, position.Offset+1)
		}
	}
	return first, end
}

// cloneLetter copies a dead letter, whose memory is only valid until the next one is read.
func cloneLetter(d *Letter) *Letter {
	c := *d
	c.Key, c.Value = slices.Clone(d.Key), slices.Clone(d.Value)
	c.Headers, c.Raw = cloneHeaders(d.Headers), cloneHeaders(d.Raw)
	return &c
}

func cloneHeaders(headers []headrace.Header) []headrace.Header {
	copied := make([]headrace.Header, len(headers))
	for i, h := range headers {
		copied[i] = headrace.Header{Key: h.Key, Value: slices.Clone(h.Value)}
	}
	return copied
}
