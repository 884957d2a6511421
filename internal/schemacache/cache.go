// Package schemacache finds the schemas that the values of a topic were written with, and remembers them.
package schemacache

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// Cache finds the schemas that events were written with, and remembers them. It is safe for concurrent use.
type Cache struct {
	registry *registry.Client
	subject  string

	mu    sync.Mutex
	known map[schema.Ref]*Writer
}

// Writer is what a schema reference leads to.
type Writer struct {
	Schema *schema.Schema // nil when Err is not
	Err    error          // the registry does not know the schema, or it is invalid

	shape *shape
}

// Max bounds the schemas remembered, since references come from outside.
const Max = 4096

// New asks a registry for schemas that may be under a subject; "" when none is known.
func New(reg *registry.Client, subject string) *Cache {
	return &Cache{registry: reg, subject: subject, known: map[schema.Ref]*Writer{}}
}

// SubjectOf is a subject that values of the topics may be under, "" when no topic is known: topics of one plan are of one registry context.
func SubjectOf(topics ...string) string {
	if len(topics) == 0 || topics[0] == "" {
		return ""
	}
	return schema.TopicName(topics[0])
}

// Find looks a schema up. Its error is that the registry cannot be asked now, which is not remembered.
func (c *Cache) Find(ctx context.Context, ref schema.Ref) (*Writer, error) {
	c.mu.Lock()
	by := c.known[ref]
	c.mu.Unlock()
	if by != nil {
		return by, nil
	}
	found, err := c.registry.ResolveFor(ctx, c.subject, ref)
	by = &Writer{Schema: found}
	switch {
	case err == nil:
		by.shape = shapeOf(found)
	case IsUnusable(err):
		by.Err = err
	default:
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= Max {
		clear(c.known)
	}
	c.known[ref] = by
	return by, nil
}

// Remembered is what was found before; nil when it was not, or was forgotten.
func (c *Cache) Remembered(ref schema.Ref) *Writer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[ref]
}

// Decode returns the fields of an Avro value.
func (w *Writer) Decode(body []byte) (any, error) { return w.shape.decode(w.Schema, body) }

// IsUnusable reports whether the registry says that a schema is unknown or invalid, rather than that it cannot be asked.
func IsUnusable(err error) bool {
	_, unknown := errors.AsType[*registry.UnknownSchemaError](err)
	_, invalid := errors.AsType[*schema.InvalidSchemaError](err)
	return unknown || invalid
}

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Retry calls ask again, with pauses, while it fails because the registry is away. It returns what ask returned last, or the cause when
// ctx ends.
func Retry(ctx context.Context, ask func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := ask()
		if err == nil || !registry.Unavailable(err) {
			return err
		}
		timer := time.NewTimer(pause/2 + rand.N(pause/2)) //nolint:gosec // jitter needs no secrecy
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}
