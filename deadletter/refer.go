package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/headers"
	"github.com/headrace/headrace/reader"
)

// EventGoneError says that a dead letter holds no event but refers to one, and that this one is not there any more.
type EventGoneError struct {
	headrace.Location // where the event was

	Reason string
}

func (e *EventGoneError) Error() string {
	return fmt.Sprintf("the dead letter refers to the event at %s, which is gone: %s", e.Location, e.Reason)
}

// readReference reads topic/partition@offset; what makes no sense has no topic.
func readReference(value []byte) headrace.Location {
	text := string(value)
	slash, at := strings.LastIndexByte(text, '/'), strings.LastIndexByte(text, '@')
	if slash < 0 || at < slash {
		return headrace.Location{}
	}
	where := headrace.Location{
		Topic: topicName([]byte(text[:slash])), Partition: partitionNumber([]byte(text[slash+1 : at])), Offset: number([]byte(text[at+1:]), -1, 64),
	}
	if where.Partition < 0 || where.Offset < 0 {
		return headrace.Location{}
	}
	return where
}

// badReference says why the event that a dead letter refers to is not looked for; "" when it is. Headers may be anybody's: a letter refers to
// the topic it came from, or to a retry topic of that.
func (d *Letter) badReference() string {
	reference := headers.Last(d.Raw, consumer.HeaderReference)
	switch {
	case reference == nil || d.Family != FamilyOwn:
		return ""
	case d.Kind == "record":
		return "a record that is over a limit or broken, and still where it was"
	case d.Refers.Topic == "":
		return "a reference that makes no sense"
	case d.Refers.Topic != d.Origin.Topic && !strings.HasPrefix(d.Refers.Topic, consumer.RetryTopic(d.Origin.Topic, d.Group, 0)):
		return "a reference to an event of another topic"
	}
	return ""
}

// dereference gives a dead letter the key, value and headers of the event that it refers to. When that is gone it is a *[EventGoneError].
func (d *Letter) dereference(ctx context.Context, cluster headrace.Cluster) error {
	if d.Refers.Topic == "" {
		return nil
	}
	gone := func(format string, args ...any) error {
		return &EventGoneError{Location: d.Refers, Reason: fmt.Sprintf(format, args...)}
	}
	part := []int32{d.Refers.Partition}
	held, err := reader.Resolve(ctx, cluster, d.Refers.Topic, part, reader.Range{To: reader.AtEnd()})
	if missing, ok := errors.AsType[*reader.MissingTopicError](err); ok {
		return gone("%v", missing)
	}
	if err != nil {
		return err
	}
	if len(held) != 1 || d.Refers.Offset < held[0].From || d.Refers.Offset >= held[0].To {
		return gone("its log does not hold that offset any more")
	}
	held[0].From, held[0].To = d.Refers.Offset, d.Refers.Offset+1
	var found *reader.Record
	err = reader.Read(ctx, reader.Config{Cluster: cluster, Topic: d.Refers.Topic, Ranges: held}, func(r reader.Record) error {
		r.Key, r.Value, r.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), cloneHeaders(r.Headers)
		found = &r
		return nil
	})
	start := headers.Last(d.Raw, consumer.HeaderStart)
	switch {
	case err != nil:
		return err
	case found == nil:
		return gone("compaction or a transaction that was aborted has removed it")
	case found.Fault != nil:
		return gone("%v", found.Fault)
	case !bytes.HasPrefix(found.Value, start) || d.Key != nil && !bytes.Equal(d.Key, found.Key):
		return gone("another event lies there, since the topic was made anew")
	}
	d.Key, d.Value, d.Headers = found.Key, found.Value, nil
	for _, h := range found.Headers {
		if !FamilyOwn.Owns(h.Key) {
			d.Headers = append(d.Headers, h)
		}
	}
	return nil
}
