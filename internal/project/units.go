package project

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Day and Week are what 1d and 1w mean: days of 24 hours.
const (
	Day  = 24 * time.Hour
	Week = 7 * Day
)

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": Day, "w": Week,
}

const durationHint = "write 500ms, 30s, 15m, 12h, 7d or 2w"

// ParseDuration reads a time of whole milliseconds: 500ms, 30s, 15m, 12h, 7d, 2w, and several of them together as in 1d12h. A
// number without a unit is an error, because nobody can tell which was meant.
func ParseDuration(text string) (time.Duration, error) {
	rest := strings.TrimSpace(text)
	if rest == "" {
		return 0, fmt.Errorf("it is empty: %s", durationHint)
	}
	var total time.Duration
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 {
			return 0, fmt.Errorf("%q is not a time: %s", text, durationHint)
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is too long a time", text)
		}
		rest = rest[digits:]
		letters := len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ"))
		name := rest[:letters]
		rest = rest[letters:]
		unit, ok := durationUnits[name]
		switch {
		case name == "":
			return 0, fmt.Errorf("%q has no unit: %s", text, durationHint)
		case !ok:
			return 0, fmt.Errorf("%q: %q is not a unit of time: %s", text, name, durationHint)
		case n > int64((math.MaxInt64-total)/unit):
			return 0, fmt.Errorf("%q is too long a time", text)
		}
		total += time.Duration(n) * unit
	}
	return total, nil
}

// FormatDuration writes a time of whole milliseconds so that [ParseDuration] reads it back: 7d, 1h30m, 500ms.
func FormatDuration(d time.Duration) string {
	text := ""
	for _, name := range []string{"d", "h", "m", "s", "ms"} {
		unit := durationUnits[name]
		if n := d / unit; n > 0 {
			text += strconv.FormatInt(int64(n), 10) + name
			d -= n * unit
		}
	}
	if text == "" {
		return "0ms"
	}
	return text
}

const bytesHint = "write 500kB, 10MB, 1GB (powers of 1000) or 512KiB, 10MiB, 1GiB (powers of 1024)"

// ParseBytes reads an amount of bytes: 10MB is 10,000,000, 10MiB is 10,485,760 (IEC 80000-13). A number without a unit is bytes.
func ParseBytes(text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not an amount of bytes: %s", text, bytesHint)
	case n > math.MaxInt64:
		return 0, fmt.Errorf("%q is too many bytes", text)
	}
	// Bytes that are no whole number would be cut off without a word.
	if number := strings.TrimRight(text, "kKMGTPEiBbytes "); strings.Contains(number, ".") {
		exact, ok := new(big.Rat).SetString(number)
		unit, err := humanize.ParseBytes("1" + strings.TrimLeft(text, "0123456789. "))
		if !ok || err != nil || unit > math.MaxInt64 || !exact.Mul(exact, big.NewRat(int64(unit), 1)).IsInt() {
			return 0, fmt.Errorf("%q is not a whole number of bytes", text)
		}
	}
	return int64(n), nil
}

// FormatBytes writes an amount of bytes with the largest unit that is exact, so that [ParseBytes] reads it back: 10MB, 1GiB, 1048588.
func FormatBytes(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}} {
		if n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

var errNotWhole = errors.New("it is not a whole number")

func parseInt(text string, least int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", text, errNotWhole)
	}
	if n < least {
		return 0, fmt.Errorf("%d: at least %d is needed", n, least)
	}
	return n, nil
}
