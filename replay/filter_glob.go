package replay

import (
	"fmt"
	"unicode/utf8"
)

// glob is a pattern over a whole key or header: * is any number of characters, ? is one, [a-z] and [!a-z] are one of a set, and \
// takes the next one as it is. A byte that is not UTF-8 is a character of its own. Matching costs at most pattern times text.
type glob struct{ tokens []globToken }

type globToken struct {
	kind   globKind
	char   rune
	ranges [][2]rune // both ends included
	not    bool
}

type globKind int8

const (
	globChar globKind = iota
	globAny           // ?
	globSet           // [...]
	globStar          // *
)

const maxGlobBytes = 4096

func parseGlob(text string) (*glob, error) {
	if len(text) > maxGlobBytes {
		return nil, fmt.Errorf("a glob of %d bytes is longer than %d", len(text), maxGlobBytes)
	}
	g := &glob{}
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		switch runes[i] {
		case '*':
			if n := len(g.tokens); n == 0 || g.tokens[n-1].kind != globStar {
				g.tokens = append(g.tokens, globToken{kind: globStar})
			}
		case '?':
			g.tokens = append(g.tokens, globToken{kind: globAny})
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
			g.tokens = append(g.tokens, globToken{kind: globChar, char: runes[i]})
		}
	}
	return g, nil
}

// parseSet reads the set that begins at runes[start], and returns where it ends.
func parseSet(runes []rune, start int) (set globToken, end int, err error) {
	set.kind = globSet
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

// match reports whether the pattern is the whole of text. On a mismatch only the last star takes one more character: an earlier one
// could not do better.
func (g *glob) match(text []byte) bool {
	token, at := 0, 0
	star, retry := -1, 0
	for at < len(text) {
		char, size := utf8.DecodeRune(text[at:])
		switch {
		case token < len(g.tokens) && g.tokens[token].kind == globStar:
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
	for token < len(g.tokens) && g.tokens[token].kind == globStar {
		token++
	}
	return token == len(g.tokens)
}

func (t *globToken) takes(char rune, size int) bool {
	if char == utf8.RuneError && size == 1 {
		return t.kind == globAny || t.kind == globSet && t.not
	}
	switch t.kind {
	case globChar:
		return t.char == char
	case globSet:
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
