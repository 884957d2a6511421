package reader

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseRange reads a range in the grammar of rpk's --offset. Times that are relative are relative to now.
//
//	start          everything, and what comes       end            only what comes
//	47 or 47:      from an offset                   :47            up to, not including, an offset
//	+2             from the start and 2 on          -3             from 3 before the end
//	10:20          from an offset to another        :end           what there is now
//	@t or @t:      from a time                      @:t            up to a time
//	@t1:t2         from a time to another           @t1:end        from a time to what there is now
//
// Either side of a colon may also be start, end, +n or -n. A time is 13 digits (Unix milliseconds), 10 or 9 digits (Unix seconds),
// a day (2022-02-14, UTC), a time of RFC 3339, or a duration ago (-48h, -1h30m, also -2d). On the right side, a duration without
// sign counts from the left side: @2022-02-14:1h.
func ParseRange(text string, now time.Time) (Range, error) {
	r, err := parseRange(text, now)
	if err != nil {
		return Range{}, fmt.Errorf("offset %q: %w", text, err)
	}
	return r, nil
}

func parseRange(text string, now time.Time) (Range, error) {
	if times, ok := strings.CutPrefix(text, "@"); ok {
		return parseTimes(times, now)
	}
	left, right, bounded := strings.Cut(text, ":")
	if left == "" && right == "" {
		return Range{}, fmt.Errorf("is empty: use start, end, an offset, or a time such as @-1h")
	}
	var r Range
	var err error
	if left != "" {
		if r.From, err = parsePosition(left); err != nil {
			return Range{}, err
		}
	}
	if bounded && right != "" {
		if r.To, err = parsePosition(right); err != nil {
			return Range{}, err
		}
	}
	if r.From.kind == positionOffset && r.To.kind == positionOffset && r.To.number < r.From.number {
		return Range{}, fmt.Errorf("ends before it starts")
	}
	return r, nil
}

func parsePosition(text string) (Position, error) {
	switch text {
	case "start":
		return AtStart(), nil
	case "end":
		return AtEnd(), nil
	}
	digits := strings.TrimLeft(text, "+-")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(text)-len(digits) > 1 {
		return Position{}, fmt.Errorf("%q is not start, end, an offset, +n or -n; a time begins with @", text)
	}
	switch text[0] {
	case '+':
		return AfterStart(n), nil
	case '-':
		return BeforeEnd(n), nil
	}
	return AtOffset(n), nil
}

// parseTimes reads what follows the @. RFC 3339 has colons of its own, so every colon is tried as the one between two times.
func parseTimes(text string, now time.Time) (Range, error) {
	if from, err := parseTime(text, now); err == nil {
		return Range{From: AtTime(from)}, nil
	}
	var first error
	for i, c := range text {
		if c != ':' {
			continue
		}
		r, err := parseTimePair(text[:i], text[i+1:], now)
		if err == nil {
			return r, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		_, first = parseTime(text, now)
	}
	return Range{}, first
}

func parseTimePair(left, right string, now time.Time) (Range, error) {
	if left == "" && right == "" {
		return Range{}, fmt.Errorf("has no time on either side of the colon")
	}
	var r Range
	from := now
	if left != "" {
		var err error
		if from, err = parseTime(left, now); err != nil {
			return Range{}, err
		}
		r.From = AtTime(from)
	}
	switch right {
	case "":
		return r, nil
	case "end":
		r.To = AtEnd()
		return r, nil
	}
	to, err := parseTime(right, now)
	if err != nil {
		length, notLength := parseDuration(right)
		if notLength != nil || left == "" {
			return Range{}, err
		}
		to = from.Add(length)
	}
	if left != "" && to.Before(from) {
		return Range{}, fmt.Errorf("ends (%s) before it starts (%s)", to.UTC().Format(time.RFC3339), from.UTC().Format(time.RFC3339))
	}
	r.To = AtTime(to)
	return r, nil
}

func parseTime(text string, now time.Time) (time.Time, error) {
	if ago, ok := strings.CutPrefix(text, "-"); ok {
		d, err := parseDuration(ago)
		if err != nil {
			return time.Time{}, err
		}
		return now.Add(-d), nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && text[0] != '+' {
		switch len(text) {
		case 13:
			return time.UnixMilli(n), nil
		case 9, 10:
			return time.Unix(n, 0), nil
		}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} { // parsing RFC3339 also takes fractional seconds
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: use Unix milliseconds, 2006-01-02, 2006-01-02T15:04:05Z, or a duration ago such as -1h", text)
}

// parseDuration is time.ParseDuration with days and without a sign.
func parseDuration(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	var d time.Duration
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration such as 90s, 1h30m or 2d", text)
		}
		if d = time.Duration(n) * day; rest == "" {
			return d, nil
		}
		text = rest
	}
	more, err := time.ParseDuration(text)
	if err != nil || more < 0 || strings.HasPrefix(text, "+") {
		return 0, fmt.Errorf("%q is not a duration such as 90s, 1h30m or 2d", text)
	}
	return d + more, nil
}
