package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// draw makes a value of a shape, as JSON has it.
func draw(t *rapid.T, s *shape) any {
	switch s.kind {
	case objectPart:
		object := map[string]any{}
		for _, f := range s.fields {
			if !f.secret && (f.required || rapid.IntRange(0, 3).Draw(t, f.name) == 0) {
				object[f.name] = draw(t, f.shape)
			}
		}
		if s.open != nil && rapid.Bool().Draw(t, "open") {
			object["quite.another.setting"] = 7
		}
		return object
	case dictPart:
		dict := map[string]any{}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 2).Draw(t, "names") {
			dict[name] = draw(t, s.items)
		}
		return dict
	case listPart:
		list := []any{}
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			list = append(list, draw(t, s.items))
		}
		return list
	case eitherPart:
		return draw(t, rapid.SampledFrom(s.either).Draw(t, "either"))
	case boolPart:
		return rapid.Bool().Draw(t, "flag")
	case numberPart:
		return rapid.IntRange(s.minimum, 100).Draw(t, "number")
	case scalarPart:
		if s.choices == nil {
			return rapid.SampledFrom([]any{"x", 3, 2.5, true}).Draw(t, "scalar")
		}
	case textPart:
	}
	if s.choices != nil {
		return rapid.SampledFrom(s.choices).Draw(t, "choice")
	}
	return rapid.SampledFrom([]string{"x", "7d", "true", "12"}).Draw(t, "text")
}

// spoil changes one place of a value, most of the time into something that is wrong there.
func spoil(t *rapid.T, value any) any {
	switch v := value.(type) {
	case map[string]any:
		if len(v) > 0 && rapid.IntRange(0, 4).Draw(t, "deeper") > 0 {
			name := rapid.SampledFrom(sorted(v)).Draw(t, "field")
			if rapid.IntRange(0, 5).Draw(t, "drop") == 0 {
				delete(v, name)
			} else {
				v[name] = spoil(t, v[name])
			}
			return v
		}
		if rapid.Bool().Draw(t, "extra") {
			v[rapid.SampledFrom([]string{"zebra", "password", "<<"}).Draw(t, "name")] = "x"
			return v
		}
	case []any:
		if len(v) > 0 && rapid.IntRange(0, 4).Draw(t, "deeper") > 0 {
			i := rapid.IntRange(0, len(v)-1).Draw(t, "item")
			v[i] = spoil(t, v[i])
			return v
		}
	}
	return rapid.SampledFrom([]any{nil, "zebra", -1, 0, 2.5, true, []any{}, map[string]any{}, []any{nil}}).Draw(t, "spoilt")
}

func sorted(m map[string]any) []string {
	var names []string
	for _, f := range layout().fields { // any fixed order will do; most names are those of fields
		if _, ok := m[f.name]; ok {
			names = append(names, f.name)
		}
	}
	for name := range m {
		if len(m) == 1 || len(names) == 0 {
			return append(names, name)
		}
	}
	return names
}

func TestJSONSchemaAndStrictReaderAgree(t *testing.T) {
	t.Parallel()
	text, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("headrace.json", bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("headrace.json")
	if err != nil {
		t.Fatal(err)
	}
	good, bad := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		value := draw(t, layout())
		for range rapid.IntRange(0, 2).Draw(t, "spoilt") {
			value = spoil(t, value)
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var document yaml.Node
		if err := yaml.Unmarshal(text, &document); err != nil { // JSON is YAML
			t.Fatal(err)
		}
		m := &mistakes{file: "headrace.yaml"}
		m.check(document.Content[0], layout(), "the file")
		var plain any
		if err := json.Unmarshal(text, &plain); err != nil {
			t.Fatal(err)
		}
		verdict := compiled.Validate(plain)
		if (verdict == nil) != (len(m.list) == 0) {
			t.Fatalf("%s\nthe reader says %v, the JSON Schema %v", text, m.err(), verdict)
		}
		if verdict == nil {
			good++
		} else {
			bad++
		}
	})
	if good == 0 || bad == 0 {
		t.Errorf("%d files are right and %d wrong: the test looked at one side only", good, bad)
	}
}

func TestSettingsReadBackFromHumanUnits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(settings()).Draw(t, "setting")
		var value string
		switch s.kind {
		case boolValue:
			value = fmt.Sprint(rapid.Bool().Draw(t, "value"))
		case ratioValue:
			value = fmt.Sprint(rapid.Float64Range(0, 1).Draw(t, "value"))
		case textValue, listValue:
			value = "x"
			if s.choices != nil {
				value = rapid.SampledFrom(s.choices).Draw(t, "value")
			}
		default:
			value = fmt.Sprint(rapid.OneOf(rapid.Int64Range(-2, 100), rapid.Int64Min(-5),
				rapid.Map(rapid.Int64Range(0, 1000), func(n int64) int64 { return n * 3_600_000 }),
				rapid.Map(rapid.Int64Range(0, 1000), func(n int64) int64 { return n << 20 })).Draw(t, "value"))
		}
		name, human := ShortSetting(s.name, value)
		found, ok := findSetting(name)
		if !ok || found.name != s.name {
			t.Fatalf("%s became %s", s.name, name)
		}
		back, err := found.kafkaValue(human, name == s.name)
		if err != nil || back != value {
			t.Fatalf("%s=%s is written %s: %s and read back as %q, %v", s.name, value, name, human, back, err)
		}
	})
}
