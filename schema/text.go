package schema

import (
	"strings"
	"unicode"
)

// maxMessage is how much text from outside goes into an error message.
const maxMessage = 300

// clip makes text from outside safe to print: control characters go, since they could forge log lines or drive a terminal, and
// what is left is cut to a length that keeps an error readable.
func clip(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text[:min(len(text), 4*maxMessage)])
	if runes := []rune(clean); len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "…"
	}
	return clean
}
