package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/headrace/headrace/schema"
)

// maxFormVersions bounds how many versions of a subject are compared; a producer's schema is rarely older than the last few.
const maxFormVersions = 100

// lookupForm finds s among a subject's versions, newest first, by what it means for bytes and not by its text. A registry that
// compares text does not know a schema whose name was written apart from its namespace, or whose attributes were in another order.
func (r *Client) lookupForm(ctx context.Context, subject string, s *schema.Schema) (int, error) {
	missing := &NotRegisteredError{Subject: subject, Event: s.FullName()}
	versions, err := r.Versions(ctx, subject)
	if notFound(err) {
		return 0, missing
	}
	if err != nil {
		return 0, err
	}
	slices.Sort(versions)
	slices.Reverse(versions)
	for _, n := range versions[:min(len(versions), maxFormVersions)] {
		v, err := r.Version(ctx, subject, n)
		var invalid *schema.InvalidSchemaError
		var answer *Error
		switch {
		case errors.As(err, &invalid), errors.As(err, &answer) && answer.Code == codeVersionNotFound:
			continue // another type of schema, or deleted meanwhile
		case err != nil:
			return 0, err
		case v.Schema.SameData(s):
			found, err := r.withID(answerSchema{ID: v.ID})
			return found.ID, err
		}
	}
	return 0, missing
}
