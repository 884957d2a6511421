package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/devserver"
)

// unchecked puts a registry before the servers' own that has the default of field note as null, as registries do that check no defaults.
func (s *servers) unchecked() {
	s.t.Helper()
	behind, err := url.Parse(s.RegistryURL)
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		ModifyResponse: func(resp *http.Response) error {
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			body = bytes.ReplaceAll(body, []byte(`\"default\":\"\"`), []byte(`\"default\":null`))
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	}
	server := httptest.NewServer(&proxy)
	s.t.Cleanup(server.Close)
	s.RegistryURL = server.URL
}

func TestSchemaWithAnInvalidDefaultIsReadAndSucceeded(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	const first = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"note","type":"string","default":""}]}`
	s.createTopic("orders", 1)
	s.register("orders-value", first)
	s.run(`{"note":"n"}`, "produce", "orders", "--event", "shop.Order").want(t, exitDone)
	s.unchecked()

	for _, args := range [][]string{{"consume", "orders", "--until-end"}, {"schema", "scan", "orders"}, {"schema", "list"}} {
		if r := s.run("", args...).want(t, exitDone); !strings.Contains(r.stdout, "shop.Order") && !strings.Contains(r.stdout, `"note":"n"`) {
			t.Errorf("%v printed %s", args, r.stdout)
		}
	}
	s.run(`{}`, "produce", "orders", "--event", "shop.Order").want(t, exitFailed, "its default in the schema at /fields/0/default is not valid: ")

	mended := filepath.Join(t.TempDir(), "order.avsc")
	if err := os.WriteFile(mended, []byte(strings.Replace(first, `"default":""`, `"default":"none"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("", "schema", "check", mended, "--against", "registry:orders-value").want(t, exitDone)
	s.run("", "schema", "register", mended, "--subject", "orders-value").want(t, exitDone)
}
