//go:build unix

package schema

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// grows fails when what is measured grows faster than its input: ten times the input may cost thirty times as much, and what is quadratic
// costs a hundred times as much. It goes by the time of the processor and not by the clock, so that a busy machine is no failure.
func grows(t *testing.T, what string, n int, prepare func(n int) (run func())) {
	t.Helper()
	measure := func(n int) (least time.Duration, bytes uint64) {
		run := prepare(n)
		least = math.MaxInt64
		for range 2 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := cpuTime(t)
			run()
			least = min(least, cpuTime(t)-began)
			runtime.ReadMemStats(&after)
			bytes = after.TotalAlloc - before.TotalAlloc
		}
		return least, bytes
	}
	smallTime, smallBytes := measure(n)
	largeTime, largeBytes := measure(10 * n)
	if largeBytes > 30*smallBytes+1<<20 {
		t.Errorf("%s: ten times as much takes %d bytes in place of %d", what, largeBytes, smallBytes)
	}
	if largeTime > 30*smallTime+100*time.Millisecond {
		t.Errorf("%s: ten times as much takes %v in place of %v", what, largeTime, smallTime)
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano())
}

// chained is a text of n records, each with a field of the next one's type.
func chained(n int) string {
	var b strings.Builder
	b.WriteString("[")
	for i := range n {
		next := `"int"`
		if i > 0 {
			next = fmt.Sprintf(`"R%d"`, i-1)
		}
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"type":"record","name":"R%d","fields":[{"name":"f","type":%s}]}`, i, next)
	}
	return b.String() + "]"
}

func enumOf(name, prefix string, n int) string {
	symbols := make([]string, n)
	for i := range symbols {
		symbols[i] = fmt.Sprintf(`"%s%d"`, prefix, i)
	}
	return fmt.Sprintf(`{"type":"enum","name":%q,"symbols":[%s]}`, name, strings.Join(symbols, ","))
}

func wide(n int, field string) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf(`{"name":"%s%d","type":"int"}`, field, i)
	}
	return `{"type":"record","name":"W","fields":[` + strings.Join(fields, ",") + `]}`
}

func parsedText(t *testing.T, text string, refs ...*Schema) *Schema {
	t.Helper()
	s, err := Parse(text, refs...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadingASchemaCostsWhatItsTextIsLong(t *testing.T) {
	grows(t, "references that define the same chain", 150, func(n int) func() {
		a, b := parsedText(t, chained(n)), parsedText(t, chained(n))
		return func() { parsedText(t, `"R0"`, a, b) }
	})
	grows(t, "a chain", 150, func(n int) func() {
		text := chained(n)
		return func() { parsedText(t, text) }
	})
	grows(t, "compatibility of an enum", 1000, func(n int) func() {
		a, b := parsedText(t, enumOf("E", "A", n)), parsedText(t, enumOf("E", "B", n))
		return func() { Compatible(a, b) }
	})
	grows(t, "a difference of enums", 1000, func(n int) func() {
		a, b := parsedText(t, enumOf("E", "A", n)), parsedText(t, enumOf("E", "B", n))
		return func() { Diff(a, b) }
	})
	grows(t, "a difference of records", 1000, func(n int) func() {
		a, b := parsedText(t, wide(n, "a")), parsedText(t, wide(n, "b"))
		return func() { Diff(a, b) }
	})
	grows(t, "a difference of chains", 150, func(n int) func() {
		a, b := parsedText(t, chained(n)), parsedText(t, strings.ReplaceAll(chained(n), `"R`, `"S`))
		return func() { Diff(a, b) }
	})
	grows(t, "compatibility of records", 150, func(n int) func() {
		a, b := parsedText(t, wide(n, "a")), parsedText(t, wide(n, "b"))
		return func() { Compatible(a, b) }
	})
	grows(t, "defaults of an enum", 1500, func(n int) func() {
		fields := make([]string, n)
		for i := range fields {
			fields[i] = fmt.Sprintf(`{"name":"f%d","type":"E","default":"A%d"}`, i, n-1)
		}
		text := `{"type":"record","name":"R","fields":[{"name":"e","type":` + enumOf("E", "A", n) + `},` + strings.Join(fields, ",") + `]}`
		return func() { parsedText(t, text) }
	})
}

func TestRecordsInUnionsAreComparedWithinBounds(t *testing.T) {
	t.Parallel()
	union := func(prefix string) *Schema {
		var branches []string
		for i := range 400 {
			branches = append(branches, strings.Replace(wide(60, prefix), `"W"`, fmt.Sprintf(`"%s%d"`, prefix, i), 1))
		}
		return parsedText(t, "["+strings.Join(branches, ",")+"]")
	}
	found := Compatible(union("a"), union("b"))
	if len(found) != 1 || found[0].Kind != TooComplex {
		t.Errorf("%d reasons, want one that says it is too much", len(found))
	}
}

func TestColumnsCountCharacters(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("é東a", 300) + "\n" + strings.Repeat("日", 500) + "x"
	l := newLocated(text, jsonValue{})
	for offset := range len(text) + 1 {
		if offset < len(text) && text[offset]&0xc0 == 0x80 {
			continue
		}
		before := text[:offset]
		line := before[strings.LastIndexByte(before, '\n')+1:]
		want := Position{Line: 1 + strings.Count(before, "\n"), Column: 1 + len([]rune(line))}
		if got := l.position(offset); got != want {
			t.Fatalf("offset %d is %v, want %v", offset, got, want)
		}
	}
}
