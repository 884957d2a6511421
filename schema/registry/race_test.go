package registry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/schema"
)

// Apicurio answers 409 to all but one of those who register a new schema at the same moment.
func TestClientRegisterAtTheSameMoment(t *testing.T) {
	t.Parallel()
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/versions") {
			answer(w, 409, `{"error_code":409,"message":"An artifact with ID 's' in group 'null' already exists."}`)
			return
		}
		answer(w, 200, stringSchema)
	})
	s, err := schema.Parse(`"string"`)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := reg.Register(t.Context(), "s", s); err != nil || id != 7 {
		t.Errorf("Register = %d, %v, want the id that the other one got", id, err)
	}
}

func TestClientReasonOfApicurio(t *testing.T) {
	t.Parallel()
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answer(w, 200, `{"is_compatible":false,"reason":"b at /fields/0"}`)
	})
	s, err := schema.Parse(`"string"`)
	if err != nil {
		t.Fatal(err)
	}
	var why *IncompatibleError
	if err := reg.Compatible(t.Context(), "s", s); !errors.As(err, &why) || len(why.Reasons) != 1 || why.Reasons[0] != "b at /fields/0" {
		t.Errorf("Compatible = %v, want the registry's reason", err)
	}
}

// A caller whose deadline is shorter than the call's must still learn who did not answer.
func TestClientDeadlineNamesTheRegistryAndTheCause(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		reg, err := New("http://" + closed)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(reg.Close)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err = reg.Schema(ctx, 7)
		if !Unavailable(err) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), closed) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("error %v does not say that %s refused the connection until the deadline", err, closed)
		}
	})
}
