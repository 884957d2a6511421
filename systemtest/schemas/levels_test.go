// Package schemas holds the compatibility check to a real registry, which has Java's implementation of Avro's schema resolution.
package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

var levels = []schema.Level{
	schema.None, schema.Backward, schema.BackwardTransitive, schema.Forward, schema.ForwardTransitive, schema.Full, schema.FullTransitive,
}

// The registry lets pass what these sentences of the Avro specification 1.12 speak against.
var stricter = map[schema.Kind]string{
	schema.DecimalMismatch: `"Logical Types", "Decimal": "For the purposes of schema resolution, two schemas that are decimal logical ` +
		`types match if their scales and precisions match."`,
	schema.LogicalTypeMismatch: `"Logical Types", "Timestamps": "timestamp-millis: logical type annotates an Avro long, where the long stores ` +
		`the number of milliseconds from the unix epoch", and timestamp-micros the number of microseconds: one is not the other`,
}

// history is a subject: its versions, oldest first, and the schema that wants to be the next.
type history struct {
	name string
	olds []string
	next string
}

// tally counts what was compared.
type tally struct {
	checks, refused atomic.Int64
	mu              sync.Mutex
	kinds           map[schema.Kind]int
	stricter        map[schema.Kind]int
}

func TestLevelsAgreeWithTheRegistry(t *testing.T) {
	server := apicurio.Start(t)
	reg := stack.Registry(t, server.URL)
	histories := slices.Concat(everyTypeReadAsEveryOther(), randomHistories(150))
	counted := &tally{kinds: map[schema.Kind]int{}, stricter: map[schema.Kind]int{}}
	work := make(chan history)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for h := range work {
				h.compare(t, server.URL, reg, counted)
			}
		})
	}
	for _, h := range histories {
		work <- h
	}
	close(work)
	workers.Wait()

	t.Logf("%d histories, %d checks, %d of them refused, by kind %v; stricter than the registry: %v",
		len(histories), counted.checks.Load(), counted.refused.Load(), counted.kinds, counted.stricter)
	if n := counted.checks.Load(); n < 1000 || counted.refused.Load() < n/10 || counted.refused.Load() > n*9/10 {
		t.Errorf("the checks prove little: %d, of which %d were refused", n, counted.refused.Load())
	}
	for _, kind := range []schema.Kind{
		schema.TypeMismatch, schema.NameMismatch, schema.FixedSizeMismatch, schema.MissingEnumSymbols, schema.ReaderFieldMissingDefaultValue, schema.MissingUnionBranch,
	} {
		if counted.kinds[kind] == 0 {
			t.Errorf("no history has a %s", kind)
		}
	}
	for kind, sentence := range stricter {
		if counted.stricter[kind] == 0 {
			t.Errorf("no history shows that the registry lets a %s pass, against %s", kind, sentence)
		}
	}
}

// compare asks the registry and our own check about every level.
func (h history) compare(t *testing.T, base string, reg *registry.Client, counted *tally) {
	next, err := schema.Parse(h.next)
	if err != nil {
		t.Errorf("%s: %s: %v", h.name, h.next, err)
		return
	}
	olds := make([]*schema.Schema, len(h.olds))
	for i, text := range h.olds {
		if olds[i], err = schema.Parse(text); err != nil {
			t.Errorf("%s: %s: %v", h.name, text, err)
			return
		}
	}
	for i, old := range olds {
		if err := h.register(t, reg, old); err != nil {
			t.Errorf("%s: register version %d, %s: %v", h.name, i+1, old, err)
			return
		}
		if i == 0 { // only what exists has a level
			if err := reg.SetCompatibility(t.Context(), h.name, schema.None); err != nil {
				t.Errorf("%s: %v", h.name, err)
				return
			}
		}
	}
	for _, level := range levels {
		if err := reg.SetCompatibility(t.Context(), h.name, level); err != nil {
			t.Errorf("%s: %v", h.name, err)
			return
		}
		refused, err := h.refused(t, base, level, next)
		if err != nil {
			t.Errorf("%s at %s: %v\nolds %s\nnext %s", h.name, level, err, strings.Join(h.olds, "\n     "), h.next)
			continue
		}
		found := schema.CheckLevel(level, next, olds...)
		counted.add(found)
		switch {
		case (len(found) > 0) == (refused != ""):
		case refused == "" && allStricter(found):
			counted.allow(found)
		default:
			t.Errorf("%s at %s: we find %v, the registry %s\nolds %s\nnext %s", h.name, level, found, refused, strings.Join(h.olds, "\n     "), h.next)
		}
	}
}

