package maven_test

import (
	"path/filepath"
	"testing"

	"github.com/headrace/headrace/systemtest/internal/maven"
)

func TestRegistryIsUnpacked(t *testing.T) {
	t.Parallel()
	dir, err := maven.ApicurioRegistry()
	if err != nil {
		t.Fatal(err)
	}
	if jars, _ := filepath.Glob(filepath.Join(dir, "apicurio-registry-app-*-runner.jar")); len(jars) != 1 {
		t.Errorf("%s holds no runner jar", dir)
	}
}
