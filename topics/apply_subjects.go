package topics

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

var errNoRegistry = errors.New("the plan registers schemas, and there is no schema registry to do it in: set Connection.Registry")

// parse parses the schema with those it refers to.
func (s *SchemaText) parse() (*schema.Schema, error) {
	return s.parseOnce(map[string]*schema.Schema{}, 0)
}

// maxReferenceDepth bounds references of references.
const maxReferenceDepth = 64

func (s *SchemaText) parseOnce(done map[string]*schema.Schema, depth int) (*schema.Schema, error) {
	if parsed, ok := done[s.Text]; ok {
		return parsed, nil
	}
	if depth > maxReferenceDepth {
		return nil, fmt.Errorf("%s: references are nested deeper than %d", s.Event, maxReferenceDepth)
	}
	var refs []*schema.Schema
	for _, ref := range s.References {
		if ref == nil {
			return nil, fmt.Errorf("%s: a reference is null", s.Event)
		}
		parsed, err := ref.parseOnce(done, depth+1)
		if err != nil {
			return nil, err
		}
		refs = append(refs, parsed)
	}
	parsed, err := schema.Parse(s.Text, refs...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Event, err)
	}
	done[s.Text] = parsed
	return parsed, nil
}

func (a *application) applySubjects(ctx context.Context, due []int) {
	for _, i := range due {
		c := a.plan.Changes[i]
		if a.stopped(ctx) {
			return
		}
		if a.broken[c.subjectMatter()] {
			continue
		}
		if err := a.applySubject(ctx, c); err != nil {
			a.finish(i, Failed, err)
			continue
		}
		a.finish(i, Done, nil)
	}
}

func (a *application) applySubject(ctx context.Context, c Change) error {
	if c.Kind == SetCompatibility {
		return a.conn.Registry.SetCompatibility(ctx, c.Subject, schema.Level(c.New))
	}
	parsed, err := c.Schema.parse()
	if err != nil {
		return err
	}
	_, err = a.conn.Registry.Register(ctx, c.Subject, parsed)
	var refused *registry.IncompatibleError
	if errors.As(err, &refused) {
		return fmt.Errorf("the registry refuses it:\n    %s", strings.Join(refused.Reasons, "\n    "))
	}
	if err != nil || c.New == "" {
		return err
	}
	return a.conn.Registry.SetCompatibility(ctx, c.Subject, schema.Level(c.New))
}
