package schema

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

const (
	// maxReferences bounds how many schemas one schema may refer to, directly and through others; each is a request.
	maxReferences = 100
	// maxReferencesText bounds the texts of these together.
	maxReferencesText = 8 * maxSchemaText
)

// overReferences says what is wrong with schemas that one schema refers to when they are too many, with those that they refer to
// themselves, or too long together; "" when they are neither.
func overReferences(refs []*Schema) string {
	seen := map[*Schema]bool{}
	text := 0
	var walk func(refs []*Schema)
	walk = func(refs []*Schema) {
		for _, ref := range refs {
			if seen[ref] || len(seen) > maxReferences {
				continue
			}
			seen[ref] = true
			text += len(ref.text)
			walk(ref.refs)
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
func (r *Registry) parse(ctx context.Context, a answerSchema) (*Schema, error) {
	l := loader{Registry: r, ctx: ctx, loading: map[origin]bool{}}
	s, err := l.parse(a)
	var bad *InvalidSchemaError
	if errors.As(err, &bad) {
		// It quotes names and values, which are the registry's words as well.
		bad.Path, bad.Reason, bad.Hint = r.redact(clean(bad.Path)), r.said(bad.Reason), r.said(bad.Hint)
	}
	return s, err
}

// loader fetches references depth first, so that each is parsed after what it needs itself.
type loader struct {
	*Registry
	ctx     context.Context // of the one call this lives for
	loading map[origin]bool
	count   int
}

func (l *loader) parse(a answerSchema) (*Schema, error) {
	if a.SchemaType != "" && a.SchemaType != "AVRO" {
		return nil, &InvalidSchemaError{Reason: fmt.Sprintf("it is a %s schema, not an Avro one", l.said(a.SchemaType)), Format: l.said(a.SchemaType)}
	}
	if a.Schema == "" {
		return nil, &RegistryError{URL: l.URL(), Status: http.StatusOK, Message: "the answer has no schema"}
	}
	if len(a.References) > maxReferences {
		return nil, &InvalidSchemaError{Reason: fmt.Sprintf("it refers to more than %d schemas", maxReferences)}
	}
	refs := make([]*Schema, 0, len(a.References))
	for _, ref := range a.References {
		if ref.Subject == "" || ref.Version < 1 {
			return nil, &InvalidSchemaError{Reason: fmt.Sprintf("the registry names no subject and version for what it refers to as %q", l.said(ref.Name))}
		}
		s, err := l.load(origin{ref.Subject, ref.Version})
		if err != nil {
			return nil, err
		}
		refs = append(refs, s)
	}
	if reason := overReferences(refs); reason != "" {
		return nil, &InvalidSchemaError{Reason: reason}
	}
	return parseWritten(a.Schema, refs...)
}

func (l *loader) load(at origin) (*Schema, error) {
	if l.loading[at] {
		return nil, &InvalidSchemaError{Reason: fmt.Sprintf("references go round in a circle at subject %s version %d", l.said(at.subject), at.version)}
	}
	if s, ok := l.caches.parts.Get(at); ok {
		return s, nil
	}
	if l.count++; l.count > maxReferences {
		return nil, &InvalidSchemaError{Reason: fmt.Sprintf("it refers to more than %d schemas", maxReferences)}
	}
	l.loading[at] = true
	defer delete(l.loading, at)
	// A version that was deleted after others came to refer to it is still there when asked for so; srclient cannot ask.
	var a answerSchema
	path := fmt.Sprintf("/subjects/%s/versions/%d?deleted=true", url.PathEscape(at.subject), at.version)
	if err := l.exchange(l.ctx).call(http.MethodGet, path, nil, &a); err != nil {
		return nil, fmt.Errorf("reference to subject %s version %d: %w", l.said(at.subject), at.version, err)
	}
	s, err := l.parse(a)
	if err != nil {
		return nil, err
	}
	located := *s
	located.origin = at
	l.caches.parts.Add(at, &located)
	// Without its id: the version may be a deleted one, which nothing new is written with.
	l.snapshot.learn(snapshotEntry{Subject: at.subject, Version: at.version, Schema: a.Schema, References: a.References})
	return &located, nil
}
