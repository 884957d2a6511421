package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustFolder(t testing.TB, sources ...Source) *Folder {
	t.Helper()
	f, err := NewFolder(sources)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What breaks is told at its place in the new files, a shared type's in the file that defines it.
func TestFollowsTellsWhereToMend(t *testing.T) {
	t.Parallel()
	order := Source{"order.avsc", orderText}
	line := Source{"line.avsc", lineText}
	unit := Source{"unit.avsc", unitText}
	old := mustFolder(t, order, line, unit, Source{"money.avsc", moneyText})
	next := mustFolder(t, Source{"order.avsc", strings.Replace(orderText, `{"name": "total"`, `{"name": "sum"`, 1)}, line, unit,
		Source{"cash.avsc", "\n" + strings.Replace(moneyText, `"long"`, `"int"`, 1)})
	var got []string
	for _, file := range next.Files {
		before, ok := old.Ancestor(file, false)
		if !ok {
			t.Fatalf("%s has no ancestor", file.Path)
		}
		for _, level := range []Level{Backward, Forward} {
			for _, b := range next.Follows(level, file, Ancestor{Name: before.Path, Schema: before.Schema, Folder: old}) {
				got = append(got, fmt.Sprintf("%s %s %s:%d:%d %s %s <- %s", file.Path, level, b.File.Path, b.Line, b.Column, b.Kind, b.Pointer, b.Old))
			}
		}
	}
	want := []string{
		"cash.avsc BACKWARD cash.avsc:2:79 TYPE_MISMATCH /fields/0/type <- money.avsc:1:79",
		"line.avsc BACKWARD cash.avsc:2:79 TYPE_MISMATCH /fields/0/type <- money.avsc:1:79",
		"order.avsc BACKWARD order.avsc:3:3 READER_FIELD_MISSING_DEFAULT_VALUE /fields/1 <- order.avsc:1:1",
		"order.avsc BACKWARD cash.avsc:2:79 TYPE_MISMATCH /fields/0/type <- money.avsc:1:79",
		"order.avsc FORWARD order.avsc:1:1 READER_FIELD_MISSING_DEFAULT_VALUE  <- order.avsc:3:3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if found := next.Follows(FullTransitive, next.Files[0]); len(found) > 0 {
		t.Errorf("a new subject: %v", found)
	}
}

func TestAncestorIsFoundByNameAliasOrAlone(t *testing.T) {
	t.Parallel()
	old := mustFolder(t, Source{"a.avsc", moneyText}, Source{"b.avsc", `{"type":"array","items":"shop.Money"}`})
	for name, c := range map[string]struct {
		text, path string
		alone      bool
		want       string
	}{
		"by name":          {moneyText, "other.avsc", false, "a.avsc"},
		"by alias":         {`{"type":"record","name":"shop.Cash","aliases":["Money"],"fields":[]}`, "c.avsc", false, "a.avsc"},
		"by the file":      {`{"type":"array","items":"int"}`, "x/b.avsc", false, "b.avsc"},
		"nameless":         {`{"type":"array","items":"int"}`, "x/c.avsc", false, ""},
		"new":              {unitText, "a.avsc", false, ""},
		"alone among more": {unitText, "a.avsc", true, ""},
	} {
		file, ok := old.Ancestor(mustFolder(t, Source{c.path, c.text}).Files[0], c.alone)
		if ok != (c.want != "") || ok && file.Path != c.want {
			t.Errorf("%s: %v", name, file)
		}
	}
	single := mustFolder(t, Source{"a.avsc", moneyText})
	if file, ok := single.Ancestor(mustFolder(t, Source{"z.avsc", unitText}).Files[0], true); !ok || file.Path != "a.avsc" {
		t.Errorf("two files that are alone: %v", file)
	}
}
