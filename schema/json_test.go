package schema

import (
	"errors"
	"strings"
	"testing"
)

func TestJSONOfEachType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ schema, in, out string }{
		{`"null"`, `null`, `null`},
		{`"boolean"`, `true`, `true`},
		{`"int"`, `-2147483648`, `-2147483648`},
		{`"int"`, `1e3`, `1000`},
		{`"long"`, `1e18`, `1000000000000000000`},
		{`"long"`, `9007199254740993.0`, `9007199254740993`},
		{`"long"`, `-9.223372036854775808E18`, `-9223372036854775808`},
		{`"long"`, `90071992547409930e-1`, `9007199254740993`},
		{`{"type":"string","logicalType":"uuid"}`, `"no UUID"`, `"no UUID"`},
		{`"long"`, `9223372036854775807`, `9223372036854775807`},
		{`"long"`, `9007199254740993`, `9007199254740993`},
		{`"float"`, `0.1`, `0.1`},
		{`"double"`, `0.1`, `0.1`},
		{`"double"`, `1e300`, `1e+300`},
		{`"double"`, `-0`, `-0`},
		{`"double"`, `"NaN"`, `"NaN"`},
		{`"float"`, `"-Infinity"`, `"-Infinity"`},
		{`"string"`, `"<a & b> \u2028 \" \\ \u0001 é \ud83d\udeb0"`, `"<a & b> \u2028 \" \\ \u0001 é 🚰"`},
		{`"bytes"`, `"\u0000aÿ"`, `"\u0000aÿ"`},
		{fixed("F", 2), `"\u00fe\u00ff"`, `"þÿ"`},
		{enum(`"A","B"`, ""), `"B"`, `"B"`},
		{`{"type":"array","items":"int"}`, `[1,2]`, `[1,2]`},
		{`{"type":"map","values":"int"}`, `{"b":1,"a":2}`, `{"b":1,"a":2}`},
		{record(`{"name":"a","type":"int"},{"name":"b","type":"int","default":7}`), `{"a":1}`, `{"a":1,"b":7}`},
		{`{"type":"int","logicalType":"date"}`, `"1969-12-31"`, `"1969-12-31"`},
		{`{"type":"int","logicalType":"date"}`, `19000`, `"2022-01-08"`},
		{`{"type":"int","logicalType":"date"}`, `2147483647`, `2147483647`},
		{`{"type":"int","logicalType":"time-millis"}`, `"13:04:05.006"`, `"13:04:05.006"`},
		{`{"type":"int","logicalType":"time-millis"}`, `86400000`, `86400000`},
		{`{"type":"long","logicalType":"time-micros"}`, `"00:00:00.000001"`, `"00:00:00.000001"`},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `"2024-02-29T12:00:00+02:00"`, `"2024-02-29T10:00:00Z"`},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `-62135596800001`, `"0000-12-31T23:59:59.999Z"`},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `253402300800000`, `253402300800000`},
		{`{"type":"long","logicalType":"timestamp-micros"}`, `"2024-02-29T10:00:00.000001Z"`, `"2024-02-29T10:00:00.000001Z"`},
		{`{"type":"long","logicalType":"timestamp-nanos"}`, `"2024-02-29T10:00:00.000000001Z"`, `"2024-02-29T10:00:00.000000001Z"`},
		{`{"type":"long","logicalType":"local-timestamp-nanos"}`, `"2024-02-29T10:00:00.000000001"`, `"2024-02-29T10:00:00.000000001"`},
		{`{"type":"long","logicalType":"local-timestamp-micros"}`, `"2024-02-29T10:00:00.5"`, `"2024-02-29T10:00:00.5"`},
		{`{"type":"string","logicalType":"uuid"}`, `"6BA7B810-9dad-11d1-80b4-00c04fd430c8"`, `"6BA7B810-9dad-11d1-80b4-00c04fd430c8"`},
		{`{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}`, `"6BA7B810-9dad-11d1-80b4-00c04fd430c8"`, `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`},
		{`{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, `"-12.5"`, `"-12.50"`},
		{`{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, `12.50`, `"12.50"`},
		{`{"type":"bytes","logicalType":"decimal","precision":38}`, `"99999999999999999999999999999999999999"`, `"99999999999999999999999999999999999999"`},
		{`{"type":"fixed","name":"D","size":4,"logicalType":"decimal","precision":6,"scale":6}`, `"-0.000001"`, `"-0.000001"`},
		{`{"type":"fixed","name":"S","size":12,"logicalType":"duration"}`, `"P1M2DT3.004S"`, `"P1M2DT3.004S"`},
		{`{"type":"fixed","name":"S","size":12,"logicalType":"duration"}`, `"P2D"`, `"P0M2DT0.000S"`},
		{`{"type":"fixed","name":"S","size":12,"logicalType":"duration"}`, `"P4294967295MT4294967.295S"`, `"P4294967295M0DT4294967.295S"`},

		// Unions: bare where the JSON tells the branch, named where it does not.
		{`["null","string"]`, `null`, `null`},
		{`["null","string"]`, `"x"`, `"x"`},
		{`["null","string"]`, `{"string":"x"}`, `"x"`},
		{`["null","int","string","boolean"]`, `{"int":5}`, `5`},
		{`["int","long"]`, `5`, `{"int":5}`},
		{`["int","long"]`, `5000000000`, `{"long":5000000000}`},
		{`["int","long"]`, `{"long":5}`, `{"long":5}`},
		{`["string","bytes"]`, `{"bytes":"a"}`, `{"bytes":"a"}`},
		{`["double","string"]`, `"NaN"`, `"NaN"`},
		{`["double","string"]`, `{"double":"NaN"}`, `{"double":"NaN"}`},
		{`["int",{"type":"long","logicalType":"timestamp-millis"}]`, `5`, `{"int":5}`},
		{`["null",{"type":"long","logicalType":"timestamp-millis"}]`, `"1970-01-01T00:00:00Z"`, `"1970-01-01T00:00:00Z"`},
		{`["null",{"type":"map","values":"int"}]`, `{"a":1}`, `{"a":1}`},
		{`["null",{"type":"map","values":"int"}]`, `{"map":{"map":1}}`, `{"map":{"map":1}}`},
		{`["null",{"type":"record","name":"A","fields":[{"name":"A","type":"int"}]}]`, `{"A":{"A":1}}`, `{"A":{"A":1}}`},
		{`["null",{"type":"record","name":"x.A","fields":[{"name":"f","type":"int"}]}]`, `{"x.A":{"f":1}}`, `{"f":1}`},
		{
			`[{"type":"record","name":"A","fields":[{"name":"f","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"g","type":"int"}]}]`,
			`{"g":1}`, `{"B":{"g":1}}`,
		},
	} {
		s := mustParse(t, c.schema)
		data, err := FromJSON(s, []byte(c.in))
		if err != nil {
			t.Errorf("%s: %s: %v", c.schema, c.in, err)
			continue
		}
		out, err := ToJSON(s, data)
		if err != nil || string(out) != c.out {
			t.Errorf("%s: %s became %s (%v), not %s", c.schema, c.in, out, err, c.out)
		}
		back, err := FromJSON(s, out)
		if err != nil || string(back) != string(data) {
			t.Errorf("%s: %s is %x, and %s is %x (%v)", c.schema, c.in, data, out, back, err)
		}
	}
}

