package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// safeWriter is the edge of the program: everything it prints passes through one. What a terminal would obey is written as the escape
// that JSON, YAML and Go have for it, such as \u001b: names, headers, values and errors come from whoever could write to a topic, a
// group or a registry. It is safe for concurrent use.
type safeWriter struct {
	mu   sync.Mutex
	to   io.Writer
	part []byte // the first bytes of a character whose others are still to come
	out  []byte
}

// Write passes p on.
func (w *safeWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := p
	if len(w.part) > 0 {
		text = append(w.part, p...)
		w.part = nil
	}
	if whole := len(text) - unfinished(text); whole < len(text) {
		w.part = append(w.part, text[whole:]...)
		text = text[:whole]
		if whole == 0 {
			return len(p), nil
		}
	}
	if !isPlain(text) {
		w.out = appendVisible(w.out[:0], text)
		text = w.out
	}
	if _, err := w.to.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// own writes a control sequence of the program itself.
func (w *safeWriter) own(sequence string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = io.WriteString(w.to, sequence) // it decorates a terminal
}

// close writes what is left of a character that has no end.
func (w *safeWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.part) > 0 {
		_, _ = w.to.Write(appendVisible(nil, w.part)) // the command has ended, and so has the reader perhaps
		w.part = nil
	}
}

// rewrite shows text in place of the line on which progress is shown; "" clears that line.
func (a *app) rewrite(text string) {
	if w, ok := a.Stderr.(*safeWriter); ok {
		w.own("\r\x1b[K")
	}
	fmt.Fprint(a.Stderr, text)
}

// unfinished is the number of bytes at the end of text that may be the beginning of a character.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		tail := text[len(text)-n:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return n
			}
			return 0
		}
	}
	return 0
}

func isPlain(text []byte) bool {
	for _, b := range text {
		if b < ' ' && b != '\n' && b != '\t' || b >= 0x7f {
			return false
		}
	}
	return true
}

// visible is a text with escapes in place of what a terminal would obey.
func visible(text string) string { return string(appendVisible(nil, []byte(text))) }

func appendVisible(out, text []byte) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if isObeyed(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = utf8.AppendRune(out, r) // a byte that is no character becomes U+FFFD
		}
		text = text[size:]
	}
	return out
}

// isObeyed reports whether a terminal acts on a character: controls (ECMA-48) and those that turn the direction of writing, with which
// a name can look like another (Unicode Technical Report 36).
func isObeyed(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0:
		return true
	case r == 0x61c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}

// cell is a value in a table: on one line, and without what would move the columns.
func cell(value any) string {
	text := fmt.Sprint(value)
	if strings.ContainsAny(text, "\n\t\v\f\r") {
		text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\n\t\v\f\r", r) }), " ")
	}
	return visible(text)
}
