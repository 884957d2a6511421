package cli

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/devserver"
)

func TestSchemasOfARegistryContextAreFound(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("refunds", 1)
	s.register("refunds-value", refundSchema)
	s.run(`{"order":1}`, "produce", "refunds", "--event", "shop.Refund").want(t, exitDone)

	behind, err := url.Parse(s.RegistryURL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/schemas/ids/") && r.URL.Query().Get("subject") != "refunds-value" {
			w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error_code":40403,"message":"Schema not found"}`))
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.RegistryURL = server.URL
	for _, args := range [][]string{{"consume", "refunds", "--until-end"}, {"schema", "scan", "refunds"}} {
		if r := s.run("", args...).want(t, exitDone); !strings.Contains(r.stdout, `{"order":1}`) && !strings.Contains(r.stdout, "shop.Refund") {
			t.Errorf("%v printed %s", args, r.stdout)
		}
	}
}
