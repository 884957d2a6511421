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
	// Err says why the writer's schema is not known: a [*registry.UnknownSchemaError] or a [*schema.InvalidSchemaError]. No reader can
	// decode its events then.
	Err error
}

// Unreadable reports whether a consumer with the readers would fail to decode these events.
func (v *WriterVerdict) Unreadable() bool { return v.Err != nil || len(v.Problems) > 0 }

// Check says for each writer's schema of a scan whether readers can read its events. Readers are the schemas that a consumer's handlers
// were compiled with; [schema.Of] is that of an event type. A registry compares versions of a schema; Check looks at what is in the log,
// which a replay would read too.
//
// The verdicts are in the order of s.Writers. As in a worker, the reader of an event is the one with its full name. An outage of the
// registry is an error, and an id that the registry does not know is a verdict. Without readers, Check only finds the names.
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
