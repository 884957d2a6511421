package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Cause is what dead letters have in common that died of the same.
type Cause struct {
	ID      string // 8 hexadecimal digits, of all the rest; the same in every topic and at any time
	Kind    string
	Error   string // see [FoldError]
	Group   string
	Handler string
	Event   string
}

// Cause returns what the dead letter died of.
func (d *Letter) Cause() Cause {
	c := Cause{Kind: d.Kind, Error: FoldError(d.Error), Group: d.Group, Handler: d.Handler, Event: d.Event}
	sum := sha256.Sum256([]byte(strings.Join([]string{c.Kind, c.Error, c.Group, c.Handler, c.Event}, "\x00")))
	c.ID = hex.EncodeToString(sum[:4])
	return c
}

// maxFolded bounds a folded error, in characters.
const maxFolded = 300

// FoldError makes one text of errors that differ only in what they are about: the first line, in which numbers, ids and whatever else
// has digits is #. A word of letters with digits behind it keeps the letters, so that int64 and N725MQ become int# and #. Folding what
// is folded changes nothing.
func FoldError(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	var out []byte
	count := 0
	for text != "" && count < maxFolded {
		_, size := utf8.DecodeRuneInString(text)
		word := text[:size]
		if id := uuidLen(text); id > 0 {
			size, word = id, "#"
		} else if long := wordLen(text); long > 0 {
			size, word = long, foldWord(text[:long])
		}
		if word == "#" {
			out = appendNumber(out)
		} else {
			out = append(out, word...)
		}
		text = text[size:]
		count += size
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(out), "\uFFFD"))
}

// wordLen is the length of the word that a text begins with: letters, digits and # without a gap.
func wordLen(text string) int {
	n := 0
	for n < len(text) && wordByte(text[n]) {
		n++
	}
	return n
}

func wordByte(c byte) bool { return c == '#' || digit(c) || asciiLetter(c) }

func digit(c byte) bool { return c >= '0' && c <= '9' }

func asciiLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// joins are the characters that hold the parts of numbers and times together.
const joins = ".,:-+/_"

// appendNumber adds a #, and makes one of those that only a join parts. A sign before it goes too.
func appendNumber(out []byte) []byte {
	n := len(out)
	switch {
	case n >= 2 && out[n-2] == '#' && strings.IndexByte(joins, out[n-1]) >= 0:
		return out[:n-1]
	case n >= 1 && (out[n-1] == '-' || out[n-1] == '+') && (n == 1 || out[n-2] == ' '):
		return append(out[:n-1], '#')
	}
	return append(out, '#')
}

// uuidLen is the length of the UUID that a text begins with, or 0: its groups may be letters alone.
func uuidLen(text string) int {
	const form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(text) < len(form) {
		return 0
	}
	for i := range len(form) {
		if dash := form[i] == '-'; dash != (text[i] == '-') || !dash && (text[i] == '#' || !hexadecimal(text[i:i+1])) {
			return 0
		}
	}
	return len(form)
}

// foldWord is # for a number or an id.
func foldWord(word string) string {
	first := strings.IndexFunc(word, func(r rune) bool { return r == '#' || r >= '0' && r <= '9' })
	switch {
	case first < 0:
		return word
	case len(word) >= 8 && hexadecimal(word):
		return "#"
	case first == 0 || strings.IndexFunc(word[first:], func(r rune) bool { return asciiLetter(byte(r)) }) >= 0: //nolint:gosec // words are ASCII
		return "#"
	}
	return word[:first] + "#"
}

func hexadecimal(word string) bool {
	for i := range len(word) {
		if c := word[i]; !digit(c) && c != '#' && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}
