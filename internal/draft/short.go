package draft

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/avroname"
	"github.com/headrace/headrace/internal/printable"
)

// short is a type as [ParseField] takes it.
type short struct {
	word string // "string", "decimal", "array", "map", "enum", "fixed", "union", or the name of a type
	of   []*short
	args []string // symbols, size, precision and scale
}

// parseShort reads a type in short.
func parseShort(text string) (*short, error) {
	p := shortParser{rest: text}
	t, err := p.union(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%q is left over in type %q", printable.Clip(p.rest), printable.Clip(text))
	}
	return t, err
}

type shortParser struct{ rest string }

const (
	maxShortDepth = 32      // of brackets within brackets
	maxFixedSize  = 1 << 20 // as in schema.Parse
	maxPrecision  = 1000    // as in schema.Parse
)

func (p *shortParser) skip(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " ")
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

func (p *shortParser) union(depth int) (*short, error) {
	t, err := p.term(depth)
	if err != nil {
		return nil, err
	}
	branches := []*short{t}
	for p.skip("|") {
		if t, err = p.term(depth); err != nil {
			return nil, err
		}
		branches = append(branches, t)
	}
	if p.skip("?") {
		branches = append([]*short{{word: "null"}}, branches...)
	}
	if len(branches) == 1 {
		return t, nil
	}
	return &short{word: "union", of: branches}, nil
}

func (p *shortParser) term(depth int) (*short, error) {
	if depth > maxShortDepth {
		return nil, fmt.Errorf("the type nests more than %d levels", maxShortDepth)
	}
	if p.skip("[]") {
		inner, err := p.term(depth + 1)
		return &short{word: "array", of: []*short{inner}}, err
	}
	if p.skip("(") {
		inner, err := p.union(depth + 1)
		if err == nil && !p.skip(")") {
			err = fmt.Errorf("a ) is missing before %q", printable.Clip(p.rest))
		}
		return inner, err
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return !strings.ContainsRune("_.-", r) && !avroname.Valid("a"+string(r)) })
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	if p.rest = p.rest[end:]; word == "" {
		return nil, fmt.Errorf("a type is missing before %q", printable.Clip(p.rest))
	}
	t := &short{word: word}
	switch word {
	case "bool":
		t.word = "boolean"
	case "time", "timestamp", "local-timestamp":
		t.word += "-millis"
	case "array", "map":
		if !p.skip("(") {
			return nil, fmt.Errorf("%s needs the type it holds, as in %s(string)", word, word)
		}
		inner, err := p.union(depth + 1)
		if err == nil && !p.skip(")") {
			err = fmt.Errorf("a ) is missing after %s(", word)
		}
		t.of = []*short{inner}
		return t, err
	case "decimal", "enum", "fixed":
		return t, p.arguments(t)
	}
	return t, nil
}

func (p *shortParser) arguments(t *short) error {
	wants := map[string]string{"decimal": "precision and scale, as in decimal(12,2)", "enum": "symbols, as in enum(OPEN,CLOSED)", "fixed": "a size in bytes, as in fixed(16)"}[t.word]
	inner, rest, ok := strings.Cut(p.rest, ")")
	if !ok || !p.skip("(") {
		return fmt.Errorf("%s needs %s", t.word, wants)
	}
	inner, _ = strings.CutPrefix(strings.TrimSpace(inner), "(")
	p.rest = rest
	for arg := range strings.SplitSeq(inner, ",") {
		t.args = append(t.args, strings.TrimSpace(arg))
	}
	if t.word == "enum" {
		if i := slices.IndexFunc(t.args, func(s string) bool { return !avroname.Valid(s) || strings.Contains(s, ".") }); i >= 0 {
			return fmt.Errorf("symbol %q is invalid: %s", printable.Clip(t.args[i]), avroname.Rule)
		}
		return nil
	}
	var numbers []int
	for _, arg := range t.args {
		n, err := strconv.Atoi(arg)
		if err != nil {
			return fmt.Errorf("%s needs %s", t.word, wants)
		}
		numbers = append(numbers, n)
	}
	switch {
	case t.word == "fixed" && (len(numbers) != 1 || numbers[0] < 1 || numbers[0] > maxFixedSize):
		return fmt.Errorf("fixed needs %s, at most %d", wants, maxFixedSize)
	case t.word == "decimal" && (len(numbers) > 2 || numbers[0] < 1 || numbers[0] > maxPrecision || len(numbers) == 2 && (numbers[1] < 0 || numbers[1] > numbers[0])):
		return fmt.Errorf("decimal needs %s: at most %d digits, and a scale of at most the precision", wants, maxPrecision)
	}
	return nil
}
