package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema"
)

const (
	// maxReferences bounds how many schemas one schema may refer to, directly and through others; each is a request.
	maxReferences = 100
	// maxReferencesText bounds the texts of these together.
	maxReferencesText = 8 * schema.MaxSchemaBytes
)

// overReferences says what is wrong with schemas that one schema refers to when they are too many, with those that they refer to
// themselves, or too long together; "" when they are neither.
func overReferences(refs []*schema.Schema) string {
	seen := map[*schema.Schema]bool{}
	text := 0
	var walk func(refs []*schema.Schema)
	walk = func(refs []*schema.Schema) {
		for _, ref := range refs {
			if seen[ref] || len(seen) > maxReferences {
				continue
			}
			seen[ref] = true
			text += len(ref.String())
			walk(ref.References())
		}
	}
	walk(refs)
	switch {
	case len(seen) > maxReferences:
		return fmt.Sprintf("it refers to more than %d schemas", maxReferences)
	case text > maxReferencesText:
		return fmt.Sprintf("it refers to schemas of more than %d bytes together", maxReferencesText)
	}
	return ""
}

// parse parses an answer after the schemas it refers to.
func (r *Client) parse(ctx context.Context, a answerSchema) (*schema.Schema, error) {
	l := loader{Client: r, ctx: ctx, loading: map[schema.Origin]bool{}}
	s, err := l.parse(a)
	var bad *schema.InvalidSchemaError
	if errors.As(err, &bad) {
		// It quotes names and values, which are the registry's words as well.
		bad.Path, bad.Reason, bad.Hint = r.redact(printable.Clean(bad.Path)), r.said(bad.Reason), r.said(bad.Hint)
	}
	return s, err
}

// loader fetches references depth first, so that each is parsed after what it needs itself.
type loader struct {
	*Client
	ctx     context.Context // of the one call this lives for
	loading map[schema.Origin]bool
	count   int
}

func (l *loader) parse(a answerSchema) (*schema.Schema, error) {
	if a.SchemaType != "" && a.SchemaType != "AVRO" {
		return nil, &schema.InvalidSchemaError{Reason: fmt.Sprintf("it is a %s schema, not an Avro one", l.said(a.SchemaType)), Format: l.said(a.SchemaType)}
	}
	if a.Schema == "" {
		return nil, &Error{URL: l.URL(), Status: http.StatusOK, Message: "the answer has no schema"}
	}
	if len(a.References) > maxReferences {
		return nil, &schema.InvalidSchemaError{Reason: fmt.Sprintf("it refers to more than %d schemas", maxReferences)}
	}
	refs := make([]*schema.Schema, 0, len(a.References))
	for _, ref := range a.References {
		if ref.Subject == "" || ref.Version < 1 {
			return nil, &schema.InvalidSchemaError{Reason: fmt.Sprintf("the registry names no subject and version for what it refers to as %q", l.said(ref.Name))}
		}
		s, err := l.load(schema.Origin{Subject: ref.Subject, Version: ref.Version})
		if err != nil {
			return nil, err
		}
		refs = append(refs, s)
	}
	if reason := overReferences(refs); reason != "" {
		return nil, &schema.InvalidSchemaError{Reason: reason}
	}
	return schema.ParseWriter(a.Schema, refs...)
}

func (l *loader) load(at schema.Origin) (*schema.Schema, error) {
	if l.loading[at] {
		return nil, &schema.InvalidSchemaError{Reason: fmt.Sprintf("references go round in a circle at subject %s version %d", l.said(at.Subject), at.Version)}
	}
	if s, ok := l.caches.parts.Get(at); ok {
		return s, nil
	}
	if l.count++; l.count > maxReferences {
		return nil, &schema.InvalidSchemaError{Reason: fmt.Sprintf("it refers to more than %d schemas", maxReferences)}
	}
	l.loading[at] = true
	defer delete(l.loading, at)
	// A version that was deleted after others came to refer to it is still there when asked for so; srclient cannot ask.
	var a answerSchema
	path := fmt.Sprintf("/subjects/%s/versions/%d?deleted=true", url.PathEscape(at.Subject), at.Version)
	if err := l.exchange(l.ctx).call(http.MethodGet, path, nil, &a); err != nil {
		return nil, fmt.Errorf("reference to subject %s version %d: %w", l.said(at.Subject), at.Version, err)
	}
	s, err := l.parse(a)
	if err != nil {
		return nil, err
	}
	s = s.WithOrigin(at)
	l.caches.parts.Add(at, s)
	// Without its id: the version may be a deleted one, which nothing new is written with.
	l.snapshot.learn(snapshotEntry{Subject: at.Subject, Version: at.Version, Schema: a.Schema, References: a.References})
	return s, nil
}