// refused asks the registry whether next may follow, and returns why not, "" when it may. What the newest version says decides unless
// the level is transitive: asked without a version, Apicurio compares with every one of them at every level.
func (h history) refused(t *testing.T, base string, level schema.Level, next *schema.Schema) (string, error) {
	path := base + "/compatibility/subjects/" + h.name + "/versions"
	if !strings.HasSuffix(string(level), "_TRANSITIVE") {
		path += "/latest"
	}
	body, err := json.Marshal(map[string]string{"schema": next.String()})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path+"?verbose=true", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var answer struct {
		Compatible *bool `json:"is_compatible"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Compatible == nil {
		return "", fmt.Errorf("%s answered %s: %s", path, response.Status, text)
	}
	if *answer.Compatible {
		return "", nil
	}
	return string(text), nil
}

// register makes a version. Apicurio's answer to two versions in quick succession may be that the subject exists already.
func (h history) register(t *testing.T, reg *registry.Client, s *schema.Schema) error {
	for attempt := 1; ; attempt++ {
		_, err := reg.Register(t.Context(), h.name, s)
		if err == nil || attempt == 5 || !strings.Contains(err.Error(), "already exists") {
			return err
		}
	}
}

func allStricter(found []schema.Incompatibility) bool {
	return !slices.ContainsFunc(found, func(p schema.Incompatibility) bool { return stricter[p.Kind] == "" })
}

func (c *tally) add(found []schema.Incompatibility) {
	c.checks.Add(1)
	if len(found) > 0 {
		c.refused.Add(1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range found {
		c.kinds[p.Kind]++
	}
}

func (c *tally) allow(found []schema.Incompatibility) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range found {
		c.stricter[p.Kind]++
	}
}

// everyTypeReadAsEveryOther has a history for each pair of types.
func everyTypeReadAsEveryOther() []history {
	types := []string{
		`"null"`, `"boolean"`, `"int"`, `"long"`, `"float"`, `"double"`, `"bytes"`, `"string"`,
		`{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"timestamp-micros"}`,
		`{"type":"bytes","logicalType":"decimal","precision":8,"scale":2}`, `{"type":"bytes","logicalType":"decimal","precision":8,"scale":3}`,
		`{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"F","size":5}`, `{"type":"fixed","name":"G","aliases":["F"],"size":4}`,
		`{"type":"enum","name":"E","symbols":["A","B"]}`, `{"type":"enum","name":"E","symbols":["A","B","C"]}`, `{"type":"enum","name":"E","symbols":["A"],"default":"A"}`,
		`{"type":"array","items":"int"}`, `{"type":"array","items":"long"}`, `{"type":"map","values":"int"}`, `{"type":"map","values":["null","int"]}`,
		`["null","int"]`, `["null","long","string"]`, `["int","null"]`,
		`{"type":"record","name":"S","fields":[{"name":"a","type":"int"}]}`,
		`{"type":"record","name":"S","fields":[{"name":"b","aliases":["a"],"type":"long","default":0}]}`,
		`{"type":"record","name":"T","aliases":["S"],"fields":[{"name":"next","type":["null","T"],"default":null}]}`,
	}
	wrap := func(typ string) string {
		return `{"type":"record","name":"R","namespace":"n","fields":[{"name":"f","type":` + typ + `}]}`
	}
	var all []history
	for i, old := range types {
		for j, next := range types {
			all = append(all, history{fmt.Sprintf("types-%d-%d", i, j), []string{wrap(old)}, wrap(next)})
		}
	}
	return all
}

// randomHistories has histories of two versions and a next one, each a few edits away from the one before.
func randomHistories(n int) []history {
	all := make([]history, n)
	for i := range all {
		g := generator{Rand: rand.New(rand.NewPCG(uint64(i), 1))}
		record := g.record()
		texts := []string{record.text()}
		for len(texts) < 3 {
			for range 1 + g.IntN(2) {
				g.edit(record)
			}
			// What a subject has already is taken without a look.
			if text := record.text(); !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
		all[i] = history{fmt.Sprintf("random-%d", i), texts[:2], texts[2]}
	}
	return all
}
