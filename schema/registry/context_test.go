package registry

import (
	"errors"
	"net/http"
	"testing"

	"github.com/headrace/headrace/schema"
)

// contexts answers as Confluent's registry does that has id 7 in context ".ctx" only: an id is looked for in the default context, unless a
// subject is named that another context has.
func contexts(t *testing.T) *Client {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/schemas/ids/7" || r.URL.Query().Get("subject") != "größe orders-value" {
			answer(w, 404, `{"error_code":40403,"message":"Schema 7 not found"}`)
			return
		}
		answer(w, 200, stringSchema)
	})
}

func TestIDIsLookedUpUnderItsSubject(t *testing.T) {
	t.Parallel()
	registry := contexts(t)
	s, err := registry.ResolveFor(t.Context(), schema.TopicName("größe orders"), schema.RefID(7))
	if err != nil || s.FullName() != "string" {
		t.Fatalf("schema is %v, %v", s, err)
	}
	// Whoever decodes later has the id alone.
	if again, err := registry.Resolve(t.Context(), schema.RefID(7)); err != nil || again != s {
		t.Errorf("by the id alone: %v, %v", again, err)
	}
	var unknown *UnknownSchemaError
	if _, err := contexts(t).Resolve(t.Context(), schema.RefID(7)); !errors.As(err, &unknown) {
		t.Errorf("without a subject: %v", err)
	}
}
