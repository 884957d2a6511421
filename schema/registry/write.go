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

// Lookup returns the id that s has under a subject, and registers nothing. When s is not registered, the error is a [*NotRegisteredError]
// that names the command to do so. An id is cached for ever, a miss for 5 s.
//
// A version with another text counts as s when it has the same types, names and logical types ([schema.Schema.SameData]).
//
// Schemas that s refers to are looked up under the subject they came from, or else under [schema.RecordName].
func (r *Client) Lookup(ctx context.Context, subject string, s *schema.Schema) (int, error) {
	key := registration{subject, registrationIdentity(s)}
	if id, ok := r.caches.ids.Get(key); ok {
		return id, nil
	}
	if until, ok := r.caches.missing.Get(key); ok && time.Now().Before(until) {
		return 0, &NotRegisteredError{Subject: subject, Event: s.FullName()}
	}
	var id int
	k := r.snapshot.answering()
	known := false
	if k != nil {
		id, known = k.id(subject, s)
		known = known || k.lacks(subject, s)
	}
	if !known {
		asked, err := r.identify(ctx, key, s)
		return asked, r.snapshot.nor(err)
	}
	id, err := orKnown(ctx, r.snapshot, id, func(ctx context.Context) (int, error) { return r.identify(ctx, key, s) })
	if err == nil && id == 0 {
		err = &NotRegisteredError{Subject: subject, Event: s.FullName()}
	}
	return id, err
}

// identify asks the registry for the id of a schema under a subject.
func (r *Client) identify(ctx context.Context, key registration, s *schema.Schema) (int, error) {
	subject := key.subject
	return r.ids.do(ctx, key, func(ctx context.Context) (int, error) {
		ctx, cancel := r.within(ctx)
		defer cancel()
		found, err := r.lookup(ctx, subject, s)
		id := found.ID
		var missing *NotRegisteredError
		if errors.As(err, &missing) && missing.Subject == subject {
			id, err = r.lookupForm(ctx, subject, s)
		}
		switch {
		case err == nil:
			r.caches.ids.Add(key, id)
		case errors.As(err, &missing):
			r.caches.missing.Add(key, time.Now().Add(missTTL))
			if missing.Subject == subject {
				r.snapshot.miss(subject, key.identity)
			}
		}
		return id, err
	})
}

// lookup asks with the text as it is, then with the registry's normalisation, which finds what was registered in another order of
// attributes; older registries ignore the parameter.
func (r *Client) lookup(ctx context.Context, subject string, s *schema.Schema) (answerSchema, error) {
	refs, err := r.references(ctx, s, false)
	if err != nil {
		return answerSchema{}, err
	}
	x := r.exchange(ctx)
	found, err := x.confluent().LookupSchema(subject, s.String(), srclient.Avro, refs...)
	if err == nil {
		return r.found(subject, s, refs, answerOf(found))
	}
	if err = x.fault(err); !notFound(err) {
		return answerSchema{}, fmt.Errorf("subject %s: %w", subject, err)
	}
	var a answerSchema
	err = r.exchange(ctx).call(http.MethodPost, "/subjects/"+url.PathEscape(subject)+"?normalize=true", requestOf(s, refs), &a)
	if notFound(err) {
		return answerSchema{}, &NotRegisteredError{Subject: subject, Event: s.FullName()}
	}
	if err != nil {
		return answerSchema{}, fmt.Errorf("subject %s: %w", subject, err)
	}
	return r.found(subject, s, refs, a)
}

// found notes where the registry has s.
func (r *Client) found(subject string, s *schema.Schema, refs []srclient.Reference, a answerSchema) (answerSchema, error) {
	a, err := r.withID(a)
	if err == nil {
		r.snapshot.learn(snapshotEntry{ID: a.ID, Subject: subject, Version: max(a.Version, 0), Schema: s.String(), References: refs})
	}
	return a, err
}

// withID refuses an answer without an id, which would be written into every record.
func (r *Client) withID(a answerSchema) (answerSchema, error) {
	if a.ID <= 0 || a.ID > 1<<31-1 {
		return a, &Error{URL: r.URL(), Status: http.StatusOK, Message: fmt.Sprintf("the answer's schema id is %d", a.ID)}
	}
	return a, nil
}

func notFound(err error) bool {
	var answer *Error
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound && (answer.Code == codeSubjectNotFound || answer.Code == codeSchemaNotFound)
}

// Register registers s under a subject and returns its id. A schema that is registered already keeps its id. The registry normalises the
// text first, so that formatting makes no new version. When the subject's compatibility level forbids s, the error is an
// [*IncompatibleError] with the registry's reasons.
//
// Schemas that s refers to are registered before it, under [schema.RecordName], unless they came from a registry.
func (r *Client) Register(ctx context.Context, subject string, s *schema.Schema) (int, error) {
	ctx, cancel := r.within(ctx)
	defer cancel()
	return r.register(ctx, subject, s)
}

func (r *Client) register(ctx context.Context, subject string, s *schema.Schema) (int, error) {
	refs, err := r.references(ctx, s, true)
	if err != nil {
		return 0, err
	}
	var a answerSchema
	err = r.exchange(ctx).call(http.MethodPost, "/subjects/"+url.PathEscape(subject)+"/versions?normalize=true", requestOf(s, refs), &a)
	var answer *Error
	if errors.As(err, &answer) && answer.Status == http.StatusConflict {
		if a, err = r.lookup(ctx, subject, s); err != nil {
			return 0, r.refused(ctx, subject, s, answer)
		}
		// Somebody registered it at the same moment, which Apicurio takes for a conflict.
	}
	if err != nil {
		return 0, fmt.Errorf("subject %s: %w", subject, err)
	}
	if a, err = r.found(subject, s, refs, a); err != nil {
		return 0, fmt.Errorf("subject %s: %w", subject, err)
	}
	key := registration{subject, registrationIdentity(s)}
	r.caches.ids.Add(key, a.ID)
	r.caches.missing.Remove(key)
	r.caches.latest.Remove(subject)
	return a.ID, nil
}

// refused collects why a schema was refused: a 409 is one line of text, the compatibility check a list.
func (r *Client) refused(ctx context.Context, subject string, s *schema.Schema, answer *Error) error {
	var why *IncompatibleError
	if err := r.Compatible(ctx, subject, s); errors.As(err, &why) {
		return why
	}
	reason := answer.Message
	if reason == "" {
		reason = "the registry gave no reason"
	}
	return &IncompatibleError{Subject: subject, Reasons: []string{reason}}
}

// references says where the registry keeps the schemas that s refers to.
func (r *Client) references(ctx context.Context, s *schema.Schema, register bool) ([]srclient.Reference, error) {
	list := make([]srclient.Reference, 0, len(s.References()))
	for _, ref := range s.References() {
		at := ref.Origin()
		if at == (schema.Origin{}) {
			at.Subject = schema.RecordName(ref.FullName())
			if register {
				if _, err := r.register(ctx, at.Subject, ref); err != nil {
					return nil, err
				}
			}
			found, err := r.lookup(ctx, at.Subject, ref)
			if err != nil {
				return nil, err
			}
			at.Version = found.Version
		}
		list = append(list, srclient.Reference{Name: ref.FullName(), Subject: at.Subject, Version: at.Version})
	}
	return list, nil
}

type schemaRequest struct {
	Schema     string               `json:"schema"`
	References []srclient.Reference `json:"references,omitempty"`
}

func requestOf(s *schema.Schema, refs []srclient.Reference) schemaRequest {
	return schemaRequest{Schema: s.String(), References: refs}
}
