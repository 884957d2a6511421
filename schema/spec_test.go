package schema

import (
	"testing"
	"time"
)

// named is a record under a name of its own.
func named(name, more, fields string) string {
	return `{"type":"record","name":"` + name + `",` + more + `"fields":[` + fields + `]}`
}

// specification has the sentences of the Avro specification's "Schema Resolution" one by one, with schemas for which they
// decide. in is written with the writer's schema and read as out; an out of "" is refused, and with broken set no value at all can be.
var specification = []struct {
	sentence       string
	writer, reader string
	in, out        string
	broken         bool
}{
	// "It is an error if the two schemas do not match. To match, one of the following must hold:"
	{"both schemas are arrays whose item types match", `{"type":"array","items":"int"}`, `{"type":"array","items":"long"}`, `[1]`, `[1]`, false},
	{"both schemas are arrays whose item types match", `{"type":"array","items":"string"}`, `{"type":"array","items":"long"}`, `["a"]`, ``, true},
	{"both schemas are maps whose value types match", `{"type":"map","values":"float"}`, `{"type":"map","values":"double"}`, `{"a":0.5}`, `{"a":0.5}`, false},
	{"both schemas are maps whose value types match", `{"type":"map","values":"double"}`, `{"type":"map","values":"float"}`, `{"a":0.5}`, ``, true},
	{"both schemas are enums whose (unqualified) names match", `{"type":"enum","name":"a.E","symbols":["X"]}`, `{"type":"enum","name":"b.E","symbols":["X"]}`, `"X"`, `"X"`, false},
	{"both schemas are enums whose (unqualified) names match", `{"type":"enum","name":"E","symbols":["X"]}`, `{"type":"enum","name":"G","symbols":["X"]}`, `"X"`, ``, true},
	{"both schemas are fixed whose sizes and (unqualified) names match", `{"type":"fixed","name":"a.F","size":2}`, `{"type":"fixed","name":"b.F","size":2}`, `"ab"`, `"ab"`, false},
	{"both schemas are fixed whose sizes and (unqualified) names match", `{"type":"fixed","name":"F","size":2}`, `{"type":"fixed","name":"F","size":3}`, `"ab"`, ``, true},
	{"both schemas are fixed whose sizes and (unqualified) names match", `{"type":"fixed","name":"F","size":2}`, `{"type":"fixed","name":"G","size":2}`, `"ab"`, ``, true},
	{"both schemas are records with the same (unqualified) name", named("a.R", "", ""), named("b.R", "", ""), `{}`, `{}`, false},
	{"both schemas are records with the same (unqualified) name", named("R", "", ""), named("S", "", ""), `{}`, ``, true},
	{"either schema is a union", `"int"`, `["null","int"]`, `1`, `1`, false},
	{"either schema is a union", `["int"]`, `"int"`, `1`, `1`, false},
	{"both schemas have same primitive type", `"boolean"`, `"boolean"`, `true`, `true`, false},
	{"both schemas have same primitive type", `"boolean"`, `"int"`, `true`, ``, true},
	{"both schemas have same primitive type", `"null"`, `"null"`, `null`, `null`, false},
	{"int is promotable to long, float, or double", `"int"`, `"long"`, `-3`, `-3`, false},
	{"int is promotable to long, float, or double", `"int"`, `"float"`, `-3`, `-3`, false},
	{"int is promotable to long, float, or double", `"int"`, `"double"`, `-3`, `-3`, false},
	{"int is promotable to long, float, or double", `"long"`, `"int"`, `1`, ``, true},
	{"long is promotable to float or double", `"long"`, `"float"`, `4096`, `4096`, false},
	{"long is promotable to float or double", `"long"`, `"double"`, `4096`, `4096`, false},
	{"long is promotable to float or double", `"float"`, `"long"`, `1`, ``, true},
	{"float is promotable to double", `"float"`, `"double"`, `0.25`, `0.25`, false},
	{"float is promotable to double", `"double"`, `"float"`, `0.25`, ``, true},
	{"string is promotable to bytes", `"string"`, `"bytes"`, `"ab"`, `"ab"`, false},
	{"bytes is promotable to string", `"bytes"`, `"string"`, `"ab"`, `"ab"`, false},
	{"bytes is promotable to string", `"string"`, `"int"`, `"1"`, ``, true},

	// "if both are records:"
	{
		"the ordering of fields may be different: fields are matched by name",
		record(`{"name":"a","type":"int"},{"name":"b","type":"string"}`), record(`{"name":"b","type":"string"},{"name":"a","type":"int"}`), `{"a":1,"b":"x"}`, `{"b":"x","a":1}`, false,
	},
	{
		"schemas for fields with the same name in both records are resolved recursively",
		record(`{"name":"a","type":` + named("S", "", `{"name":"x","type":"int"}`) + `}`), record(`{"name":"a","type":` + named("S", "", `{"name":"x","type":"double"}`) + `}`), `{"a":{"x":1}}`, `{"a":{"x":1}}`, false,
	},
	{
		"if the writer's record contains a field with a name not present in the reader's record, the writer's value for that field is ignored",
		record(`{"name":"gone","type":{"type":"map","values":["null","bytes"]}},{"name":"a","type":"int"}`), record(`{"name":"a","type":"int"}`), `{"gone":{"k":null},"a":1}`, `{"a":1}`, false,
	},
	{
		"if the reader's record schema has a field that contains a default value, and writer's schema does not have a field with the same name, then the reader should use the default value from its field",
		record(``), record(`{"name":"a","type":"int","default":7}`), `{}`, `{"a":7}`, false,
	},
	{
		"if the reader's record schema has a field with no default value, and writer's schema does not have a field with the same name, an error is signalled",
		record(``), record(`{"name":"a","type":["null","int"]}`), `{}`, ``, true,
	},

	// "if both are enums:"
	{
		"if the writer's symbol is not present in the reader's enum and the reader has a default value, then that value is used",
		enum(`"A","B"`, ""), enum(`"A"`, "A"), `"B"`, `"A"`, false,
	},
	{"otherwise an error is signalled", enum(`"A","B"`, "A"), enum(`"A"`, ""), `"B"`, ``, true},
	{"otherwise an error is signalled", enum(`"A"`, ""), enum(`"B","A"`, ""), `"A"`, `"A"`, false},

	// "if both are unions:"
	{
		"The first schema in the reader's union that matches the selected writer's union schema is recursively resolved against it",
		`["null","int"]`, `["string","long","null"]`, `3`, `3`, false,
	},
	{"if none match, an error is signalled", `["null","int","string"]`, `["null","int"]`, `{"string":"x"}`, ``, true},
	// "if reader's is a union, but writer's is not"
	{
		"The first schema in the reader's union that matches the writer's schema is recursively resolved against it",
		`"int"`, `["boolean","double","float"]`, `3`, `{"double":3}`, false,
	},
	{"If none match, an error is signalled", `"boolean"`, `["null","int"]`, `true`, ``, true},
	// "if writer's is a union, but reader's is not"
	{"If the reader's schema matches the selected writer's schema, it is recursively resolved against it", `["int","float"]`, `"double"`, `{"float":0.5}`, `0.5`, false},
	{"If they do not match, an error is signalled", `["int","null"]`, `"int"`, `null`, ``, true},

	// "Aliases"
	{
		"a type named \"a.b\" has aliases of \"c\" and \"x.y\", then the fully qualified names of its aliases are \"a.c\" and \"x.y\"",
		named("a.c", "", ""), named("a.b", `"aliases":["c","x.y"],`, ""), `{}`, `{}`, false,
	},
	{
		"a type named \"a.b\" has aliases of \"c\" and \"x.y\", then the fully qualified names of its aliases are \"a.c\" and \"x.y\"",
		named("x.y", "", ""), named("a.b", `"aliases":["c","x.y"],`, ""), `{}`, `{}`, false,
	},
	{
		"a type named \"a.b\" has aliases of \"c\" and \"x.y\", then the fully qualified names of its aliases are \"a.c\" and \"x.y\"",
		named("z.c", "", ""), named("a.b", `"aliases":["c","x.y"],`, ""), `{}`, ``, true,
	},
	{
		"if the writer's schema has a field named \"x\" and the reader's one named \"y\" with alias \"x\", then the implementation would act as though \"x\" were named \"y\" when reading",
		record(`{"name":"x","type":"int"}`), record(`{"name":"y","aliases":["x"],"type":"long"}`), `{"x":1}`, `{"y":1}`, false,
	},
	{
		"aliases are the reader's: those of the writer's schema map nothing",
		record(`{"name":"x","aliases":["y"],"type":"int"}`), record(`{"name":"y","type":"int"}`), `{"x":1}`, ``, true,
	},

	// "Logical Types", "Decimal"
	{
		"two schemas that are decimal logical types match if their scales and precisions match",
		`{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, `{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, `"1.25"`, `"1.25"`, false,
	},
	{
		"two schemas that are decimal logical types match if their scales and precisions match",
		`{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, `{"type":"bytes","logicalType":"decimal","precision":7,"scale":2}`, `"1.25"`, ``, true,
	},
	{
		"two schemas that are decimal logical types match if their scales and precisions match",
		`{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, `{"type":"bytes","logicalType":"decimal","precision":6,"scale":1}`, `"1.25"`, ``, true,
	},
	{
		"implementations must ignore unknown logical types when reading, and should use the underlying Avro type",
		`{"type":"int","logicalType":"shoe-size"}`, `"int"`, `44`, `44`, false,
	},

	// Recursive types: "a record named in its own fields" is the infinite tree that it stands for.
	{
		"schemas for fields with the same name in both records are resolved recursively",
		named("L", "", `{"name":"v","type":"int"},{"name":"next","type":["null","L"]}`), named("L", "", `{"name":"next","type":["null","L"]},{"name":"v","type":"long"}`),
		`{"v":1,"next":{"v":2,"next":null}}`, `{"next":{"next":null,"v":2},"v":1}`, false,
	},
	{
		"schemas for fields with the same name in both records are resolved recursively",
		named("L", "", `{"name":"v","type":"long"},{"name":"next","type":["null","L"]}`), named("L", "", `{"name":"next","type":["null","L"]},{"name":"v","type":"int"}`),
		`{"v":1,"next":null}`, ``, true,
	},

	// "Schema Record", "field default values": the table's rows.
	{"null | null | null", record(``), record(`{"name":"a","type":"null","default":null}`), `{}`, `{"a":null}`, false},
	{"boolean | boolean | true", record(``), record(`{"name":"a","type":"boolean","default":true}`), `{}`, `{"a":true}`, false},
	{"int,long | integer | 1", record(``), record(`{"name":"a","type":"int","default":1},{"name":"b","type":"long","default":9007199254740993}`), `{}`, `{"a":1,"b":9007199254740993}`, false},
	{"float,double | number | 1.1", record(``), record(`{"name":"a","type":"float","default":1.5},{"name":"b","type":"double","default":1}`), `{}`, `{"a":1.5,"b":1}`, false},
	{"bytes | string | \"\\u00FF\"", record(``), record(`{"name":"a","type":"bytes","default":"\u00FF"}`), `{}`, `{"a":"ÿ"}`, false},
	{"string | string | \"foo\"", record(``), record(`{"name":"a","type":"string","default":"foo"}`), `{}`, `{"a":"foo"}`, false},
	{"record | object | {\"a\": 1}", record(``), record(`{"name":"r","type":` + named("S", "", `{"name":"a","type":"int"}`) + `,"default":{"a":1}}`), `{}`, `{"r":{"a":1}}`, false},
	{"enum | string | \"FOO\"", record(``), record(`{"name":"a","type":{"type":"enum","name":"E","symbols":["FOO"]},"default":"FOO"}`), `{}`, `{"a":"FOO"}`, false},
	{"array | array | [1]", record(``), record(`{"name":"a","type":{"type":"array","items":"int"},"default":[1]}`), `{}`, `{"a":[1]}`, false},
	{"map | object | {\"a\": 1}", record(``), record(`{"name":"m","type":{"type":"map","values":"int"},"default":{"a":1}}`), `{}`, `{"m":{"a":1}}`, false},
	{"fixed | string | \"\\u00ff\"", record(``), record(`{"name":"a","type":{"type":"fixed","name":"F","size":1},"default":"\u00ff"}`), `{}`, `{"a":"ÿ"}`, false},
	{"Default values for union fields correspond to the first schema in the union", record(``), record(`{"name":"a","type":["string","null"],"default":"x"}`), `{}`, `{"a":"x"}`, false},
	{"since 1.12: Default values for union fields correspond to the first schema that matches in the union", record(``), record(`{"name":"a","type":["string","null"],"default":null}`), `{}`, `{"a":null}`, false},
	{"since 1.12: Default values for union fields correspond to the first schema that matches in the union", record(``), record(`{"name":"a","type":["null","int","double"],"default":1.5}`), `{}`, `{"a":{"double":1.5}}`, false},
}

// Two records that hold each other are two ways at every level to take a default, 2^200 in all.
func TestDefaultsOfUnionsAreBounded(t *testing.T) {
	t.Parallel()
	both := `["null",{"type":"record","name":"A","fields":[{"name":"f","type":["null","A"]}]},{"type":"record","name":"B","fields":[{"name":"f","type":["A","B"]}]}]`
	value := `7`
	for range 200 {
		value = `{"f":` + value + `}`
	}
	began := time.Now()
	_, err := Parse(record(`{"name":"a","type":` + both + `,"default":` + value + `}`))
	if err == nil || time.Since(began) > time.Minute {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestSchemaResolutionIsTheSpecifications(t *testing.T) {
	t.Parallel()
	for _, c := range specification {
		writer, reader := mustParse(t, c.writer), mustParse(t, c.reader)
		found := Compatible(reader, writer)
		if len(found) > 0 != c.broken {
			t.Errorf("%q: %s read with %s: %v", c.sentence, c.writer, c.reader, found)
		}
		out, problem, err := translated(reader, writer, mustAvro(t, writer, c.in))
		if c.out == "" {
			if err == nil && problem == "" {
				t.Errorf("%q: %s written with %s was read with %s", c.sentence, c.in, c.writer, c.reader)
			}
			continue
		}
		if err != nil || problem != "" {
			t.Errorf("%q: %s written with %s, read with %s: %v%s", c.sentence, c.in, c.writer, c.reader, err, problem)
			continue
		}
		if text, err := ToJSON(reader, out); err != nil || string(text) != c.out {
			t.Errorf("%q: %s written with %s is read with %s as %s (%v), not %s", c.sentence, c.in, c.writer, c.reader, text, err, c.out)
		}
	}
}
