package producer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/internal/sender"
	"github.com/headrace/headrace/schema"
)

// Topic sends events of type E to one topic. It is cheap, and safe for concurrent use.
type Topic[E schema.Event] struct {
	p    *Producer
	name string
	opts []TopicOption
	out  *sender.Topic

	slots     sync.Pool
	codec     atomic.Pointer[codec[E]] // nil until the schema's id is known
	resolving chan struct{}            // held by who asks the registry
}

// For returns the typed face of p for one topic.
//
// The schema is looked up once, by the first event, under the subjects "<topic>-<full name>" and "<topic>-value" in this order,
// unless an option names one. A schema that is registered under none of them fails the event with the subject and the command
// that registers it, and the next event asks again. With Config.AutoRegister it is registered: under "<topic>-value" if that holds an
// earlier version of the same type, else under "<topic>-<full name>". A registry that does not answer is asked again until the
// event's context or Config.DeliveryTimeout ends.
func For[E schema.Event](p *Producer, topic string, opts ...TopicOption) *Topic[E] {
	return &Topic[E]{p: p, name: topic, opts: opts, out: p.sender.Topic(topic), resolving: make(chan struct{}, 1)}
}

// Send sends e and returns nil once every in-sync replica has it. Any other answer is an [*Error]. An empty key is a null
// key: the event may go to any partition.
//
// Sends of one goroutine keep their order. When ctx ends while the event is on its way, Send returns at once with Outcome [Unknown]:
// the event is not recalled.
func (t *Topic[E]) Send(ctx context.Context, key string, e E, opts ...Option) error {
	s, err := t.slot(ctx, key, opts)
	if err != nil {
		return refused(t.name, sender.AnyPartition, err)
	}
	defer t.slots.Put(s)
	s.session.Event = e
	return failure(t.p.sender.Send(ctx, t.out, &s.record))
}

// Post encodes e into the batch of its partition and returns; done is called once with nil or an [*Error] when the outcome
// is known. Events of one key posted by one goroutine keep their order. Post waits, until ctx ends, only for the buffer when it is full
// (see Config.FailWhenFull) and for the topic's partitions and the schema's id when they are not known yet; ctx no longer matters once
// Post has returned.
//
// done may be called before Post returns, when the event fails at once. It must not block, nor wait for room in the buffer by
// posting with a context that does not end: it runs in the order of the partition's events, and the partition goes only a few batches
// further before it returns. A panic in it is not recovered. A nil done leaves failures to Config.Logger.
func (t *Topic[E]) Post(ctx context.Context, key string, e E, done func(error), opts ...Option) {
	s, err := t.slot(ctx, key, opts)
	if err != nil {
		t.p.tell(refused(t.name, sender.AnyPartition, err), done)
		return
	}
	defer t.slots.Put(s)
	s.session.Event = e
	t.p.post(ctx, t.out, &s.record, done)
}

// Tombstone sends a null value for key, which deletes the key in a compacted topic. It returns as [Topic.Send] does. It needs
// no schema.
func (t *Topic[E]) Tombstone(ctx context.Context, key string, opts ...Option) error {
	var s slot[E]
	s.fill(key, opts)
	return failure(t.p.sender.Send(ctx, t.out, &s.record))
}

// slot holds an event and its record while it is encoded, so that handing it over as a [sender.Value] allocates nothing. Between events
// it lies in a pool, with the last one still in it: taking that out would cost each event more than it costs to keep a few.
type slot[E schema.Event] struct {
	id      int
	session *schema.EncoderSession[E]
	record  sender.Record
	key     []byte
}

// slot returns one for an event that is still to be put in.
func (t *Topic[E]) slot(ctx context.Context, key string, opts []Option) (*slot[E], error) {
	s, ok := t.slots.Get().(*slot[E])
	if !ok {
		c, err := t.resolve(ctx)
		if err != nil {
			return nil, err
		}
		s = &slot[E]{id: c.id, session: c.encoder.Session()}
		s.record.Value = s
	}
	s.fill(key, opts)
	return s, nil
}

// fill makes the event's record but for its value.
func (s *slot[E]) fill(key string, opts []Option) {
	s.key = append(s.key[:0], key...)
	r := &s.record
	r.Key, r.Partition = nil, sender.AnyPartition
	if len(s.key) > 0 {
		r.Key = s.key
	}
	if len(r.Headers) > 0 || !r.Time.IsZero() {
		clear(r.Headers)
		r.Headers, r.Time = r.Headers[:0], time.Time{}
	}
	for i := range opts {
		switch o := &opts[i]; o.kind {
		case optionTime:
			r.Time = o.time
		case optionHeader:
			r.Headers = append(r.Headers, batchHeader(o.header))
		case optionPartition:
			r.Partition = o.partition
		}
	}
}

// AppendTo appends the wire header and the event.
func (s *slot[E]) AppendTo(dst []byte) ([]byte, error) {
	return s.session.Append(schema.AppendID(dst, s.id))
}
