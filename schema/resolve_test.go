package schema

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// evolutions are pairs of a writer's and a reader's schema. out is what the reader gets for in; "" means that the value is refused, and
// broken that the schemas are.
var evolutions = []struct {
	name           string
	writer, reader string
	in, out        string
	kind           Kind // that Compatible reports, "" when none
}{
	{"same", field1(`"long"`), field1(`"long"`), `{"f":1}`, `{"f":1}`, ""},
	{"int to long", field1(`"int"`), field1(`"long"`), `{"f":-7}`, `{"f":-7}`, ""},
	{"int to float", field1(`"int"`), field1(`"float"`), `{"f":7}`, `{"f":7}`, ""},
	{"int to double", field1(`"int"`), field1(`"double"`), `{"f":7}`, `{"f":7}`, ""},
	{"long to float", field1(`"long"`), field1(`"float"`), `{"f":7}`, `{"f":7}`, ""},
	{"long to double", field1(`"long"`), field1(`"double"`), `{"f":7}`, `{"f":7}`, ""},
	{"float to double", field1(`"float"`), field1(`"double"`), `{"f":0.5}`, `{"f":0.5}`, ""},
	{"string to bytes", field1(`"string"`), field1(`"bytes"`), `{"f":"ab"}`, `{"f":"ab"}`, ""},
	{"bytes to string", field1(`"bytes"`), field1(`"string"`), `{"f":"ab"}`, `{"f":"ab"}`, ""},
	{"bytes that are no string", field1(`"bytes"`), field1(`"string"`), `{"f":"\u00ff"}`, "", ""},
	{"long to int", field1(`"long"`), field1(`"int"`), `{"f":7}`, "", TypeMismatch},
	{"double to float", field1(`"double"`), field1(`"float"`), `{"f":7}`, "", TypeMismatch},
	{"string to int", field1(`"string"`), field1(`"int"`), `{"f":"7"}`, "", TypeMismatch},
	{"long becomes a timestamp", field1(`"long"`), field1(`{"type":"long","logicalType":"timestamp-millis"}`), `{"f":0}`, `{"f":"1970-01-01T00:00:00Z"}`, ""},
	{
		"millis read as micros", field1(`{"type":"long","logicalType":"timestamp-millis"}`),
		field1(`{"type":"long","logicalType":"timestamp-micros"}`), `{"f":1}`, "", LogicalTypeMismatch,
	},
	{
		"decimal of another scale", field1(`{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`),
		field1(`{"type":"bytes","logicalType":"decimal","precision":5,"scale":3}`), `{"f":"1.25"}`, "", DecimalMismatch,
	},
	{
		"decimal of another precision", field1(`{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`),
		field1(`{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`), `{"f":"1.25"}`, "", DecimalMismatch,
	},

	{"field added with a default", record(``), record(`{"name":"f","type":"string","default":"x"}`), `{}`, `{"f":"x"}`, ""},
	{"record added with a default", record(``), record(`{"name":"f","type":{"type":"record","name":"S","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":9}]},"default":{"a":1}}`), `{}`, `{"f":{"a":1,"b":9}}`, ""},
	{"exact default", record(``), record(`{"name":"f","type":"long","default":9007199254740993}`), `{}`, `{"f":9007199254740993}`, ""},
	{"bytes default", record(``), record(`{"name":"f","type":"bytes","default":"\u00ff"}`), `{}`, `{"f":"ÿ"}`, ""},
	{"nullable added", record(``), record(`{"name":"f","type":["null","int"],"default":null}`), `{}`, `{"f":null}`, ""},
	{"union default is its first branch", record(``), record(`{"name":"f","type":["int","null"],"default":3}`), `{}`, `{"f":3}`, ""},
	{"array default", record(``), record(`{"name":"f","type":{"type":"array","items":"int"},"default":[1,2]}`), `{}`, `{"f":[1,2]}`, ""},
	{"field added without a default", record(``), record(`{"name":"f","type":"string"}`), `{}`, "", ReaderFieldMissingDefaultValue},
	{
		"field removed", record(`{"name":"gone","type":{"type":"array","items":["null",{"type":"map","values":"string"}]}},{"name":"f","type":"int"}`), field1(`"int"`),
		`{"gone":[null,{"a":"b"}],"f":4}`, `{"f":4}`, "",
	},
	{"fields in another order", record(`{"name":"a","type":"int"},{"name":"b","type":"string"}`), record(`{"name":"b","type":"string"},{"name":"a","type":"int"}`), `{"a":1,"b":"x"}`, `{"b":"x","a":1}`, ""},
	{"field renamed by an alias", record(`{"name":"old","type":"int"}`), record(`{"name":"new","aliases":["old"],"type":"int"}`), `{"old":5}`, `{"new":5}`, ""},
	{
		"a name wins over an alias", record(`{"name":"a","type":"int"},{"name":"b","type":"int"}`),
		record(`{"name":"b","type":"int"},{"name":"c","aliases":["b","a"],"type":"int"}`), `{"a":1,"b":2}`, `{"b":2,"c":1}`, "",
	},
	{"field renamed without an alias", record(`{"name":"old","type":"int"}`), record(`{"name":"new","type":"int"}`), `{"old":5}`, "", ReaderFieldMissingDefaultValue},
	{"record renamed", `{"type":"record","name":"n.Old","fields":[]}`, `{"type":"record","name":"n.New","fields":[]}`, `{}`, "", NameMismatch},
	{"record renamed by an alias", `{"type":"record","name":"n.Old","fields":[]}`, `{"type":"record","name":"n.New","aliases":["Old"],"fields":[]}`, `{}`, `{}`, ""},
	{"record in another namespace", `{"type":"record","name":"a.R","fields":[]}`, `{"type":"record","name":"b.R","fields":[]}`, `{}`, `{}`, ""},

	{"enum of other order", field1(enum(`"A","B"`, "")), field1(enum(`"B","A"`, "")), `{"f":"A"}`, `{"f":"A"}`, ""},
	{"enum grown", field1(enum(`"A","B"`, "")), field1(enum(`"A","B","C"`, "")), `{"f":"B"}`, `{"f":"B"}`, ""},
	{"enum shrunk, default", field1(enum(`"A","B"`, "")), field1(enum(`"A"`, "A")), `{"f":"B"}`, `{"f":"A"}`, ""},
	{"enum shrunk, symbol kept", field1(enum(`"A","B"`, "")), field1(enum(`"A"`, "")), `{"f":"A"}`, `{"f":"A"}`, MissingEnumSymbols},
	{"enum shrunk, symbol gone", field1(enum(`"A","B"`, "")), field1(enum(`"A"`, "")), `{"f":"B"}`, "", MissingEnumSymbols},

	{"fixed", field1(fixed("F", 2)), field1(fixed("F", 2)), `{"f":"ab"}`, `{"f":"ab"}`, ""},
	{"fixed of another size", field1(fixed("F", 2)), field1(fixed("F", 3)), `{"f":"ab"}`, "", FixedSizeMismatch},
	{"fixed of another name", field1(fixed("F", 2)), field1(fixed("G", 2)), `{"f":"ab"}`, "", NameMismatch},

	{"made nullable", field1(`"int"`), field1(`["null","int"]`), `{"f":3}`, `{"f":3}`, ""},
	{"made a nullable long", field1(`"int"`), field1(`["null","long"]`), `{"f":3}`, `{"f":3}`, ""},
	{"not nullable any more", field1(`["null","int"]`), field1(`"int"`), `{"f":3}`, `{"f":3}`, TypeMismatch},
	{"not nullable any more, null", field1(`["null","int"]`), field1(`"int"`), `{"f":null}`, "", TypeMismatch},
	{"null at the other end", field1(`["null","int"]`), field1(`["int","null"]`), `{"f":null}`, `{"f":null}`, ""},
	{"union widened", field1(`["null","int"]`), field1(`["null","string","long"]`), `{"f":3}`, `{"f":3}`, ""},
	{"union narrowed, branch kept", field1(`["null","int","string"]`), field1(`["null","int"]`), `{"f":3}`, `{"f":3}`, MissingUnionBranch},
	{"union narrowed, branch gone", field1(`["null","int","string"]`), field1(`["null","int"]`), `{"f":"x"}`, "", MissingUnionBranch},
	{"exact branch before a promotion", field1(`"int"`), field1(`["double","int"]`), `{"f":3}`, `{"f":{"int":3}}`, ""},
	{"no branch at all", field1(`"boolean"`), field1(`["null","int"]`), `{"f":true}`, "", MissingUnionBranch},
	{
		"the branch of the same name", field1(`{"type":"record","name":"B","fields":[{"name":"x","type":"int"}]}`),
		field1(`[{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"x","type":"long"}]}]`),
		`{"f":{"x":1}}`, `{"f":{"n.B":{"x":1}}}`, "",
	},
	{"items promoted", field1(`{"type":"array","items":"int"}`), field1(`{"type":"array","items":"double"}`), `{"f":[1,2]}`, `{"f":[1,2]}`, ""},
	{"values promoted", field1(`{"type":"map","values":"int"}`), field1(`{"type":"map","values":["null","long"]}`), `{"f":{"a":1}}`, `{"f":{"a":1}}`, ""},
	{"array to map", field1(`{"type":"array","items":"int"}`), field1(`{"type":"map","values":"int"}`), `{"f":[]}`, "", TypeMismatch},
}

