package consumer

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// Handler is a function bound to the event type it takes, with a policy. It is a value: make it with [On] or [OnTombstone] and give
// it to [New], which checks it. The zero Handler is refused there.
type Handler struct {
	bind     func(*registry.Client) (binding, error)
	policy   *Policy
	liveOnly bool
}

// binding is a handler checked against its registry.
type binding struct {
	event string             // full name of the schema it takes; "" takes tombstones
	call  func(*lane) caller // made once per lane
}

// caller decodes a task's value and runs the handler on it. It belongs to one lane, and may keep memory between calls.
type caller func(ctx context.Context, t *task) error

// decodeError marks an error of decoding, which is not the handler's.
type decodeError struct{ err error }

func (e *decodeError) Error() string { return e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }

// On makes a handler of fn for events of type E: those written with a schema that has the full name of E's schema, in any version
// that Avro's schema resolution can read as E. What fn is given belongs to fn.
//
// fn's context carries the event's [Info]. It ends, with a cause, when the attempt times out, when the partition is given to another
// worker, and when the worker stops and fn has not returned within the drain timeout; until then fn is left to finish. fn runs for
// one event of a partition at a time, and for several partitions at once.
//
// A panic of fn is a failed attempt, with a *[PanicError]. When fn ends its goroutine instead (runtime.Goexit, which FailNow of a test
// calls), the worker stops with a *[HandlerError], and the event is handled again.
func On[E schema.Event](fn func(context.Context, E) error) Handler {
	if fn == nil {
		return Handler{}
	}
	return Handler{bind: func(reg *registry.Client) (binding, error) {
		decoder, err := schema.NewDecoder[E](reg)
		if err != nil {
			return binding{}, fmt.Errorf("consumer: handler of %T: %w", *new(E), err)
		}
		call := func(l *lane) caller {
			session := decoder.Session()
			return func(ctx context.Context, t *task) error {
				decoded, err := session.Decode(ctx, t.ref, t.body)
				if err != nil {
					return &decodeError{err}
				}
				l.decoded()
				return fn(ctx, *decoded)
			}
		}
		return binding{event: decoder.Schema().FullName(), call: call}, nil
	}}
}

// OnTombstone makes a handler of fn for tombstones: records with a key and a null value, which say that the key is deleted. They
// carry no schema, so fn gets those of every topic of the worker. Without such a handler [Config.Unhandled] decides.
func OnTombstone(fn func(ctx context.Context, key string) error) Handler {
	if fn == nil {
		return Handler{}
	}
	return Handler{bind: func(*registry.Client) (binding, error) {
		call := func(l *lane) caller {
			return func(ctx context.Context, t *task) error {
				key := string(t.record.Key)
				l.decoded()
				return fn(ctx, key)
			}
		}
		return binding{call: call}, nil
	}}
}

// With returns the handler with a policy in place of [Config.Policy], the whole of it.
func (h Handler) With(policy Policy) Handler {
	h.policy = &policy
	return h
}