func TestFromJSONNamesTheField(t *testing.T) {
	t.Parallel()
	item := `{"type":"array","items":{"type":"record","name":"Item","fields":[{"name":"price","type":"double"},{"name":"at","type":["null",{"type":"long","logicalType":"timestamp-millis"}]}]}}`
	for _, c := range []struct{ schema, in, path, reason string }{
		{record(`{"name":"items","type":` + item + `}`), `{"items":[{"price":1,"at":null},{"price":"x","at":null}]}`, "/items/1/price", "needs a number, not a string"},
		{record(`{"name":"items","type":` + item + `}`), `{"items":[{"price":1}]}`, "/items/0/at", "missing"},
		{record(`{"name":"items","type":` + item + `}`), `{"items":[{"price":1,"at":null,"b":2}]}`, "/items/0/b", "no such field"},
		{record(`{"name":"items","type":` + item + `}`), `{"items":[{"price":1,"at":"soon"}]}`, "/items/0/at", "timestamp-millis like"},
		{record(`{"name":"items","type":` + item + `}`), `{"items":[{"price":1,"at":true}]}`, "/items/0/at", "fits no branch"},
		{record(`{"name":"items","type":` + item + `}`), `{"items":[{"price":1,"at":{"long":"x"}}]}`, "/items/0/at/long", "timestamp"},
		{record(`{"name":"items","type":` + item + `}`), `{"items":7}`, "/items", "an array, not a number"},
		{record(``), `[]`, "", "an object, not an array"},
		{`{"type":"map","values":"int"}`, `{"k":1.5}`, "/k", "1.5"},
		{`{"type":"map","values":"int"}`, `{"k":2147483648}`, "/k", "fit an int"},
		{`"long"`, `9223372036854775808`, "", "9223372036854775808"},
		{`"long"`, `1e400`, "", "1e400"},
		{`"float"`, `1e39`, "", "beyond a float"},
		{`"double"`, `"infinite"`, "", "needs a number"},
		{`"bytes"`, `"\u0100"`, "", "0 to 255"},
		{fixed("F", 2), `"abc"`, "", "2 bytes, not 3"},
		{enum(`"A"`, ""), `"B"`, "", "no symbol"},
		{`"null"`, `0`, "", "null is needed"},
		{`"boolean"`, `"true"`, "", "true or false"},
		{`"string"`, `"a" "b"`, "", "not JSON"},
		{`"string"`, `"a`, "", "not JSON"},
		{`"string"`, ``, "", "ends too early"},
		{`"string"`, "\"\xff\"", "", "UTF-8"},
		{record(`{"name":"a","type":"int"}`), `{"a":1,"a":2}`, "", "twice"},
		{`{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}`, `"x"`, "", "UUID"},
		{`"long"`, `1e19`, "", "not a number that long can hold"},
		{`"long"`, `1e-1000000000`, "", "not a number that long can hold"},
		{`"long"`, `1.5`, "", "not a number that long can hold"},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, `"1.234"`, "", "decimal places"},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, `"100"`, "", "4 digits"},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, `"1e999999999"`, "", "not a decimal"},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, `"1/3"`, "", "not a decimal"},
		{`{"type":"int","logicalType":"date"}`, `"2024-02-30"`, "", "date like"},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `"2024-02-28T00:00:00.0001Z"`, "", "finer"},
		{`{"type":"long","logicalType":"timestamp-nanos"}`, `"1600-01-01T00:00:00Z"`, "", "beyond"},
		{`{"type":"fixed","name":"S","size":12,"logicalType":"duration"}`, `"1 day"`, "", "duration like"},
		{`{"type":"fixed","name":"S","size":12,"logicalType":"duration"}`, `"P4294967296M"`, "", "duration like"},
		{listSchema, strings.Repeat(`{"next":`, 200) + "null" + strings.Repeat("}", 200), strings.Repeat("/next", MaxDepth), "deeper"},
		{`"string"`, strings.Repeat("[", 100_000), "", "deeper"},
	} {
		data, err := FromJSON(mustParse(t, c.schema), []byte(c.in))
		var bad *JSONError
		if !errors.As(err, &bad) || bad.Path != c.path || !strings.Contains(bad.Reason, c.reason) {
			t.Errorf("%s: %.100s: %x, %.300v", c.schema, c.in, data, err)
		}
	}
}

func TestToJSONRefusesBadData(t *testing.T) {
	t.Parallel()
	var bad *DataError
	if _, err := ToJSON(mustParse(t, `"string"`), []byte{4, 'x'}); !errors.As(err, &bad) {
		t.Error(err)
	}
	if _, err := ToJSON(mustParse(t, doubling(40)), nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), "more JSON") {
		t.Errorf("%.300v", err)
	}
}

func TestTaggedJSONNamesEveryBranch(t *testing.T) {
	t.Parallel()
	s := mustParse(t, record(`{"name":"a","type":["null","string"]},{"name":"b","type":["null","int"]},{"name":"c","type":["long","string"]}`))
	body, err := FromJSON(s, []byte(`{"a":"x","b":null,"c":7}`))
	if err != nil {
		t.Fatal(err)
	}
	for want, render := range map[string]func(*Schema, []byte) ([]byte, error){
		`{"a":"x","b":null,"c":7}`:                     ToJSON,
		`{"a":{"string":"x"},"b":null,"c":{"long":7}}`: ToTaggedJSON,
	} {
		if got, err := render(s, body); err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}
