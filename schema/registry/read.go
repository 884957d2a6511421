package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/riferrei/srclient"

	"github.com/headrace/headrace/schema"
)

// Schema returns the schema with an id, together with the schemas it refers to. The error is an [*UnknownSchemaError] when the registry
// does not have the id, and an [*schema.InvalidSchemaError] when the schema is not Avro or not valid.
func (r *Client) Schema(ctx context.Context, id int) (*schema.Schema, error) {
	return r.Resolve(ctx, schema.RefID(id))
}

// SchemaByGUID is [Client.Schema] by GUID. Registries that have no GUIDs answer 404, which is an [*UnknownSchemaError] too.
func (r *Client) SchemaByGUID(ctx context.Context, guid schema.GUID) (*schema.Schema, error) {
	return r.Resolve(ctx, schema.Ref{GUID: guid, ByGUID: true})
}

// Resolve returns the schema that ref names: [Client.Schema] or [Client.SchemaByGUID].
func (r *Client) Resolve(ctx context.Context, ref schema.Ref) (*schema.Schema, error) {
	return r.ResolveFor(ctx, "", ref)
}

// ResolveFor is [Client.Resolve] for a value whose subject is known: [schema.TopicName] of its topic, for example. A registry with
// contexts, as Confluent's, looks for the id in the context that has the subject. When there is no such subject, the id alone is looked
// for. A client caches one schema per id, so use one client for each context.
func (r *Client) ResolveFor(ctx context.Context, subject string, ref schema.Ref) (*schema.Schema, error) {
	if s, ok := r.caches.schemas.Get(ref); ok {
		return s, nil
	}
	if until, ok := r.caches.unknown.Get(ref); ok && time.Now().Before(until) {
		return nil, &UnknownSchemaError{Ref: ref, URL: r.URL()}
	}
	if k := r.snapshot.answering(); k != nil && k.schemas[ref] != nil {
		return orKnown(ctx, r.snapshot, k.schemas[ref], func(ctx context.Context) (*schema.Schema, error) { return r.resolve(ctx, subject, ref) })
	}
	s, err := r.resolve(ctx, subject, ref)
	return s, r.snapshot.nor(err)
}

// resolve asks the registry.
func (r *Client) resolve(ctx context.Context, subject string, ref schema.Ref) (*schema.Schema, error) {
	return r.schemas.do(ctx, ref, func(ctx context.Context) (*schema.Schema, error) {
		if s, ok := r.caches.schemas.Get(ref); ok {
			return s, nil
		}
		ctx, cancel := r.within(ctx)
		defer cancel()
		s, err := r.fetch(ctx, subject, ref)
		var unknown *UnknownSchemaError
		switch {
		case err == nil:
			r.caches.schemas.Add(ref, s)
		case errors.As(err, &unknown):
			r.caches.unknown.Add(ref, time.Now().Add(r.unknown))
		}
		return s, err
	})
}

// answerSchema is what the API says of a schema, by whichever path.
type answerSchema struct {
	Subject    string               `json:"subject"`
	Version    int                  `json:"version"`
	ID         int                  `json:"id"`
	GUID       string               `json:"guid"` // newer registries
	Schema     string               `json:"schema"`
	SchemaType string               `json:"schemaType"`
	References []srclient.Reference `json:"references"`
}

func answerOf(s *srclient.Schema) answerSchema {
	a := answerSchema{Version: s.Version(), ID: s.ID(), Schema: s.Schema(), References: s.References()}
	if t := s.SchemaType(); t != nil {
		a.SchemaType = string(*t)
	}
	return a
}

