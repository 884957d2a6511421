package registry

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// textRegistry is a registry that compares text, with two versions under one subject.
func textRegistry(t *testing.T, calls *atomic.Int32, versions ...string) *Client {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		at, isVersion := strings.CutPrefix(r.URL.Path, "/subjects/orders-value/versions")
		switch {
		case isVersion && at == "":
			answer(w, 200, "[1,2]")
		case isVersion:
			n := int(at[1] - '0')
			body, err := json.Marshal(answerSchema{Subject: "orders-value", Version: n, ID: 70 + n, Schema: versions[n-1]})
			if err != nil {
				t.Error(err)
			}
			answer(w, 200, string(body))
		default:
			answer(w, 404, `{"error_code":40403,"message":"not found"}`)
		}
	})
}

func TestClientFindsASchemaInAnotherForm(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	reg := textRegistry(t, &calls,
		`{"type":"record","namespace":"shop","name":"Order","doc":"An order.","fields":[{"type":"long","name":"id"}]}`,
		`{"type":"record","name":"shop.Order","fields":[{"name":"id","type":"long"},{"name":"n","type":["null","int"],"default":null}]}`,
	)
	s := parsed(t, `{"name":"shop.Order","type":"record","fields":[{"name":"id","type":{"type":"long"}}]}`)
	for range 2 {
		if id, err := reg.Lookup(t.Context(), "orders-value", s); id != 71 || err != nil {
			t.Errorf("%d, %v", id, err)
		}
	}
	if calls.Load() != 5 { // two look-ups, the list, two versions
		t.Errorf("%d calls", calls.Load())
	}
	// One whose bytes mean something else is another schema.
	other := parsed(t, `{"name":"shop.Order","type":"record","fields":[{"name":"id","type":{"type":"long","logicalType":"timestamp-millis"}}]}`)
	var missing *NotRegisteredError
	if _, err := reg.Lookup(t.Context(), "orders-value", other); !errors.As(err, &missing) {
		t.Error(err)
	}
}

func TestClientMissIsRememberedForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls, there := 0, false
		reg := fake(t, func(r *http.Request) (*http.Response, error) {
			calls++
			switch {
			case there:
				return reply(200, `{"id":9,"version":1}`), nil
			case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/s2/versions"):
				return reply(200, `{"id":5}`), nil
			default:
				return reply(404, `{"error_code":40401}`), nil
			}
		})
		s := parsed(t, `"string"`)
		var missing *NotRegisteredError
		for range 10 {
			if _, err := reg.Lookup(t.Context(), "s1", s); !errors.As(err, &missing) || missing.Subject != "s1" {
				t.Fatal(err)
			}
		}
		if calls != 3 {
			t.Errorf("an unregistered schema was asked for %d times", calls)
		}
		there = true
		<-time.After(missTTL + time.Millisecond)
		if id, err := reg.Lookup(t.Context(), "s1", s); id != 9 || err != nil {
			t.Errorf("%d, %v", id, err)
		}
		// Whoever registers it by the same client need not wait.
		there = false
		if _, err := reg.Lookup(t.Context(), "s2", s); !errors.As(err, &missing) {
			t.Error(err)
		}
		if id, err := reg.Register(t.Context(), "s2", s); id != 5 || err != nil {
			t.Errorf("%d, %v", id, err)
		}
		if id, err := reg.Lookup(t.Context(), "s2", s); id != 5 || err != nil {
			t.Errorf("%d, %v", id, err)
		}
	})
}
