package producer

import (
	"context"
	"errors"
	"sync/atomic"
	"unsafe"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/sender"
	"github.com/headrace/headrace/schema"
)

// Topic sends events of type E to one topic. It is cheap, and safe for concurrent use.
type Topic[E schema.Event] struct {
	p    *Producer
	name string
	opts []TopicOption
	out  *sender.Topic

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
	return &Topic[E]{p: p, name: topic, opts: opts, out: p.topic(topic), resolving: make(chan struct{}, 1)}
}

// Send sends e and returns where it lies once every in-sync replica has it. Any error is an [*Error], and the location's offset is -1
// then. So it is, without an error, when a broker recognised a repetition and no longer knew where the event lies. An empty key is a
// null key, so that the event may go to any partition; [WithKey] says which bytes it is otherwise.
//
// Sends of one goroutine keep their order. When ctx ends while the event is on its way, Send returns at once with Outcome [Unknown]:
// the event is not recalled.
func (t *Topic[E]) Send(ctx context.Context, key string, e E, opts ...Option) (headrace.Location, error) {
	w := t.p.sender.Waiter()
	partition, err := t.put(ctx, key, &e, w, opts)
	if err != nil {
		return ended(w.Refuse(t.out, partition, err))
	}
	return ended(w.Wait(ctx, t.out, partition))
}

// Post encodes e into the batch of its partition and returns; done is called once, as [Topic.Send] returns, when the
// outcome is known. Events of one key posted by one goroutine keep their order. Post waits, until ctx ends, only for the buffer when it is full
// (see Config.FailWhenFull) and for the topic's partitions and the schema's id when they are not known yet; ctx no longer matters once
// Post has returned.
//
// done may be called before Post returns, when the event fails at once. It must not block, nor wait for room in the buffer by
// posting with a context that does not end: it runs in the order of the partition's events, and the partition goes only a few batches
// further before it returns. A panic in it is not recovered. A nil done leaves failures to Config.Logger.
func (t *Topic[E]) Post(ctx context.Context, key string, e E, done func(headrace.Location, error), opts ...Option) {
	var to sender.Receiver
	if done != nil {
		to = callback(done)
	}
	if partition, err := t.put(ctx, key, &e, to, opts); err != nil {
		t.p.tell(refused(t.name, partition, err), done)
	}
}

// Tombstone sends a null value for key, which deletes the key in a compacted topic. It returns as [Topic.Send] does. It needs
// no schema.
func (t *Topic[E]) Tombstone(ctx context.Context, key string, opts ...Option) (headrace.Location, error) {
	var r sender.Record
	if err := fill(&r, key, opts); err != nil {
		return ended(refused(t.name, r.Partition, err))
	}
	r.Headers = headers(nil, opts)
	return ended(t.p.sender.Send(ctx, t.out, &r))
}

// put encodes e into the batch of its partition. e does not escape: it is copied to where it may.
func (t *Topic[E]) put(ctx context.Context, key string, e *E, to sender.Receiver, opts []Option) (partition int32, err error) {
	c := t.codec.Load()
	if c == nil {
		if c, err = t.resolve(ctx); err != nil {
			return sender.AnyPartition, err
		}
	}
	var r sender.Record
	if err := fill(&r, key, opts); err != nil {
		return r.Partition, err
	}
	entry, partition, err := t.p.sender.Begin(ctx, t.out, &r)
	if err != nil {
		return partition, err
	}
	defer entry.Close()
	s := t.slot(c, entry.Scratch())
	if len(opts) > 0 {
		s.headers = headers(s.headers[:0], opts)
		r.Headers = s.headers
	}
	s.session.Event = *e
	before := entry.Buffer()
	dst, err := s.session.Append(schema.AppendID(before, c.id))
	if err != nil || len(dst)-len(before) > slotKeeps { // what an encoder refuses may be of any size
		s.release()
	}
	if err != nil {
		entry.Abort()
		return partition, err
	}
	return partition, entry.End(dst, &r, to)
}

// slot is where an event lies while it encodes itself. A partition has one for each type, since it takes one
// event at a time. It keeps the last event:
// taking that out would cost each event more than it costs to keep a few small ones.
type slot[E schema.Event] struct {
	session *schema.EncoderSession[E]
	headers []headrace.Header
}

// slotKeeps is the size of an encoded event above which it is not kept.
const slotKeeps = 4 << 10

// slot returns the partition's own for events of this type.
func (t *Topic[E]) slot(c *codec[E], scratch *[]any) *slot[E] {
	for _, left := range *scratch {
		if s, ok := left.(*slot[E]); ok {
			return s
		}
	}
	s := &slot[E]{session: c.encoder.Session()}
	*scratch = append(*scratch, s)
	return s
}

func (s *slot[E]) release() {
	var none E
	s.session.Event = none
	clear(s.headers)
}

var errTwoKeys = errors.New("the event has two keys: leave the key empty where WithKey gives it")

// fill makes an event's record but for its value and headers.
func fill(r *sender.Record, key string, opts []Option) error {
	r.Partition = sender.AnyPartition
	if key != "" {
		r.Key = unsafe.Slice(unsafe.StringData(key), len(key)) //nolint:gosec // only read, and copied into the batch
	}
	for i := range opts {
		switch o := &opts[i]; o.kind {
		case optionTime:
			if r.Time = o.time; !o.time.IsZero() && o.time.UnixMilli() < 0 {
				return &TimeError{Time: o.time}
			}
		case optionPartition:
			r.Partition = o.partition
		case optionKey:
			if key != "" {
				return errTwoKeys
			}
			r.Key = o.header.Value
		}
	}
	return nil
}

// headers appends those among the options to dst.
func headers(dst []headrace.Header, opts []Option) []headrace.Header {
	for i := range opts {
		if o := &opts[i]; o.kind == optionHeader {
			dst = append(dst, o.header)
		}
	}
	return dst
}
