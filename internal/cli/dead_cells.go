package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// String is the place in a cell of a table.
func (p place) String() string {
	if p.Topic == "" {
		return "-"
	}
	return brief(fmt.Sprintf("%s/%d@%d", p.Topic, p.Partition, p.Offset))
}

// moment is a time as lists show it, "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// dash stands for what is not known in a cell of a table.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// briefLength is how much of a text a cell shows.
const briefLength = 80

// brief is the beginning of the first line of a text that anybody may have written, without what a terminal would obey.
func brief(text string) string {
	line, _, _ := strings.Cut(strings.ToValidUTF8(text, "?"), "\n")
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, line)
	if utf8.RuneCountInString(line) > briefLength {
		line = string([]rune(line)[:briefLength-1]) + "…"
	}
	return dash(line)
}