func field1(typ string) string { return record(`{"name":"f","type":` + typ + `}`) }

func enum(symbols, def string) string {
	if def != "" {
		def = `,"default":"` + def + `"`
	}
	return `{"type":"enum","name":"E","symbols":[` + symbols + `]` + def + `}`
}

func fixed(name string, size int) string {
	return `{"type":"fixed","name":"` + name + `","size":` + string(rune('0'+size)) + `}`
}

func TestEvolution(t *testing.T) {
	t.Parallel()
	for _, c := range evolutions {
		writer, reader := mustParse(t, c.writer), mustParse(t, c.reader)
		var kinds []string
		for _, p := range Compatible(reader, writer) {
			kinds = append(kinds, string(p.Kind))
		}
		if strings.Join(kinds, ",") != string(c.kind) {
			t.Errorf("%s: Compatible says %v, not %q", c.name, kinds, c.kind)
		}
		out, err := translate(reader, writer, mustAvro(t, writer, c.in))
		if c.out == "" {
			if err == nil || errors.Is(err, errTranslation) {
				t.Errorf("%s: %s was read (%v)", c.name, c.in, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if text, err := ToJSON(reader, out); err != nil || string(text) != c.out {
			t.Errorf("%s: %s is read as %s (%v), not %s", c.name, c.in, text, err, c.out)
		}
	}
}

// hamba's comparison answers wrongly when several goroutines share it; ours has nothing to share.
func TestEvolutionConcurrently(t *testing.T) {
	t.Parallel()
	type parsed struct{ reader, writer *Schema }
	pairs := make([]parsed, len(evolutions))
	for i, c := range evolutions {
		pairs[i] = parsed{mustParse(t, c.reader), mustParse(t, c.writer)}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				for i, c := range evolutions {
					if found := Compatible(pairs[i].reader, pairs[i].writer); (len(found) == 0) != (c.kind == "") {
						t.Errorf("%s: %v", c.name, found)
					}
				}
			}
		})
	}
	wg.Wait()
}

