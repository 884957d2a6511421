package registry

import (
	"errors"
	"net/http"
	"testing"

	"github.com/headrace/headrace/schema"
)

func TestClientWithoutGUIDsKnowsNone(t *testing.T) {
	t.Parallel()
	guid := schema.Ref{GUID: schema.GUID{1, 2, 3}, ByGUID: true}
	for name, c := range map[string]struct {
		types   int // status of the question that every registry answers
		unknown bool
	}{
		"a registry without GUIDs": {http.StatusOK, true},
		"a path that is wrong":     {http.StatusNotFound, false},
	} {
		reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/schemas/types" && c.types == http.StatusOK {
				answer(w, http.StatusOK, `["AVRO","JSON"]`)
				return
			}
			http.NotFound(w, r)
		})
		_, err := reg.Resolve(t.Context(), guid)
		var unknown *UnknownSchemaError
		if err == nil || errors.As(err, &unknown) != c.unknown {
			t.Errorf("%s: %v", name, err)
		}
	}
}
