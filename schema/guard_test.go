package schema

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"
)

func record(fields string) string {
	return `{"type":"record","name":"n.R","fields":[` + fields + `]}`
}

// long is a variable-length number, as many bytes as Avro says.
func long(v int64) string { return string(binary.AppendVarint(nil, v)) }

func TestGuardRefuses(t *testing.T) {
	t.Parallel()
	overlong := strings.Repeat("\x80", 10) + "\x00"
	for name, c := range map[string]struct {
		schema string
		data   string
		path   string
		reason string
	}{
		"int above 32 bits":        {`"int"`, long(math.MaxInt32 + 1), "", "fit an int"},
		"int below 32 bits":        {`"int"`, long(math.MinInt32 - 1), "", "fit an int"},
		"long of eleven bytes":     {`"long"`, overlong, "", "longer than an Avro long"},
		"long above 64 bits":       {`"long"`, strings.Repeat("\xff", 9) + "\x02", "", "longer than an Avro long"},
		"boolean of two":           {`"boolean"`, "\x02", "", "neither 0 nor 1"},
		"string of negative size":  {`"string"`, long(-1), "", "negative"},
		"string of MinInt64":       {`"string"`, long(math.MinInt64), "", "negative"},
		"string beyond the data":   {`"string"`, long(1<<62) + "x", "", "ends within"},
		"string not UTF-8":         {`"string"`, long(1) + "\xff", "", "UTF-8"},
		"surrogate in a string":    {`"string"`, long(3) + "\xed\xa0\x80", "", "UTF-8"},
		"long string not UTF-8":    {`"string"`, long(20) + strings.Repeat("a", 19) + "\xc3", "", "UTF-8"},
		"bytes beyond the data":    {`"bytes"`, long(2) + "x", "", "ends within"},
		"enum above its symbols":   {`{"type":"enum","name":"E","symbols":["A","B"]}`, long(2), "", "symbol 2 of an enum that has 2"},
		"enum below":               {`{"type":"enum","name":"E","symbols":["A","B"]}`, long(-1), "", "symbol -1"},
		"nullable above":           {`["null","long"]`, long(2), "", "branch 2"},
		"nullable below":           {`["null","long"]`, long(-1), "", "branch -1"},
		"union above":              {`["long","string","int"]`, long(3), "", "branch 3"},
		"union far above":          {`["null","long"]`, long(1 << 40), "", "branch"},
		"array bomb":               {`{"type":"array","items":"long"}`, long(1 << 62), "", "do not fit"},
		"array of 8 MiB":           {`{"type":"array","items":"long"}`, long(1 << 20), "", "do not fit"},
		"array of MaxInt64":        {`{"type":"array","items":"long"}`, long(math.MaxInt64), "", "do not fit"},
		"array of MinInt64":        {`{"type":"array","items":"long"}`, long(math.MinInt64) + long(0), "", "out of range"},
		"array, negative size":     {`{"type":"array","items":"long"}`, long(-1) + long(-1) + "\x00\x00", "", "longer than the data"},
		"array, size beyond":       {`{"type":"array","items":"long"}`, long(-1) + long(1<<40) + "\x00\x00", "", "longer than the data"},
		"array, size too small":    {`{"type":"array","items":"long"}`, long(-1) + long(0) + "\x00\x00", "", "not as long as it says"},
		"array, size too large":    {`{"type":"array","items":"long"}`, long(-1) + long(2) + "\x00\x00", "", "not as long as it says"},
		"array without end":        {`{"type":"array","items":"long"}`, long(1) + "\x00", "", "ends within"},
		"array of nulls":           {`{"type":"array","items":"null"}`, long(4 << 20), "", "take no bytes"},
		"nulls in many blocks":     {`{"type":"array","items":"null"}`, strings.Repeat(long(1000), 2) + "\x00", "", "take no bytes"},
		"array of empty records":   {`{"type":"array","items":{"type":"record","name":"Z","fields":[]}}`, long(1 << 62), "", "take no bytes"},
		"array of fixed of 0":      {`{"type":"array","items":{"type":"fixed","name":"Z","size":0}}`, long(1 << 30), "", "take no bytes"},
		"map bomb":                 {`{"type":"map","values":"null"}`, long(1 << 62), "", "do not fit"},
		"map of MinInt64":          {`{"type":"map","values":"long"}`, long(math.MinInt64) + long(0), "", "out of range"},
		"map, key beyond the data": {`{"type":"map","values":"null"}`, long(1) + long(100) + "k", "", "key's length"},
		"map, key not UTF-8":       {`{"type":"map","values":"null"}`, long(1) + long(1) + "\xff" + "\x00", "", "UTF-8"},
		"map, key twice":           {`{"type":"map","values":"null"}`, long(2) + long(1) + "k" + long(1) + "k" + "\x00", "/k", "twice"},
		"map, key twice in blocks": {`{"type":"map","values":"null"}`, long(1) + long(1) + "k" + long(1) + long(1) + "k" + "\x00", "/k", "twice"},
		"decimal of no bytes":      {`{"type":"bytes","logicalType":"decimal","precision":4}`, long(0), "", "no bytes"},
		"decimal above":            {`{"type":"bytes","logicalType":"decimal","precision":4}`, long(2) + "\x27\x10", "", "more than 4 digits"},
		"decimal below":            {`{"type":"bytes","logicalType":"decimal","precision":4}`, long(2) + "\xd8\xf0", "", "more than 4 digits"},
		"decimal of 1 MiB":         {`{"type":"bytes","logicalType":"decimal","precision":4}`, long(1<<20) + strings.Repeat("\x7f", 1<<20), "", "more than 4 digits"},
		"fixed decimal above":      {`{"type":"fixed","size":4,"name":"D","logicalType":"decimal","precision":4}`, "\x00\x00\x27\x10", "", "more than 4 digits"},
		"fixed cut":                {`{"type":"fixed","size":4,"name":"D"}`, "abc", "", "ends within"},
		"double cut":               {`"double"`, "1234567", "", "ends within"},
		"trailing byte":            {`"long"`, "\x00\x00", "", "1 bytes follow"},
		"in a field":               {record(`{"name":"a","type":"long"},{"name":"b","type":{"type":"array","items":{"type":"map","values":"boolean"}}}`), "\x00" + long(1) + long(1) + long(1) + "k" + "\x07", "/b/0/k", "neither"},
		"in a branch":              {record(`{"name":"a","type":["null",{"type":"record","name":"S","fields":[{"name":"x","type":"int"}]}]}`), "\x02" + long(1<<40), "/a/x", "fit an int"},
		"over the size limit":      {`"bytes"`, long(MaxValueBytes) + strings.Repeat("x", MaxValueBytes), "", "allowed"},
	} {
		s := mustParse(t, c.schema)
		err := s.Check([]byte(c.data))
		var bad *DataError
		if !errors.As(err, &bad) || bad.Path != c.path || !strings.Contains(bad.Reason, c.reason) || bad.Schema != s.FullName() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGuardTakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, data string }{
		"int at the ends":        {`{"type":"array","items":"int"}`, long(2) + long(math.MinInt32) + long(math.MaxInt32) + "\x00"},
		"long at the ends":       {`{"type":"array","items":"long"}`, long(2) + long(math.MinInt64) + long(math.MaxInt64) + "\x00"},
		"overlong zero":          {`"long"`, "\x80\x00"},
		"block with its size":    {`{"type":"array","items":"long"}`, long(-2) + long(2) + "\x02\x04" + "\x00"},
		"blocks":                 {`{"type":"array","items":"long"}`, long(1) + "\x02" + long(-1) + long(1) + "\x04" + "\x00"},
		"1024 nulls":             {`{"type":"array","items":"null"}`, long(1024) + "\x00"},
		"highest decimal":        {`{"type":"bytes","logicalType":"decimal","precision":4}`, long(2) + "\x27\x0f"},
		"lowest decimal":         {`{"type":"bytes","logicalType":"decimal","precision":4}`, long(2) + "\xd8\xf1"},
		"padded decimal":         {`{"type":"bytes","logicalType":"decimal","precision":4}`, long(5) + "\x00\x00\x00\x27\x0f"},
		"padded low decimal":     {`{"type":"bytes","logicalType":"decimal","precision":4}`, long(5) + "\xff\xff\xff\xd8\xf1"},
		"decimal with sign byte": {`{"type":"bytes","logicalType":"decimal","precision":2}`, long(1) + "\x63"},
		"nothing at all":         {`"null"`, ""},
		"empty record":           {record(``), ""},
		"empty key":              {`{"type":"map","values":"null"}`, long(1) + long(0) + "\x00"},
		"null last":              {`["long","null"]`, "\x02"},
		"many keys":              {`{"type":"map","values":"null"}`, long(100) + manyKeys(100) + "\x00"},
	} {
		if err := mustParse(t, c.schema).Check([]byte(c.data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := []byte(long(101) + manyKeys(100) + long(2) + "99" + "\x00")
	if err := mustParse(t, `{"type":"map","values":"null"}`).Check(twice); err == nil {
		t.Error("key 99 is there twice among a hundred")
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		key := fmt.Sprint(i)
		b.WriteString(long(int64(len(key))) + key)
	}
	return b.String()
}

const listSchema = `{"type":"record","name":"List","fields":[{"name":"next","type":["null","List"]}]}`

func TestGuardBoundsDepth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, open, end string }{
		"records in unions": {listSchema, "\x02", "\x00"},
		"arrays":            {`{"type":"record","name":"T","fields":[{"name":"kids","type":{"type":"array","items":"T"}}]}`, "\x02", "\x00"},
		"maps":              {`{"type":"record","name":"T","fields":[{"name":"kids","type":{"type":"map","values":"T"}}]}`, "\x02\x02k", "\x00"},
	} {
		s := mustParse(t, c.schema)
		deep := []byte(strings.Repeat(c.open, 1_000_000))
		err := s.Check(deep)
		if err == nil || !strings.Contains(err.Error(), "deeper") {
			t.Errorf("%s: a million levels: %.200v", name, err)
		}
	}
	s := mustParse(t, listSchema)
	for depth, ok := range map[int]bool{MaxDepth - 1: true, MaxDepth: false} {
		err := s.Check([]byte(strings.Repeat("\x02", depth) + "\x00"))
		if (err == nil) != ok {
			t.Errorf("%d levels under the first: %v", depth, err)
		}
	}
	// A record that holds itself has no finite value, and no bytes.
	if err := mustParse(t, `{"type":"record","name":"A","fields":[{"name":"a","type":"A"}]}`).Check(nil); err == nil {
		t.Error("a value without end was taken")
	}
}

// doubling is a record in which each type holds the one before twice: 2^n empty records in no bytes.
func doubling(n int) string {
	text := `{"type":"record","name":"E0","fields":[]}`
	for i := 1; i <= n; i++ {
		text = fmt.Sprintf(`{"type":"record","name":"E%d","fields":[{"name":"a","type":%s},{"name":"b","type":"E%d"}]}`, i, text, i-1)
	}
	return text
}

func TestGuardIsNotSlowedByBombs(t *testing.T) {
	// Not in parallel: it reads how much memory the whole process takes.
	for name, c := range map[string]struct{ schema, data string }{
		"nulls":        {`{"type":"array","items":"null"}`, long(1 << 62)},
		"longs":        {`{"type":"array","items":"long"}`, long(1<<62) + strings.Repeat("\x00", 1<<20)},
		"empty blocks": {`{"type":"array","items":"null"}`, strings.Repeat("\x01\x00", 1<<19)},
		"empties":      {doubling(60), ""},
	} {
		s := mustParse(t, c.schema)
		data := []byte(c.data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		_ = s.Check(data)
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s took %s", name, took)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%s took %d bytes of memory", name, n)
		}
	}
}