type nodeV1 struct {
	Value int32   `avro:"value"`
	Next  *nodeV1 `avro:"next"`
}

func (nodeV1) AvroSchema() string {
	return `{"type":"record","name":"Node","fields":[{"name":"value","type":"int"},{"name":"next","type":["null","Node"]}]}`
}

type nodeV2 struct {
	Next  *nodeV2           `avro:"next"`
	Note  string            `avro:"note"`
	Value int64             `avro:"value"`
	Kids  []nodeV2          `avro:"kids"`
	By    map[string]nodeV2 `avro:"by"`
}

func (nodeV2) AvroSchema() string {
	return `{"type":"record","name":"Node","fields":[{"name":"next","type":["null","Node"]},{"name":"note","type":"string","default":"none"},{"name":"value","type":"long"},
	{"name":"kids","type":{"type":"array","items":"Node"},"default":[]},{"name":"by","type":{"type":"map","values":"Node"},"default":{}}]}`
}

// hamba's resolver recurses on these until the process dies.
func TestRecursiveSchemasResolve(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[nodeV1]()
	if err != nil {
		t.Fatal(err)
	}
	data, err := enc.Append(nil, &nodeV1{Value: 1, Next: &nodeV1{Value: 2, Next: &nodeV1{Value: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder[nodeV2](nil)
	if err != nil {
		t.Fatal(err)
	}
	var got nodeV2
	if err := dec.DecodeFrom(enc.Schema(), data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Value != 1 || got.Next.Value != 2 || got.Next.Next.Value != 3 || got.Next.Next.Next != nil || got.Next.Note != "none" || got.Kids == nil {
		t.Errorf("%+v", got)
	}
	back, err := NewDecoder[nodeV1](nil)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := NewEncoder[nodeV2]()
	if err != nil {
		t.Fatal(err)
	}
	if data, err = wide.Append(nil, &nodeV2{By: map[string]nodeV2{"a": {Kids: []nodeV2{{}}}}}); err != nil {
		t.Fatal(err)
	}
	var narrow nodeV1
	if err := back.DecodeFrom(wide.Schema(), data, &narrow); err == nil || !strings.Contains(err.Error(), "TYPE_MISMATCH at /fields/0/type") {
		t.Errorf("long read as int: %v", err)
	}
	if found := Compatible(wide.Schema(), enc.Schema()); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

func TestDataThatHoldsItselfIsRefused(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[nodeV1]()
	if err != nil {
		t.Fatal(err)
	}
	loop := &nodeV1{}
	loop.Next = loop
	if _, err := enc.Append(nil, loop); err == nil || !strings.Contains(err.Error(), "deeper") {
		t.Errorf("%.200v", err)
	}
	chain := &nodeV1{}
	for range MaxDepth - 1 {
		chain = &nodeV1{Next: chain}
	}
	data, err := enc.Append(nil, chain)
	if err != nil {
		t.Fatal(err)
	}
	if err := enc.Schema().Check(data); err != nil {
		t.Errorf("what was written is not read: %v", err)
	}
}

type (
	left struct {
		Right *right `avro:"right"`
		X     int32  `avro:"x"`
	}
	right struct {
		Left *left `avro:"left"`
	}
	leftOrRight struct {
		Left  *left  `avro:"Left"`
		Right *right `avro:"Right"`
	}
	holder struct {
		F leftOrRight `avro:"f"`
	}
)

func leftAndRight(x string) string {
	return field1(`[{"type":"record","name":"Left","fields":[{"name":"right","type":["null",{"type":"record","name":"Right","fields":[{"name":"left","type":["null","Left"]}]}]},{"name":"x","type":"` + x + `"}]},"Right"]`)
}

func (holder) AvroSchema() string { return leftAndRight("int") }

// Left cannot be read, Right can, and Right may hold a Left: an error of that value, and no other.
func TestBranchThatCannotBeReadWithinOneThatCan(t *testing.T) {
	t.Parallel()
	dec, err := NewDecoder[holder](nil)
	if err != nil {
		t.Fatal(err)
	}
	writer := mustParse(t, leftAndRight("string"))
	var got holder
	if err := dec.DecodeFrom(writer, mustAvro(t, writer, `{"f":{"n.Right":{"left":null}}}`), &got); err != nil || got.F.Right == nil {
		t.Errorf("%+v, %v", got, err)
	}
	for _, in := range []string{`{"f":{"n.Right":{"left":{"right":null,"x":"1"}}}}`, `{"f":{"n.Left":{"right":null,"x":"1"}}}`} {
		err := dec.DecodeFrom(writer, mustAvro(t, writer, in), &got)
		if err == nil || strings.Contains(err.Error(), "panicked") || !strings.Contains(err.Error(), "cannot be read from the writer's string") {
			t.Errorf("%s: %v", in, err)
		}
	}
}
