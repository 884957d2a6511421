// Package printable makes text from outside fit for errors and logs.
package printable

import (
	"strings"
	"unicode"
)

// most is how many characters of such a text are kept.
const most = 300

// Clip makes text from outside safe to print: control characters go, and what is left is cut.
func Clip(text string) string { return Cut(Clean(text[:min(len(text), 4*most)])) }

// Clean takes out control characters, since they could forge log lines or drive a terminal.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text)
}

// Cut cuts text to a length that keeps an error readable.
func Cut(text string) string {
	count := 0
	for i := range text {
		if count++; count > most {
			return text[:i] + "…"
		}
	}
	return text
}
