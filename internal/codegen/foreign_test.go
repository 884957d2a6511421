package codegen

import (
	"strings"
	"testing"
)

func generated(text string) (string, error) {
	files, err := Generate(Layout{Package: "foreign"}, []Source{{Name: "foreign.avsc", Text: []byte(text)}})
	var all strings.Builder
	for _, f := range files {
		all.Write(f.Text)
	}
	return all.String(), err
}

// Schemas of others have names and texts that nobody here can change.
func TestForeignSchemaIsGenerated(t *testing.T) {
	t.Parallel()
	const both = `{"type":"record","name":"x.R","doc":"a\\u0000b \\ufeffc","fields":[{"name":"user_id","type":"long","doc":"d\\u0000"},{"name":"userId","type":"long"GO}]}`
	text := strings.ReplaceAll(both, `\\u`, `\u`)
	if _, err := generated(strings.Replace(text, "GO", "", 1)); err == nil || !strings.Contains(err.Error(), `or give one a property such as "goName": "UserID2"`) {
		t.Errorf("fields that differ by an underscore: %v", err)
	}
	code, err := generated(strings.Replace(text, "GO", `,"goName":"AccountID"`, 1))
	if err != nil || !strings.Contains(code, "AccountID") || !strings.Contains(code, "// ab c") {
		t.Errorf("with a name of its own: %v\n%s", err, code)
	}
	const types = `{"type":"record","name":"x.R","fields":[{"name":"a","type":{"type":"enum","name":"user_kind","symbols":["A","a"]}},` +
		`{"name":"b","type":{"type":"fixed","name":"UserKind","size":2GO}}]}`
	if _, err := generated(strings.Replace(types, "GO", "", 1)); err == nil || !strings.Contains(err.Error(), `give one a property such as "goName": "UserKind2"`) {
		t.Errorf("types that differ by an underscore: %v", err)
	}
	code, err = generated(strings.Replace(types, "GO", `,"goName":"KindBytes"`, 1))
	if err != nil || !strings.Contains(code, "type KindBytes [2]byte") || !strings.Contains(code, "UserKindA2 ") {
		t.Errorf("with a name of its own: %v\n%s", err, code)
	}
	if _, err := generated(strings.Replace(types, "GO", `,"goName":"kind"`, 1)); err == nil || !strings.Contains(err.Error(), "is no name for an exported Go type") {
		t.Errorf("goName of a type: %v", err)
	}
	for _, name := range []string{"accountID", "A-B", "A int; func init() {}", "", "Ä"} {
		if _, err := generated(strings.Replace(text, "GO", `,"goName":"`+name+`"`, 1)); err == nil || !strings.Contains(err.Error(), "is no name for an exported Go field") {
			t.Errorf("goName %q: %v", name, err)
		}
	}
}
