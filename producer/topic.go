package producer

import (
	"context"

	"github.com/headrace/headrace/schema"
)

// Topic sends events of type E to one topic. It is cheap, and safe for concurrent use.
type Topic[E schema.Event] struct {
	p    *Producer
	name string
}

// For returns the typed face of p for one topic.
//
// The schema is looked up once, by the first event, under the subjects "<topic>-<full name>" and "<topic>-value" in this order,
// unless an option names one. A schema that is registered under none of them fails the event with the subject and the command
// that registers it, and the next event asks again. With Config.AutoRegister it is registered.
func For[E schema.Event](p *Producer, topic string, opts ...TopicOption) *Topic[E] {
	return &Topic[E]{p: p, name: topic}
}

// Send sends e and returns nil once every in-sync replica has it. Any other answer is an [*Error]. An empty key is a null
// key: the event may go to any partition.
//
// Sends of one goroutine keep their order. When ctx ends while the event is on its way, Send returns at once with Outcome [Unknown]:
// the event is not recalled.
func (t *Topic[E]) Send(ctx context.Context, key string, e E, opts ...Option) error {
	done := make(chan error, 1)
	t.Post(ctx, key, e, func(err error) { done <- err }, opts...)
	return <-done
}

// Post encodes e into the batch of its partition and returns; done is called once with nil or an [*Error] when the outcome
// is known. Events of one key posted by one goroutine keep their order. Post waits, until ctx ends, only for the buffer when it is full
// (see Config.FailWhenFull) and for the topic's partitions and the schema's id when they are not known yet; ctx no longer matters once
// Post has returned.
//
// done may be called before Post returns, when the event fails at once, and must not block: it runs in the order of the
// partition's events, and the partition sends no more than a few batches ahead of it. A nil done leaves failures to Config.Logger.
func (t *Topic[E]) Post(ctx context.Context, key string, e E, done func(error), opts ...Option) {
	done(&Error{Topic: t.name, Partition: -1, Outcome: Failed, Err: ErrClosed})
}

// Tombstone sends a null value for key, which deletes the key in a compacted topic. It returns as [Topic.Send] does.
func (t *Topic[E]) Tombstone(ctx context.Context, key string, opts ...Option) error {
	return &Error{Topic: t.name, Partition: -1, Outcome: Failed, Err: ErrClosed}
}
