package project_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/headrace/headrace/internal/project"
)

// A headrace.yaml may be anybody's: whatever it holds, reading it ends, with a file or with errors that name their places.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"",
		"contexts: {dev: {brokers: ['localhost:9092'], registry: 'http://localhost:8081', every_topic: {replication: 1}}}\n",
		"contexts:\n  c:\n    brokers: [a:1]\n    sasl: {mechanism: PLAIN, username: u, password_env: P}\n    tls: {ca_file: ca.pem}\n",
		"defaults: {config: {retention: 7d}}\ntopics:\n  - {name: a, partitions: 3, events: [x.Y], compatibility: BACKWARD}\n",
		"topics: [{name: a}]\ngroups: [{name: g, topics: [a], retry: {delays: [1m, 1h]}, dead_letter: true}]\n",
		"accounts: [{name: x, produces: [a], reads: [b], groups: [g]}]\nschemas: {folder: s, lint: {}}\n",
		"include: [a*.yaml, headrace.yaml]\n", "a: &a [*a]\n", "a: &a {b: *a}\ntopics: *a\n", "<<: {topics: []}\n", "topics: [~]\n", "\xff",
	} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "headrace.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := project.Load(path)
		if (file == nil) == (err == nil) {
			t.Fatalf("%v and %v", file, err)
		}
		if err != nil {
			if len(project.Errors(err)) == 0 {
				t.Fatalf("%v names no place", err)
			}
			return
		}
		for i := range file.Contexts {
			if chosen, err := file.Choose(file.Contexts[i].Name); err != nil || chosen != &file.Contexts[i] {
				t.Fatalf("context %q: %v", file.Contexts[i].Name, err)
			}
			file.Contexts[i].ClusterSecrets()
		}
		if again, err := project.Load(path); err != nil || again.Digest != file.Digest {
			t.Fatalf("read again: %v", err)
		}
	})
}
