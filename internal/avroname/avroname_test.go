package avroname

import "testing"

func TestValid(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"A": true, "_a9": true, "shop.Order_2": true, "": false, "9a": false, "a-b": false, "shop.": false, ".A": false, "a..b": false, "ä": false,
	} {
		if Valid(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{{"A", "n.m", "n.m.A"}, {"A", "", "A"}, {"b.A", "n", "b.A"}} {
		if got := Full(c[0], c[1]); got != c[2] || Unqualified(got) != "A" {
			t.Errorf("%q in %q is %q", c[0], c[1], got)
		}
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"strin": "did you mean string?", "n.Mony": "did you mean shop.Money?", "shop.Mnoey": "did you mean shop.Money?",
		"Invoice": "define it, or name the file that does",
	} {
		if got := Suggest(name, []string{"shop.Money", "shop.Line"}); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
