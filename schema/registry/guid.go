package registry

import (
	"context"
	"errors"
	"net/http"

	"github.com/headrace/headrace/schema"
)

// fetchGUID asks for a schema by GUID. Registries that have no GUIDs answer 404 without a code of their own, as a proxy or a wrong path
// would. They are told from those by a question that every registry answers.
func (r *Client) fetchGUID(ctx context.Context, ref schema.Ref) (a answerSchema, err error) {
	err = r.exchange(ctx).call(http.MethodGet, "/schemas/guids/"+ref.GUID.String(), nil, &a)
	var answer *Error
	if !errors.As(err, &answer) || answer.Status != http.StatusNotFound || answer.Code != 0 {
		return a, err
	}
	var types []string
	if doubt := r.exchange(ctx).call(http.MethodGet, "/schemas/types", nil, &types); doubt != nil {
		return a, err
	}
	return a, &UnknownSchemaError{Ref: ref, URL: r.URL()}
}
