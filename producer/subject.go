package producer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// codec is how events of one type are written once their schema's id is known.
type codec[E schema.Event] struct {
	encoder *schema.Encoder[E]
	id      int
}

var errNoRegistry = errors.New("typed events need Config.Registry, which is nil")

// resolve returns the codec, asking the registry for the schema's id when no event has before.
func (t *Topic[E]) resolve(ctx context.Context) (*codec[E], error) {
	if c := t.codec.Load(); c != nil {
		return c, nil
	}
	if t.p.registry == nil {
		return nil, errNoRegistry
	}
	ctx, cancel := context.WithTimeout(ctx, t.p.patience)
	defer cancel()
	select {
	case t.resolving <- struct{}{}:
		defer func() { <-t.resolving }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the schema's id: %w", ctx.Err())
	}
	if c := t.codec.Load(); c != nil {
		return c, nil
	}
	encoder, err := schema.NewEncoder[E]()
	if err != nil {
		return nil, err
	}
	id, err := t.identify(ctx, encoder.Schema())
	if err != nil {
		return nil, err
	}
	c := &codec[E]{encoder: encoder, id: id}
	t.codec.Store(c)
	return c, nil
}

// identify asks until the registry has answered or ctx ends: an outage is not the event's fault.
func (t *Topic[E]) identify(ctx context.Context, s *schema.Schema) (int, error) {
	var last error
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		id, err := t.lookup(ctx, s)
		if err == nil || !registry.Unavailable(err) || denied(err) {
			return id, err
		}
		if last == nil || ctx.Err() == nil {
			last = err // the answer that ctx cut off says less than the one before
		}
		timer := time.NewTimer(pause/2 + rand.N(pause/2)) //nolint:gosec // jitter needs no secrecy
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0, fmt.Errorf("%w: %w", ctx.Err(), last)
		}
	}
}

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// lookup asks for the id once, under each subject.
func (t *Topic[E]) lookup(ctx context.Context, s *schema.Schema) (int, error) {
	subjects := t.subjects(s)
	var missing *registry.NotRegisteredError
	for _, subject := range subjects {
		id, err := t.p.registry.Lookup(ctx, subject, s)
		if err == nil {
			return id, nil
		}
		if !errors.As(err, &missing) {
			return 0, err
		}
	}
	if t.p.autoRegister {
		subject, err := t.home(ctx, s, subjects)
		if err != nil {
			return 0, err
		}
		return t.p.registry.Register(ctx, subject, s)
	}
	if len(subjects) > 1 {
		return 0, fmt.Errorf("%w (nor is it under %s)", missing, subjects[0])
	}
	return 0, missing
}

// subjects are those the schema may be registered under.
func (t *Topic[E]) subjects(s *schema.Schema) []string {
	for _, o := range t.opts {
		switch {
		case o.subject != "":
			return []string{o.subject}
		case o.oneOfSeveral:
			return []string{schema.TopicRecordName(t.name, s.FullName())}
		}
	}
	return []string{schema.TopicRecordName(t.name, s.FullName()), schema.TopicName(t.name)}
}

// home is the subject to register under. A topic's own subject is home to one type only; a new version of that type belongs there,
// where it is held against the versions before it.
func (t *Topic[E]) home(ctx context.Context, s *schema.Schema, subjects []string) (string, error) {
	if len(subjects) == 1 {
		return subjects[0], nil
	}
	latest, err := t.p.registry.Latest(ctx, subjects[1])
	var missing *registry.NotRegisteredError
	switch {
	case err == nil && latest.Schema.FullName() == s.FullName():
		return subjects[1], nil
	case err == nil, errors.As(err, &missing), notFound(err):
		return subjects[0], nil
	default:
		return "", err
	}
}

func notFound(err error) bool {
	answer, ok := errors.AsType[*registry.Error](err)
	return ok && answer.Status == http.StatusNotFound
}

// denied reports whether the registry does not accept who is asking, which waiting does not mend.
func denied(err error) bool {
	answer, ok := errors.AsType[*registry.Error](err)
	return ok && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden)
}
