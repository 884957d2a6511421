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
	line, _, _ := strings.Cut(text, "\n")
	line = clean(line)
	if utf8.RuneCountInString(line) > briefLength {
		line = string([]rune(line)[:briefLength-1]) + "…"
	}
	return dash(line)
}

// clean is a text on one line, without what a terminal would obey.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// cleanLines is clean for each line.
func cleanLines(text, indent string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = indent + strings.TrimRight(clean(line), " ")
	}
	return strings.Join(lines, "\n")
}
