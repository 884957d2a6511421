package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/schema"
)

func TestClientReferences(t *testing.T) {
	t.Parallel()
	schemas := map[string]string{
		"/schemas/ids/1":            `{"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"},{\"name\":\"c\",\"type\":\"C\"}]}","references":[{"name":"B","subject":"b","version":1},{"name":"C","subject":"c","version":2}]}`,
		"/subjects/b/versions/1":    `{"schema":"{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"c\",\"type\":\"C\"}]}","id":2,"version":1,"references":[{"name":"C","subject":"c","version":2}]}`,
		"/subjects/c/versions/2":    `{"schema":"{\"type\":\"fixed\",\"name\":\"C\",\"size\":3}","id":3,"version":2}`,
		"/schemas/ids/4":            `{"schema":"\"X\"","references":[{"name":"X","subject":"x","version":1}]}`,
		"/subjects/x/versions/1":    `{"schema":"\"Y\"","references":[{"name":"Y","subject":"y","version":1}]}`,
		"/subjects/y/versions/1":    `{"schema":"\"X\"","references":[{"name":"X","subject":"x","version":1}]}`,
		"/schemas/ids/5":            `{"schema":"message M {}","schemaType":"PROTOBUF"}`,
		"/schemas/ids/6":            `{"schema":"\"B\""}`,
		"/subjects/long/versions/1": `{}`,
	}
	var calls atomic.Int32
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/subjects/chain/versions/%d", &n); err == nil || r.URL.Path == "/schemas/ids/8" {
			answer(w, 200, fmt.Sprintf(`{"schema":"\"string\"","references":[{"name":"n","subject":"chain","version":%d}]}`, n+1))
			return
		}
		if body, ok := schemas[r.URL.Path]; ok {
			answer(w, 200, body)
			return
		}
		answer(w, 404, `{"error_code":40401,"message":"no"}`)
	}, WithTimeout(2*time.Minute)) // for the hundred of a chain
	s, err := reg.Schema(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"A","type":"record","fields":[{"name":"b","type":{"name":"B","type":"record","fields":[{"name":"c","type":{"name":"C","type":"fixed","size":3}}]}},{"name":"c","type":"C"}]}`
	if diff := cmp.Diff(want, s.Canonical()); diff != "" {
		t.Error(diff)
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls for 3 schemas", calls.Load())
	}
	for id, says := range map[int]string{4: "circle", 5: "PROTOBUF", 6: "not defined", 8: "more than 100"} {
		_, err := reg.Schema(t.Context(), id)
		var bad *schema.InvalidSchemaError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), says) || Unavailable(err) {
			t.Errorf("id %d: %v", id, err)
		}
	}
}

func TestClientRegistersReferencesFirst(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log []string
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		log = append(log, r.Method+" "+r.URL.Path+" "+string(body))
		answer(w, 200, `{"id":5,"version":4}`)
	})
	part := parsed(t, `{"type":"fixed","name":"n.Part","size":1}`)
	whole := parsed(t, `{"type":"array","items":"n.Part"}`, part)
	if _, err := reg.Register(t.Context(), "whole", whole); err != nil {
		t.Fatal(err)
	}
	last := log[len(log)-1]
	if !strings.HasPrefix(log[0], "POST /subjects/n.Part/versions") || !strings.Contains(last, `"references":[{"name":"n.Part","subject":"n.Part","version":4}]`) {
		t.Errorf("%q", log)
	}
}
