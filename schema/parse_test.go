package schema

import "testing"

func mustParse(t testing.TB, text string, refs ...*Schema) *Schema {
	t.Helper()
	s, err := Parse(text, refs...)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return s
}

func TestQuick(t *testing.T) {
	s := mustParse(t, `{"type":"record","name":"a.B","fields":[{"name":"x","type":"long"},{"name":"n","type":["null","B"],"default":null},{"name":"ts","type":{"type":"long","logicalType":"timestamp-nanos"}},{"name":"m","type":{"type":"map","values":"bytes"}},{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"default":"\u0001"}]}`)
	t.Log(s.Canonical())
	b, err := FromJSON(s, []byte(`{"x":9007199254740993,"n":{"x":1,"ts":5,"m":{}},"ts":"2024-01-01T00:00:00.123456789Z","m":{"a":"\u00ff"},"d":"-12.50"}`))
	if err != nil {
		t.Fatal(err)
	}
	j, err := ToJSON(s, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", j)
	for i := range b {
		if s.Check(b[:i]) == nil {
			t.Errorf("prefix %d accepted", i)
		}
	}
	_, err = FromJSON(s, []byte(`{"x":1,"ts":1,"m":{"k":3}}`))
	t.Log(err)
}
