// Package glob matches keys, header values and names with patterns.
package glob

import (
	"fmt"
	"unicode/utf8"
)

// Glob is a pattern over a whole key or header: * is any number of characters, ? is one, [a-z] and [!a-z] are one of a set, and \
// takes the next one as it is. A byte that is not UTF-8 is a character of its own. Matching costs at most pattern times text.
type Glob struct{ tokens []token }

type token struct {
	kind   kind
	char   rune
	ranges [][2]rune // both ends included
	not    bool
}

type kind int8

const (
	oneChar kind = iota
	anyOne       // ?
	oneOf        // [...]
	anyRun       // *
)

const maxBytes = 4096

// Parse reads a pattern.
func Parse(text string) (*Glob, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("a glob of %d bytes is longer than %d", len(text), maxBytes)
	}
	g := &Glob{}
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		switch runes[i] {
		case '*':
			if n := len(g.tokens); n == 0 || g.tokens[n-1].kind != anyRun {
				g.tokens = append(g.tokens, token{kind: anyRun})
			}
		case '?':
			g.tokens = append(g.tokens, token{kind: anyOne})
		case '[':
			set, end, err := parseSet(runes, i)
			if err != nil {
				return nil, fmt.Errorf("glob %q: %w", text, err)
			}
			g.tokens = append(g.tokens, set)
			i = end
		case '\\':
			if i++; i == len(runes) {
				return nil, fmt.Errorf(`glob %q: nothing follows the \ at its end`, text)
			}
			fallthrough
		default:
			g.tokens = append(g.tokens, token{kind: oneChar, char: runes[i]})
		}
	}
	return g, nil
}

// parseSet reads the set that begins at runes[start], and returns where it ends.
func parseSet(runes []rune, start int) (set token, end int, err error) {
	set.kind = oneOf
	i := start + 1
	if i < len(runes) && (runes[i] == '!' || runes[i] == '^') {
		set.not = true
		i++
	}
	char := func() (rune, bool) {
		if i < len(runes) && runes[i] == '\\' {
			i++
		}
		if i >= len(runes) {
			return 0, false
		}
		i++
		return runes[i-1], true
	}
	for first := true; i < len(runes) && (first || runes[i] != ']'); first = false {
		low, ok := char()
		if !ok {
			break
		}
		high := low
		if i+1 < len(runes) && runes[i] == '-' && runes[i+1] != ']' {
			i++
			if high, ok = char(); !ok {
				break
			}
		}
		if high < low {
			return set, 0, fmt.Errorf("character %d: the range %c-%c ends before it begins", start+1, low, high)
		}
		set.ranges = append(set.ranges, [2]rune{low, high})
	}
	if i >= len(runes) {
		return set, 0, fmt.Errorf("character %d: the set that begins there has no ]", start+1)
	}
	return set, i, nil
}

// Match reports whether the pattern is the whole of text. On a mismatch only the last star takes one more character: an earlier one
// could not do better.
func (g *Glob) Match(text []byte) bool {
	token, at := 0, 0
	star, retry := -1, 0
	for at < len(text) {
		char, size := utf8.DecodeRune(text[at:])
		switch {
		case token < len(g.tokens) && g.tokens[token].kind == anyRun:
			star, retry = token, at
			token++
		case token < len(g.tokens) && g.tokens[token].takes(char, size):
			token++
			at += size
		case star >= 0:
			_, size = utf8.DecodeRune(text[retry:])
			retry += size
			token, at = star+1, retry
		default:
			return false
		}
	}
	for token < len(g.tokens) && g.tokens[token].kind == anyRun {
		token++
	}
	return token == len(g.tokens)
}

func (t *token) takes(char rune, size int) bool {
	if char == utf8.RuneError && size == 1 {
		return t.kind == anyOne || t.kind == oneOf && t.not
	}
	switch t.kind {
	case oneChar:
		return t.char == char
	case oneOf:
		for _, r := range t.ranges {
			if r[0] <= char && char <= r[1] {
				return !t.not
			}
		}
		return t.not
	default:
		return true
	}
}
