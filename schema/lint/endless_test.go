package lint

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/schema"
)

// tangle is n records, each with a field of every type that targets has for it.
func tangle(n int, targets func(i int) []int) string {
	fields := make([]string, n)
	for i := range fields {
		var held []string
		for k, target := range targets(i) {
			held = append(held, fmt.Sprintf(`{"name":"f%d","type":"R%d"}`, k, target))
		}
		fields[i] = fmt.Sprintf(`{"name":"r%d","type":{"type":"record","name":"R%d","fields":[%s]}}`, i, i, strings.Join(held, ","))
	}
	return `{"type":"record","name":"Top","fields":[` + strings.Join(fields, ",") + `]}`
}

func TestEndlessRecordsAreThoseThatLeadBack(t *testing.T) {
	t.Parallel()
	source := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		n := 1 + source.IntN(8)
		edges := make([][]int, n)
		for i := range edges {
			for range source.IntN(3) {
				edges[i] = append(edges[i], source.IntN(i+1)) // Avro has no use of a name before its definition
			}
		}
		var leads func(from, to int, seen map[int]bool) bool
		leads = func(from, to int, seen map[int]bool) bool {
			if from == to {
				return true
			}
			if seen[from] {
				return false
			}
			seen[from] = true
			for _, next := range edges[from] {
				if leads(next, to, seen) {
					return true
				}
			}
			return false
		}
		text := tangle(n, func(i int) []int { return edges[i] })
		var want []string
		for i := range n {
			for k, target := range edges[i] {
				if leads(target, i, map[int]bool{}) {
					want = append(want, fmt.Sprintf("/fields/%d/type/fields/%d", i, k))
					break
				}
			}
		}
		var got []string
		for _, f := range Check(folder(t, schema.Source{Path: "a.avsc", Text: text}), Config{}) {
			if f.Rule == "ENDLESS_RECORD" {
				got = append(got, f.Pointer)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("%s: %v, want %v", text, got, want)
		}
	}
}

// Two records that hold each other, one nested in the other, are the only circles that Avro lets one write beyond a record in itself.
func TestEndlessRecordsByWayOfAnother(t *testing.T) {
	t.Parallel()
	const text = `{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"b","type":{"type":"record","name":"B","fields":[{"name":"a","type":"A"}]}},{"name":"c","type":{"type":"record","name":"C","fields":[{"name":"b","type":["null","A"]}]}}]}`
	var got []string
	for _, f := range Check(folder(t, schema.Source{Path: "a.avsc", Text: text}), Config{}) {
		if f.Rule == "ENDLESS_RECORD" {
			got = append(got, f.Pointer)
		}
	}
	if strings.Join(got, " ") != "/fields/1 /fields/1/type/fields/0" {
		t.Errorf("%v", got)
	}
}

// 12,000 records took half a minute and 15 GB.
func TestManyRecordsAreLookedAtOnce(t *testing.T) {
	t.Parallel()
	f := folder(t, schema.Source{Path: "a.avsc", Text: tangle(10_000, func(i int) []int { return []int{max(i-1, 0)} })})
	began := time.Now()
	Check(f, Config{})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}