func (r *Client) fetch(ctx context.Context, subject string, ref schema.Ref) (*schema.Schema, error) {
	var a answerSchema
	under, err := r.fetchUnder(ctx, subject, ref)
	switch {
	case err != nil:
		return nil, err
	case under.Schema != "":
		a = under
	case ref.ByGUID:
		var err error
		if a, err = r.fetchGUID(ctx, ref); err != nil {
			return nil, r.unknownRef(ref, err)
		}
	default:
		x := r.exchange(ctx)
		s, err := x.confluent().GetSchema(ref.ID)
		if err != nil {
			return nil, r.unknownRef(ref, x.fault(err))
		}
		a = answerOf(s)
	}
	s, err := r.parse(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	entry := snapshotEntry{ID: ref.ID, Schema: a.Schema, References: a.References}
	if ref.ByGUID {
		entry.ID, entry.GUID = 0, ref.GUID.String()
	}
	r.snapshot.learn(entry)
	return s, nil
}

// fetchUnder asks for an id under a subject, which srclient cannot. The subject says in which context to look, whichever subject there has the
// id. The answer is empty when the registry has no such subject: the id is looked for by itself then.
func (r *Client) fetchUnder(ctx context.Context, subject string, ref schema.Ref) (a answerSchema, err error) {
	if until, ok := r.caches.absent.Get(subject); ref.ByGUID || subject == "" || ok && time.Now().Before(until) {
		return a, nil
	}
	path := fmt.Sprintf("/schemas/ids/%d?subject=%s", ref.ID, url.QueryEscape(subject))
	if err = r.exchange(ctx).call(http.MethodGet, path, nil, &a); err == nil {
		return a, nil
	}
	var answer *Error
	if !errors.As(err, &answer) || answer.Status != http.StatusNotFound || answer.Code != codeSubjectNotFound {
		return a, r.unknownRef(ref, err)
	}
	r.caches.absent.Add(subject, time.Now().Add(r.unknown)) // else each unknown id would cost two questions
	return a, nil
}

// unknownRef tells the registry's "no such schema" from every other error. A 404 without the registry's code may come from a proxy, or
// from a base URL whose path is wrong; to take it for an answer would dead-letter every event.
func (r *Client) unknownRef(ref schema.Ref, err error) error {
	var answer *Error
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound && (answer.Code == codeSchemaNotFound || ref.ByGUID && answer.Code != 0) {
		return &UnknownSchemaError{Ref: ref, URL: r.URL()}
	}
	return fmt.Errorf("%s: %w", ref, err)
}

// Latest returns the newest version of a subject. The answer may be a minute old, and older while the registry is down. When the subject
// does not exist, the error is an [*Error] with status 404. When the schema is not Avro or not valid, it is an
// [*schema.InvalidSchemaError], and the Version has everything but the schema.
func (r *Client) Latest(ctx context.Context, subject string) (Version, error) {
	cached, ok := r.caches.latest.Get(subject)
	if ok && time.Now().Before(cached.until) {
		return cached.version, nil
	}
	var v Version
	var err error
	ask := func(ctx context.Context) (Version, error) { return r.askLatest(ctx, subject) }
	if k := r.snapshot.answering(); k != nil && !ok {
		cached.version, ok = k.latest(subject)
	}
	if r.snapshot != nil && ok {
		v, err = orKnown(ctx, r.snapshot, cached.version, ask)
	} else {
		v, err = ask(ctx)
	}
	if err != nil && ok && Unavailable(err) {
		return cached.version, nil
	}
	return v, err
}

func (r *Client) askLatest(ctx context.Context, subject string) (Version, error) {
	return r.newest.do(ctx, subject, func(ctx context.Context) (Version, error) {
		ctx, cancel := r.within(ctx)
		defer cancel()
		x := r.exchange(ctx)
		s, err := x.confluent().GetLatestSchema(subject)
		if err != nil {
			return Version{}, fmt.Errorf("subject %s: %w", subject, x.fault(err))
		}
		v, err := r.version(ctx, subject, answerOf(s))
		if err == nil {
			r.caches.latest.Add(subject, latestVersion{v, time.Now().Add(r.fresh)})
		}
		return v, err
	})
}

// Version returns version n of a subject; the first is 1. With an [*schema.InvalidSchemaError] the Version has everything but the schema.
func (r *Client) Version(ctx context.Context, subject string, n int) (Version, error) {
	ctx, cancel := r.within(ctx)
	defer cancel()
	x := r.exchange(ctx)
	s, err := x.confluent().GetSchemaByVersion(subject, n)
	if err != nil {
		return Version{}, fmt.Errorf("subject %s version %d: %w", subject, n, x.fault(err))
	}
	return r.version(ctx, subject, answerOf(s))
}

func (r *Client) version(ctx context.Context, subject string, a answerSchema) (Version, error) {
	s, err := r.parse(ctx, a)
	if err != nil {
		return Version{Subject: subject, Version: a.Version, ID: a.ID}, fmt.Errorf("subject %s version %d: %w", subject, a.Version, err)
	}
	r.snapshot.learn(snapshotEntry{ID: a.ID, Subject: subject, Version: a.Version, Schema: a.Schema, References: a.References})
	return Version{Subject: subject, Version: a.Version, ID: a.ID, Schema: s.WithOrigin(schema.Origin{Subject: subject, Version: a.Version})}, nil
}

// Versions returns the numbers of a subject's versions, oldest first.
func (r *Client) Versions(ctx context.Context, subject string) ([]int, error) {
	ctx, cancel := r.within(ctx)
	defer cancel()
	x := r.exchange(ctx)
	list, err := x.confluent().GetSchemaVersions(subject)
	if err != nil {
		return nil, fmt.Errorf("subject %s: %w", subject, x.fault(err))
	}
	return list, nil
}

// Subjects returns the names of all subjects, in the registry's order.
func (r *Client) Subjects(ctx context.Context) ([]string, error) {
	ctx, cancel := r.within(ctx)
	defer cancel()
	x := r.exchange(ctx)
	list, err := x.confluent().GetSubjects()
	return list, x.fault(err)
}
