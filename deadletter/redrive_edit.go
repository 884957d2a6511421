package deadletter

import (
	"context"
	"errors"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema"
)

// EditCountError says that a redrive was to change the value of one dead letter, and that the selection has another number of open ones.
type EditCountError struct{ Selected int64 }

func (e *EditCountError) Error() string {
	return fmt.Sprintf("edit: one open dead letter is needed, and %d are selected: choose it by partition and offset, as --at 0:47 does", e.Selected)
}

// edit encodes the JSON that takes the place of the one event's value.
func (p *planning) edit(ctx context.Context) error {
	events := int64(0)
	for _, part := range p.spans {
		events += part.Events
	}
	if only := p.request.Selection.At; events == 0 && len(only) == 1 {
		at := headrace.Location{Topic: p.plan.Topic, Partition: only[0].Partition, Offset: only[0].Offset}
		for why := range p.left {
			return fmt.Errorf("edit: dead letter at %s stays where it is: %s", at, why)
		}
		return fmt.Errorf("edit: no open dead letter at %s: it was returned or discarded, or retention has removed it", at)
	}
	if events != 1 {
		return &EditCountError{Selected: events}
	}
	d := p.edited
	s, body, err := d.parse(ctx, p.request.Registry)
	switch {
	case errors.Is(err, schema.ErrTombstone):
		return fmt.Errorf("edit: dead letter at %s: its value is null, so that there is no schema to encode with", d.Location)
	case err != nil:
		return fmt.Errorf("edit: dead letter at %s: %w", d.Location, err)
	}
	before, _ := schema.ToJSON(s, body) // what does not decode may be replaced
	avro, err := schema.FromJSON(s, p.request.Edit)
	if err != nil {
		return fmt.Errorf("edit: dead letter at %s: %s: %w", d.Location, s.FullName(), err)
	}
	after, err := schema.ToJSON(s, avro)
	if err != nil {
		return err
	}
	head := d.Value[:len(d.Value)-len(body)] // nothing where a header names the schema
	p.plan.Edit = &Edited{Location: d.Location, Event: s.FullName(), Before: before, After: after, Value: append(append([]byte{}, head...), avro...)}
	return nil
}
