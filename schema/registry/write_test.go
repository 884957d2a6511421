package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headrace/headrace/schema"
)

func TestClientLookup(t *testing.T) {
	t.Parallel()
	s := parsed(t, `{"type":"record","name":"shop.Order","fields":[]}`)
	for _, code := range []int{codeSubjectNotFound, codeSchemaNotFound} {
		reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 404, fmt.Sprintf(`{"error_code":%d,"message":"not found"}`, code))
		})
		_, err := reg.Lookup(t.Context(), "orders-value", s)
		var missing *NotRegisteredError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), "headrace schema register FILE --subject orders-value") {
			t.Errorf("%d: %v", code, err)
		}
	}
	var calls atomic.Int32
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.URL.Query().Get("normalize") != "true" {
			answer(w, 404, `{"error_code":40403,"message":"not found"}`)
			return
		}
		answer(w, 200, `{"id":11,"version":2}`)
	})
	for range 3 {
		if id, err := reg.Lookup(t.Context(), "orders-value", s); id != 11 || err != nil {
			t.Errorf("%d, %v", id, err)
		}
	}
	if calls.Load() != 2 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestClientRegister(t *testing.T) {
	t.Parallel()
	var body map[string]any
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&body)
		switch {
		case strings.HasPrefix(r.URL.Path, "/compatibility/"):
			answer(w, 200, `{"is_compatible":false,"messages":["{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'}","{oldSchemaVersion: 1}"]}`)
		case strings.HasPrefix(r.URL.Path, "/subjects/bad"):
			answer(w, 409, `{"error_code":409,"message":"Schema being registered is incompatible"}`)
		default:
			answer(w, 200, `{"id":12}`)
		}
	})
	s := parsed(t, `"string"`)
	if id, err := reg.Register(t.Context(), "good", s); id != 12 || err != nil {
		t.Errorf("%d, %v", id, err)
	}
	if body["schema"] != `"string"` {
		t.Errorf("sent %v", body)
	}
	_, err := reg.Register(t.Context(), "bad", s)
	var refused *IncompatibleError
	if !errors.As(err, &refused) || len(refused.Reasons) != 2 || refused.Subject != "bad" || Unavailable(err) {
		t.Errorf("%v", err)
	}
	// The registry says 200; the body decides.
	if err := reg.Compatible(t.Context(), "bad", s); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	if id, err := reg.Lookup(t.Context(), "good", s); id != 12 || err != nil {
		t.Errorf("a registered schema is looked up again: %d, %v", id, err)
	}
}

func TestClientCompatibilityLevels(t *testing.T) {
	t.Parallel()
	global := "BACKWARD"
	own := map[string]string{}
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		subject := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/config"), "/")
		if r.Method == http.MethodPut {
			var in map[string]string
			_ = json.NewDecoder(r.Body).Decode(&in)
			if subject == "" {
				global = in["compatibility"]
			} else {
				own[subject] = in["compatibility"]
			}
			answer(w, 200, `{"compatibility":"`+in["compatibility"]+`"}`)
			return
		}
		level, ok := own[subject]
		switch {
		case subject == "":
			level = global
		case !ok:
			answer(w, 404, `{"error_code":40408,"message":"not configured"}`)
			return
		}
		answer(w, 200, `{"compatibilityLevel":"`+level+`"}`)
	})
	ctx := t.Context()
	if err := errors.Join(reg.SetCompatibility(ctx, "s", schema.FullTransitive), reg.SetCompatibility(ctx, "", schema.Forward)); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]schema.Level{"s": schema.FullTransitive, "other": schema.Forward, "": schema.Forward} {
		if got, err := reg.Compatibility(ctx, subject); err != nil || got != want {
			t.Errorf("%q: %s, %v", subject, got, err)
		}
	}
	if err := reg.SetCompatibility(ctx, "s", "SIDEWARD"); err == nil {
		t.Error("a level that does not exist was sent")
	}
}
