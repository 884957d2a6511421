package deadletter

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/producer"
)

// NoRetryTopicError says that events cannot go back to their group alone, since that has no retry topic.
type NoRetryTopicError struct{ Topic, Group string }

func (e *NoRetryTopicError) Error() string {
	return fmt.Sprintf("group %s has no retry topic of topic %s, so that events cannot go to it alone: give its policy a Retry delay and start it once, "+
		"or redrive to the topic itself, which every group of it reads (without --to-group)", e.Group, e.Topic)
}

// router knows where dead letters go.
type router struct {
	client  *kafka.Client
	toGroup bool
	names   []string                      // of every topic, once asked for
	owners  map[consumedBy]bool           // whether only headers say that a dead letter is theirs
	retry   map[consumedBy]string         // the first retry topic
	parts   map[string]map[int32]struct{} // of topics that events go to
}

type consumedBy struct{ topic, group string }

// route is where a dead letter goes.
type route struct {
	topic   string
	claimed bool // nothing but its headers says so
}

func newRouter(client *kafka.Client, toGroup bool) *router {
	return &router{
		client: client, toGroup: toGroup, owners: map[consumedBy]bool{}, retry: map[consumedBy]string{}, parts: map[string]map[int32]struct{}{},
	}
}

// of returns where a dead letter goes.
func (w *router) of(ctx context.Context, d *Letter) (route, error) {
	claimed, err := w.claimed(ctx, d)
	if err != nil || !w.toGroup {
		return route{d.Origin.Topic, claimed}, err
	}
	topic, err := w.firstRetry(ctx, consumedBy{d.Origin.Topic, d.Group})
	return route{topic, claimed}, err
}

// firstRetry is the first retry topic of a group.
func (w *router) firstRetry(ctx context.Context, by consumedBy) (string, error) {
	if name, known := w.retry[by]; known {
		return name, nil
	}
	names, err := w.topics(ctx)
	if err != nil {
		return "", err
	}
	name := shortestRetryTopic(names, by)
	if name == "" {
		return "", &NoRetryTopicError{Topic: by.topic, Group: by.group}
	}
	w.retry[by] = name
	return name, nil
}

// shortestRetryTopic is the one with the shortest delay, "" where there is none.
func shortestRetryTopic(names []string, by consumedBy) string {
	var first string
	var shortest time.Duration
	for _, name := range names {
		text, ours := strings.CutPrefix(name, consumer.RetryTopic(by.topic, by.group, 0))
		delay, err := time.ParseDuration(text)
		if !ours || err != nil || consumer.RetryTopic(by.topic, by.group, delay) != name {
			continue
		}
		if first == "" || delay < shortest {
			first, shortest = name, delay
		}
	}
	return first
}

// record is the event as it was, with the marks of its returns, of which this is the last.
func (w *router) record(ctx context.Context, d *Letter, to string, marks []string, now time.Time) (producer.Record, error) {
	out := producer.Record{Key: d.Key, Value: d.Value, Time: d.Time} // also one that says there is no timestamp
	add := func(key, value string) {
		out.Headers = append(out.Headers, headrace.Header{Key: key, Value: []byte(value)})
	}
	for _, h := range d.Headers {
		if h.Key != HeaderRedrives && h.Key != HeaderRedriveMark {
			out.Headers = append(out.Headers, h)
		}
	}
	if w.toGroup { // as package consumer writes them, with a new budget of attempts; the record's time is when it comes there
		add(consumer.HeaderTopic, d.Origin.Topic)
		add(consumer.HeaderPartition, strconv.Itoa(int(max(0, d.Origin.Partition))))
		add(consumer.HeaderOffset, strconv.FormatInt(max(0, d.Origin.Offset), 10))
		add(consumer.HeaderGroup, d.Group)
		add(consumer.HeaderDeliveryCount, "0")
		add(consumer.HeaderTime, now.UTC().Format(time.RFC3339Nano))
		add(consumer.HeaderRetryDue, now.UTC().Format(time.RFC3339Nano))
		add(consumer.HeaderRetryTier, "0")
		if !out.Time.IsZero() {
			add(consumer.HeaderRetryTime, strconv.FormatInt(out.Time.UnixMilli(), 10))
			out.Time = time.Time{}
		}
	}
	add(HeaderRedrives, strconv.Itoa(len(marks)))
	for _, mark := range marks[max(0, len(marks)-maxRedriveMarks):] {
		add(HeaderRedriveMark, mark)
	}
	has, err := w.has(ctx, to, d.Origin.Partition)
	if has {
		out.Partition = &d.Origin.Partition
	}
	return out, err
}

// has reports whether a topic has a partition.
func (w *router) has(ctx context.Context, topic string, partition int32) (bool, error) {
	known := w.parts[topic]
	if known == nil {
		known = map[int32]struct{}{}
		err := w.client.Retry(ctx, func(ctx context.Context) error {
			found, err := w.client.Topic(ctx, topic)
			for _, p := range found.Partitions {
				known[p.ID] = struct{}{}
			}
			return err
		})
		if err != nil {
			return false, err
		}
		w.parts[topic] = known
	}
	_, has := known[partition]
	return has, nil
}
