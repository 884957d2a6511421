// Package phrase makes the parts of sentences in errors, logs and records.
package phrase

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Clip is the beginning of a text, of so many bytes at most, as valid UTF-8.
func Clip(value []byte, most int) string {
	if len(value) > most {
		value = value[:most]
		for len(value) > 0 && !utf8.RuneStart(value[len(value)-1]) {
			value = value[:len(value)-1]
		}
		if n := len(value); n > 0 && value[n-1] >= utf8.RuneSelf {
			value = value[:n-1] // the beginning of a character
		}
	}
	return strings.ToValidUTF8(string(value), "\uFFFD")
}

// Count is a number of things, as in "1 event" and "2 events".
func Count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
