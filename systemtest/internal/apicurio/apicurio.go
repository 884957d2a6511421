// Package apicurio runs the Apicurio registry in memory, for its Confluent API.
package apicurio

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/headrace/headrace/systemtest/internal/maven"
	"github.com/headrace/headrace/systemtest/internal/ports"
	"github.com/headrace/headrace/systemtest/internal/process"
)

// Registry is a running registry. It ends with the test that started it.
type Registry struct {
	// URL is the base of the Confluent API; it carries a path.
	URL string

	spec    process.Spec
	process *process.Process
}

// Start returns a registry that answers.
func Start(tb testing.TB) *Registry {
	tb.Helper()
	dir, err := maven.ApicurioRegistry()
	if err != nil {
		tb.Fatalf("apicurio: %v", err)
	}
	java, err := maven.Java("java")
	if err != nil {
		tb.Fatalf("apicurio: %v", err)
	}
	runner, err := filepath.Glob(filepath.Join(dir, "*-runner.jar"))
	if err != nil || len(runner) != 1 {
		tb.Fatalf("apicurio: runner jar in %s: %v, %v", dir, runner, err)
	}
	port := ports.Free(tb)
	r := &Registry{
		URL: fmt.Sprintf("http://127.0.0.1:%d/apis/ccompat/v7", port),
		spec: process.Spec{
			Name:    "apicurio",
			Command: []string{java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", runner[0]},
			Env:     []string{"QUARKUS_HTTP_HOST=127.0.0.1", "QUARKUS_HTTP_PORT=" + strconv.Itoa(port)},
			Dir:     tb.TempDir(),
		},
	}
	r.process = process.Start(tb, r.spec)
	r.process.Await(tb, time.Minute, r.ping)
	return r
}

// Kill ends the registry with SIGKILL; what it held is gone.
func (r *Registry) Kill() { r.process.Kill() }

func (r *Registry) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+"/subjects", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", request.URL, response.Status)
	}
	return nil
}
