package schema

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

// written is what registries hold that check no defaults. Lists of symbols without a valid default are from registries in other languages.
const written = `{"type":"record","name":"shop.Order","fields":[{"name":"note","type":"string","default":null},
	{"name":"size","type":{"type":"enum","name":"Size","symbols":["S","L"],"default":"XL"}}]}`

func parseWritten(t *testing.T) *Schema {
	t.Helper()
	s, err := ParseWriter(written)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Defaults of the writer play no part in reading (Avro specification, "Schema Resolution").
func TestWritersSchemaMayHaveInvalidDefaults(t *testing.T) {
	t.Parallel()
	writer := parseWritten(t)
	mended := mustParse(t, strings.NewReplacer(`null}`, `""}`, `"XL"`, `"S"`).Replace(written))
	body, err := FromJSON(writer, []byte(`{"note":"n","size":"L"}`))
	if err != nil {
		t.Fatal(err)
	}
	translator, err := NewTranslator(mended, writer)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := translator.Append(nil, body); err != nil || string(got) != string(body) {
		t.Errorf("translated to %x, %v; it was %x", got, err, body)
	}
	if found := append(Compatible(mended, writer), Compatible(writer, mended)...); len(found) > 0 {
		t.Errorf("incompatible: %+v", found)
	}
}

// A default that is not valid is none, wherever one is needed, and whoever needs it learns why.
func TestInvalidDefaultIsNoDefault(t *testing.T) {
	t.Parallel()
	invalid := parseWritten(t)
	const noteWrong, sizeWrong = "string needs a string, not null", `the default "XL" is none of the symbols of enum shop.Size`
	if _, err := FromJSON(invalid, []byte(`{"size":"L"}`)); err == nil || !strings.Contains(err.Error(), "/fields/0/default is not valid: ") {
		t.Errorf("an event without the field: %v", err)
	}
	lacks := mustParse(t, `{"type":"record","name":"shop.Order","fields":[{"name":"size","type":{"type":"enum","name":"Size","symbols":["S","M"]}}]}`)
	_, err := NewTranslator(invalid, lacks)
	if err == nil || !strings.Contains(err.Error(), "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/0: ") || !strings.Contains(err.Error(), noteWrong) {
		t.Errorf("a reader with an invalid default: %v", err)
	}
	var found []string
	for _, i := range Compatible(invalid, lacks) {
		found = append(found, i.Message)
	}
	if got := strings.Join(found, "\n"); !strings.Contains(got, noteWrong) || !strings.Contains(got, sizeWrong) {
		t.Errorf("incompatible because of %s", got)
	}
	var bad *InvalidSchemaError
	if _, err := Parse(written); !errors.As(err, &bad) || bad.Path != "/fields/1/type/default" || bad.Position == (Position{}) {
		t.Errorf("parsed for writing: %v", err)
	}
	// A default of one's own that needs another's is not valid either.
	uses := `{"type":"record","name":"shop.Cart","fields":[{"name":"order","type":"shop.Order","default":{"size":"S"}}]}`
	if _, err := Parse(uses, invalid); !errors.As(err, &bad) || bad.Path != "/fields/0/default" {
		t.Errorf("a default made of an invalid one: %v", err)
	}
}

// However many defaults take a long one from another, all of them together are bounded, valid or not.
func TestDefaultsTakenFromOthersAreBounded(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`{}`, `{"y":1}`} {
		var text strings.Builder
		text.WriteString(`{"type":"record","name":"T","fields":[{"name":"a","type":{"type":"record","name":"R","fields":[` +
			`{"name":"x","type":"string","default":"` + strings.Repeat("x", 500_000) + `"},{"name":"y","type":"string","default":""}]}}`)
		for i := range 100 {
			text.WriteString(`,{"name":"g` + strconv.Itoa(i) + `","type":"R","default":` + value + `}`)
		}
		text.WriteString(`]}`)
		s, err := ParseWriter(text.String())
		if err != nil {
			t.Fatal(err)
		}
		kept, last := 0, s.root.fields[100].mistake
		for i := range s.root.fields {
			kept += len(s.root.fields[i].defaultAvro)
		}
		if kept > maxDefaultsBytes || last == nil || !strings.Contains(last.Reason, "expands to more than") {
			t.Errorf("defaults %s keep %d bytes, the last one says %v", value, kept, last)
		}
	}
}
