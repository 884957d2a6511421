package glob

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"a*b?c", "axxbyc"}, {"[a-c!]*", "b"}, {"[!x]", "y"}, {`\*`, "*"}, {"*a*a*b", "aaaaaaaaaa"}, {"[]]", "]"}, {"", ""}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		g, err := Parse(pattern)
		if err != nil || !utf8.ValidString(pattern) {
			return
		}
		var expression strings.Builder
		for _, token := range g.tokens {
			switch token.kind {
			case anyRun:
				expression.WriteString(".*")
			case anyOne:
				expression.WriteString(".")
			case oneChar:
				expression.WriteString(regexp.QuoteMeta(string(token.char)))
			case oneOf:
				expression.WriteString(regexpSet(token))
			}
		}
		if !utf8.ValidString(text) {
			return
		}
		want := regexp.MustCompile(`(?s)\A` + expression.String() + `\z`).MatchString(text)
		if got := g.Match([]byte(text)); got != want {
			t.Errorf("%q matches %q: %v", pattern, text, got)
		}
	})
}

func regexpSet(token token) string {
	set := "["
	if token.not {
		set += "^"
	}
	hex := func(r rune) string { return fmt.Sprintf(`\x{%x}`, r) }
	for _, r := range token.ranges {
		set += hex(r[0]) + "-" + hex(r[1])
	}
	return set + "]"
}

func TestGlobOfBytesThatAreNotText(t *testing.T) {
	t.Parallel()
	g, err := Parse("a?[!x]*")
	if err != nil {
		t.Fatal(err)
	}
	if !g.Match([]byte{'a', 0xff, 0xfe}) || g.Match([]byte{'a', 0xff}) {
		t.Error("a byte that is not UTF-8 is not one character")
	}
}
