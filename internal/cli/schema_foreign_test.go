package cli

import (
	"bytes"
	"encoding/json"
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

// shared puts a registry before the servers' own that others use too: schemas of event shop.AsJSON are JSON schemas, those of shop.AsProtobuf
// Protobuf, and in those of shop.Groesse there is a name that is not Avro's.
func (s *servers) shared() {
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
			var answer map[string]any
			if json.Unmarshal(body, &answer) == nil {
				text, _ := answer["schema"].(string)
				switch {
				case strings.Contains(text, "AsJSON"):
					answer["schema"], answer["schemaType"] = `{"type":"object"}`, "JSON"
				case strings.Contains(text, "AsProtobuf"):
					answer["schema"], answer["schemaType"] = `message Refund {}`, "PROTOBUF"
				case text != "":
					answer["schema"] = strings.ReplaceAll(text, "groesse", "größe")
				}
				if body, err = json.Marshal(answer); err != nil {
					return err
				}
			}
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	}
	server := httptest.NewServer(&proxy)
	s.t.Cleanup(server.Close)
	s.RegistryURL = server.URL
}

func TestSubjectsOfOthersAreListedAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	event := func(name, field string) string {
		return `{"type":"record","name":"` + name + `","namespace":"shop","fields":[{"name":"` + field + `","type":"long"}]}`
	}
	for _, topic := range []string{"json", "protobuf", "sizes", "orders", "größe"} {
		if topic != "größe" {
			s.createTopic(topic, 1)
		}
	}
	s.register("json-value", event("AsJSON", "a"))
	s.register("protobuf-value", event("AsProtobuf", "a"))
	s.register("sizes-value", event("Groesse", "groesse"))
	s.register("größe", event("Size", "cm"))
	s.register("orders-value", event("Order", "id"))
	s.register("orders-key", `"string"`)
	s.shared()

	list := s.run("", "schema", "list").want(t, exitDone).stdout
	for _, row := range []string{"json-value 1 JSON -", "protobuf-value 1 PROTOBUF -", "orders-value 1 AVRO shop.Order", "größe 1 AVRO shop.Size", `sizes-value 1 AVRO avro schema at /fields/0/name: invalid name "größe"`} {
		subject, rest, _ := strings.Cut(row, " 1 ")
		found := false
		for line := range strings.Lines(list) {
			words := strings.Join(strings.Fields(line), " ")
			found = found || strings.HasPrefix(words, subject+" 1 ") && strings.Contains(words, " "+rest)
		}
		if !found {
			t.Errorf("no row %q in\n%s", row, list)
		}
	}
	if versions := s.run("", "schema", "versions", "json-value").want(t, exitDone).stdout; !strings.Contains(versions, "JSON") {
		t.Errorf("versions of a JSON subject: %s", versions)
	}
	folder := filepath.Join(t.TempDir(), "schemas")
	file := s.run("", "topics", "export", "--schemas", folder).want(t, exitDone).stdout
	for _, text := range []string{"shop.Order", `# Subject "json-value" is not said here: it is a JSON schema`, `# Subject "sizes-value" is not said here: invalid name`} {
		if !strings.Contains(file, text) {
			t.Errorf("exported without %q:\n%s", text, file)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "shop.Order.avsc")); err != nil {
		t.Error(err)
	}
	taken := s.run("", "schema", "snapshot", "--out", filepath.Join(folder, "snapshot")).want(t, exitDone).stderr
	for _, text := range []string{"left out: subject sizes-value version 1 cannot be read: ", `invalid name "größe"`, "3 versions of "} {
		if !strings.Contains(taken, text) {
			t.Errorf("taken without %q:\n%s", text, taken)
		}
	}
	refused := s.run("", "schema", "snapshot", "--out", filepath.Join(folder, "snapshot"), "--subject", "sizes-value").want(t, exitFailed).stderr
	if !strings.Contains(refused, "subject sizes-value version 1 cannot be read: ") {
		t.Errorf("refused with %s", refused)
	}
}
