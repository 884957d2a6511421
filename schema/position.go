package schema

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Position is a place in a text. The zero value is no place.
type Position struct {
	Line   int // from 1
	Column int // from 1, in characters
}

// located is a JSON text and the places of its values.
type located struct {
	text  string
	root  jsonValue
	lines []int // offsets of the lines' beginnings
	runes []int // characters that begin before each block of runeBlock bytes
}

// runeBlock keeps the column of a place in a long line from costing its length.
const runeBlock = 256

func newLocated(text string, root jsonValue) *located {
	l := &located{text: text, root: root, lines: []int{0}}
	begun := 0
	for at := range len(text) {
		if at%runeBlock == 0 {
			l.runes = append(l.runes, begun)
		}
		if utf8.RuneStart(text[at]) {
			begun++
		}
		if text[at] == '\n' {
			l.lines = append(l.lines, at+1)
		}
	}
	return l
}

// place is where the value begins that pointer leads to, or else the last one on the way there.
func (l *located) place(pointer string) Position {
	return l.position(begin(l.text, l.root.at(pointer).after))
}

func (l *located) position(offset int) Position {
	offset = min(max(offset, 0), len(l.text))
	line, exact := slices.BinarySearch(l.lines, offset)
	if !exact {
		line--
	}
	return Position{Line: line + 1, Column: 1 + l.begun(offset) - l.begun(l.lines[line])}
}

// begun counts the characters that begin before an offset.
func (l *located) begun(offset int) int {
	block := min(offset/runeBlock, len(l.runes)-1)
	if block < 0 {
		return 0
	}
	n := l.runes[block]
	for at := block * runeBlock; at < offset; at++ {
		if utf8.RuneStart(l.text[at]) {
			n++
		}
	}
	return n
}

// begin skips what may stand between the end of one JSON token and the next value.
func begin(text string, after int) int {
	for after < len(text) {
		switch text[after] {
		case ' ', '\t', '\r', '\n', ',', ':':
			after++
		default:
			return after
		}
	}
	return after
}

// at returns the value that a JSON pointer (RFC 6901) leads to, or the last one on the way there.
func (v *jsonValue) at(pointer string) *jsonValue {
	if pointer == "" {
		return v
	}
	for segment := range strings.SplitSeq(pointer[1:], "/") {
		next, ok := v.step(segment)
		if !ok {
			return v
		}
		v = next
	}
	return v
}

func (v *jsonValue) step(segment string) (*jsonValue, bool) {
	if v.kind == jsonArray {
		i, err := strconv.Atoi(segment)
		if err != nil || i < 0 || i >= len(v.items) {
			return nil, false
		}
		return &v.items[i], true
	}
	return v.member(strings.NewReplacer("~1", "/", "~0", "~").Replace(segment))
}

// comparePointers orders JSON pointers into schemas as their texts do: a type before what is in it, fields and branches by number.
func comparePointers(a, b string) int {
	for a != b {
		var x, y string
		x, a, _ = strings.Cut(strings.TrimPrefix(a, "/"), "/")
		y, b, _ = strings.Cut(strings.TrimPrefix(b, "/"), "/")
		if x == y {
			continue
		}
		i, errX := strconv.Atoi(x)
		j, errY := strconv.Atoi(y)
		if errX == nil && errY == nil {
			return i - j
		}
		return strings.Compare(x, y)
	}
	return 0
}
