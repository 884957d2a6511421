//go:build unix

package schema

import (
	"fmt"
	"strings"
	"testing"
)

// repeated is n times the text, between commas.
func repeated(text string, n int) string { return strings.Repeat(text+",", n-1) + text }

func TestJSONCostsWhatItIsLong(t *testing.T) {
	encode := func(s *Schema, text string) func() {
		return func() {
			if _, err := FromJSON(s, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	render := func(s *Schema, avro []byte) func() {
		return func() {
			if _, err := ToJSON(s, avro); err != nil {
				t.Fatal(err)
			}
		}
	}
	branches := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"type":"fixed","name":"F%d","size":1}`, i))
		}
		return strings.Join(all, ",")
	}
	grows(t, "values of a union's second branch", 5000, func(n int) func() {
		return encode(parsedText(t, `{"type":"array","items":["int","long"]}`), "["+repeated("4294967296", n)+"]")
	})
	grows(t, "symbols", 1500, func(n int) func() {
		s := parsedText(t, `{"type":"array","items":`+enumOf("E", "A", n)+`}`)
		return encode(s, "["+repeated(fmt.Sprintf(`"A%d"`, n-1), n)+"]")
	})
	grows(t, "members", 1500, func(n int) func() {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"a%d":1`, n-1-i))
		}
		return encode(parsedText(t, wide(n, "a")), "{"+strings.Join(members, ",")+"}")
	})
	grows(t, "maps in a wide union", 1500, func(n int) func() {
		s := parsedText(t, `{"type":"array","items":[`+branches(n)+`,{"type":"map","values":"int"}]}`)
		avro := appendLong(nil, int64(n))
		for range n {
			avro = append(appendLong(avro, int64(n)), 0)
		}
		return render(s, append(avro, 0))
	})
}

// Two records that are told apart by their innermost field only.
func TestJSONThatFitsInManyWaysIsRefused(t *testing.T) {
	t.Parallel()
	const branch = `{"type":"record","name":"A","fields":[{"name":"f","type":["int","A",{"type":"record","name":"B","fields":[{"name":"f","type":["int","A","B"]}]}]}]}`
	s := parsedText(t, branch)
	_, err := FromJSON(s, []byte(strings.Repeat(`{"f":`, 200)+`"x"`+strings.Repeat("}", 200)))
	if err == nil || !strings.Contains(err.Error(), "too many ways") {
		t.Errorf("%.300v", err)
	}
	_, err = Parse(record(`{"name":"a","type":` + branch + `,"default":` + strings.Repeat(`{"f":`, 200) + `"x"` + strings.Repeat("}", 200) + `}`))
	if err == nil || !strings.Contains(err.Error(), "too many ways") {
		t.Errorf("%.300v", err)
	}
}

func TestDefaultsOfJSONAreBounded(t *testing.T) {
	t.Parallel()
	large := `{"type":"record","name":"L","fields":[{"name":"s","type":"string","default":"` + strings.Repeat("x", 500_000) + `"}]}`
	s := parsedText(t, `{"type":"array","items":`+large+`}`)
	if _, err := FromJSON(s, []byte("["+repeated("{}", 10_000)+"]")); err == nil || !strings.Contains(err.Error(), "bytes of Avro") {
		t.Errorf("%.300v", err)
	}
	fields := []string{`{"name":"first","type":` + large + `}`}
	for i := range 10_000 {
		fields = append(fields, fmt.Sprintf(`{"name":"f%d","type":"L","default":{}}`, i))
	}
	if _, err := Parse(record(strings.Join(fields, ","))); err == nil || !strings.Contains(err.Error(), "expands") {
		t.Errorf("%.300v", err)
	}
}

func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	nested := func(namespace, more string, n int) string {
		fields := make([]string, n)
		for i := range fields {
			fields[i] = fmt.Sprintf(`{"name":"f%d","type":{"type":"fixed","name":"F%d","size":1%s}}`, i, i, more)
		}
		return `{"type":"record","name":"R","namespace":"` + namespace + `","fields":[` + strings.Join(fields, ",") + `]}`
	}
	for name, c := range map[string]struct{ text, want string }{
		"a long namespace":   {nested(strings.Repeat("n", 300_000), "", 8000), "over the 1024 allowed"},
		"a namespace, often": {nested(strings.Repeat("n", 1000), "", 10_000), "longer than"},
		"aliases":            {nested(strings.Repeat("n", 1000), `,"aliases":[`+repeated(`"a"`, 100)+`]`, 1000), "longer than"},
		"a long field name":  {wide(1, strings.Repeat("f", 2000)), "over the 1024 allowed"},
		"a long symbol":      {enumOf("E", strings.Repeat("f", 2000), 1), "invalid symbol"},
	} {
		if _, err := Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 2000 {
			t.Errorf("%s: %.300v", name, err)
		}
	}
	parsedText(t, nested(strings.Repeat("n", 1000), "", 1000))
}