func TestGuardAllocatesNothing(t *testing.T) {
	s := mustParse(t, order{}.AvroSchema())
	data := orderBytes(t)
	if n := testing.AllocsPerRun(100, func() {
		if err := s.Check(data); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// fuzzSchemas cover every type, logical type, union and recursion.
var fuzzSchemas = []string{
	record(`{"name":"a","type":"long"},{"name":"b","type":"string"},{"name":"c","type":["null","double"]}`),
	record(`{"name":"a","type":{"type":"array","items":{"type":"map","values":["null","int","bytes",{"type":"fixed","name":"F","size":2}]}}}`),
	listSchema,
	`{"type":"record","name":"Tree","fields":[{"name":"v","type":"float"},{"name":"kids","type":{"type":"array","items":"Tree"}},{"name":"by","type":{"type":"map","values":"Tree"}}]}`,
	record(`{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},{"name":"b","type":"boolean"},{"name":"t","type":{"type":"int","logicalType":"date"}}`),
	`{"type":"array","items":{"type":"record","name":"Z","fields":[{"name":"n","type":"null"}]}}`,
}

// FuzzGuard: what the guard passes is rendered without an error, and encodes to the same value again; where the input was in the one
// encoding that this package writes, to the same bytes.
func FuzzGuard(f *testing.F) {
	var schemas []*Schema
	for i, text := range fuzzSchemas {
		s, err := Parse(text)
		if err != nil {
			f.Fatal(err)
		}
		schemas = append(schemas, s)
		for _, seed := range []string{"", "\x00", "\x02\x00", "\x02\x02\x00\x00", long(1 << 40), "\x04\x02k\x00\x00", long(-1) + "\x04\x02\x00\x00"} {
			f.Add(i, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, which int, data []byte) {
		s := schemas[uint(which)%uint(len(schemas))]
		if s.Check(data) != nil {
			return
		}
		text, err := ToJSON(s, data)
		if err != nil {
			t.Fatalf("ToJSON of %x: %v", data, err)
		}
		once, err := FromJSON(s, text)
		if err != nil {
			t.Fatalf("FromJSON of %s: %v", text, err)
		}
		if err := s.Check(once); err != nil {
			t.Fatalf("%x became %x: %v", data, once, err)
		}
		again, err := ToJSON(s, once)
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%s became %s (%v)", text, again, err)
		}
		if len(once) > len(data) {
			t.Fatalf("%x is not the shortest encoding of %x", once, data)
		}
	})
}
