package codegen

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Each of 1,500 records carries the schemas of all before it: 75 MB of text, which took a minute and 15 GB.
func TestTypesThatUseEachOtherInARowAreRefused(t *testing.T) {
	fields := make([]string, 1500)
	for i := range fields {
		fields[i] = fmt.Sprintf(`{"name":"f%d","type":{"type":"record","name":"R%d","fields":[{"name":"x","type":"R%d"}]}}`, i, i, max(i-1, 0))
		if i == 0 {
			fields[i] = `{"name":"f0","type":{"type":"record","name":"R0","fields":[{"name":"x","type":"int"}]}}`
		}
	}
	text := `{"type":"record","name":"Top","fields":[` + strings.Join(fields, ",") + `]}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Generate(Layout{Package: "m"}, []Source{{Name: "a.avsc", Text: []byte(text)}})
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "generate from fewer files at once") {
		t.Errorf("%.300v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 2<<30 {
		t.Errorf("%d bytes were taken", took)
	}
}
