package reader

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// WriterVerdict is whether the events of one writer can be read.
type WriterVerdict struct {
	WriterCount
	Event  string         // full name of the writer's schema, which picks the handler; "" when it is not known
	Reader *schema.Schema // the reader of that name; nil when there is none, and the events would be unhandled
	// Problems says why Reader cannot read them, field by field; empty when it can.
	Problems []schema.Incompatibility
	// Err says why the writer's schema could not be had: a [*registry.UnknownSchemaError] or a [*schema.InvalidSchemaError], either of
	// which makes its events undecodable for every reader.
	Err error
}

// Unreadable reports whether a consumer with the readers would fail to decode these events.
func (v *WriterVerdict) Unreadable() bool { return v.Err != nil || len(v.Problems) > 0 }

// Check resolves every writer's schema that a scan saw against readers, the schemas that a consumer's handlers were compiled with
// ([schema.Of] is that of an event type). It answers what versions compared in a registry cannot: whether what lies in the log, and
// what a replay would meet, can be read.
//
// The verdicts are in the order of s.Writers. As in a worker, the reader of an event is the one of its full name. An outage of the
// registry is an error; an id it does not know is a verdict. Without readers it only finds the names.
func (s *SchemaScan) Check(ctx context.Context, reg *registry.Client, readers ...*schema.Schema) ([]WriterVerdict, error) {
	byName := make(map[string]*schema.Schema, len(readers))
	for _, r := range readers {
		byName[r.FullName()] = r
	}
	verdicts := make([]WriterVerdict, len(s.Writers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, w := range s.Writers {
		group.Go(func() error {
			v := WriterVerdict{WriterCount: w}
			writer, err := reg.ResolveFor(ctx, schema.TopicName(s.Topic), w.Ref)
			_, unknown := errors.AsType[*registry.UnknownSchemaError](err)
			_, invalid := errors.AsType[*schema.InvalidSchemaError](err)
			switch {
			case unknown || invalid:
				v.Err = err
			case err != nil:
				return err
			default:
				v.Event = writer.FullName()
				if v.Reader = byName[v.Event]; v.Reader != nil {
					v.Problems = schema.Compatible(v.Reader, writer)
				}
			}
			verdicts[i] = v
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return verdicts, nil
}
