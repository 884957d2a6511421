package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/schema"
)

// event is the context of the handler of one event. It is never used for another event, so that a context that a handler has kept
// cannot tell of the wrong one.
type event struct {
	context.Context // of the partition's handlers
	current         *current
}

type eventKey struct{}

// Value finds the event itself, for InfoFrom.
func (e *event) Value(key any) any {
	if _, ok := key.(eventKey); ok {
		return e
	}
	return e.Context.Value(key)
}

// current is the event at hand of one goroutine that runs handlers. Records are views into memory that is used again, so what
// InfoFrom reads of them is guarded: it finds the event that is handled now, or none.
type current struct {
	group string
	topic string
	id    int32 // of the partition

	mu      sync.Mutex
	event   *event
	record  *batch.Record
	ref     schema.Ref
	name    string // full name of the writer's schema
	attempt int

	spare []event // made many at a time
}

const eventsAtOnce = 64

// begin makes the context of the handler of rec, in place of the one before, whose record may be overwritten from here on.
func (c *current) begin(ctx context.Context, rec *batch.Record, ref schema.Ref, name string) *event {
	if len(c.spare) == 0 {
		c.spare = make([]event, eventsAtOnce)
	}
	e := &c.spare[0]
	c.spare = c.spare[1:]
	e.Context, e.current = ctx, c
	c.mu.Lock()
	c.event, c.record, c.ref, c.name, c.attempt = e, rec, ref, name, 1
	c.mu.Unlock()
	return e
}

func (c *current) retry(attempt int) {
	c.mu.Lock()
	c.attempt = attempt
	c.mu.Unlock()
}

// end forgets the record at hand, whose memory may be used again from here on.
func (c *current) end() {
	c.mu.Lock()
	c.event, c.record = nil, nil
	c.mu.Unlock()
}

// running returns the full name of the event at hand.
func (c *current) running() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.name
}

func (e *event) info() Info {
	c := e.current
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.event != e {
		return Info{}
	}
	info := Info{
		Topic:     c.topic,
		Partition: c.id,
		Offset:    c.record.Offset,
		Key:       string(c.record.Key),
		NullKey:   c.record.Key == nil,
		Time:      time.UnixMilli(c.record.Timestamp).UTC(),
		Event:     c.name,
		Schema:    c.ref,
		Attempt:   c.attempt,
		Group:     c.group,
	}
	for _, h := range c.record.Headers(nil) {
		info.Headers = append(info.Headers, Header{Key: h.Key, Value: cloneValue(h.Value)})
	}
	return info
}

// cloneValue copies a value and keeps null and empty apart.
func cloneValue(value []byte) []byte {
	if value == nil {
		return nil
	}
	return append([]byte{}, value...)
}
