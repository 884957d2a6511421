package schema

import (
	"strings"
	"unicode"
)

// maxMessage is how much text from outside goes into an error message.
const maxMessage = 300

// clip makes text from outside safe to print: control characters go, and what is left is cut.
func clip(text string) string { return cut(clean(text[:min(len(text), 4*maxMessage)])) }

// clean takes out control characters, since they could forge log lines or drive a terminal.
func clean(text string) string {
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

// cut cuts text to a length that keeps an error readable.
func cut(text string) string {
	count := 0
	for i := range text {
		if count++; count > maxMessage {
			return text[:i] + "…"
		}
	}
	return text
}
