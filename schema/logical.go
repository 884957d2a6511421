package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/schema/codec"
)

// Duration is Avro's logical type duration: amounts of calendar time that do not convert into each other, a month being no number
// of days. It is three unsigned 32-bit numbers in a fixed of 12 bytes, little-endian.
type Duration = codec.Duration

// durationText is a duration in ISO 8601, as "P1M2DT3.004S".
func durationText(d Duration) string {
	return fmt.Sprintf("P%dM%dDT%d.%03dS", d.Months, d.Days, d.Milliseconds/1000, d.Milliseconds%1000)
}

// durationOf reads 12 bytes.
func durationOf(b []byte) Duration {
	return Duration{
		Months:       binary.LittleEndian.Uint32(b[0:4]),
		Days:         binary.LittleEndian.Uint32(b[4:8]),
		Milliseconds: binary.LittleEndian.Uint32(b[8:12]),
	}
}

var errDuration = errors.New("it is not a duration like P1M2DT3.004S")

// parseDuration reads what durationText writes; parts that are 0 may be left out.
func parseDuration(text string) (d Duration, err error) {
	rest, ok := strings.CutPrefix(text, "P")
	if !ok || rest == "" {
		return d, errDuration
	}
	date, clock, timed := strings.Cut(rest, "T")
	if d.Months, date, err = amount(date, "M"); err != nil {
		return d, err
	}
	if d.Days, date, err = amount(date, "D"); err != nil || date != "" {
		return d, errDuration
	}
	if !timed {
		return d, nil
	}
	seconds, ok := strings.CutSuffix(clock, "S")
	if !ok {
		return d, errDuration
	}
	whole, fraction, _ := strings.Cut(seconds, ".")
	if len(fraction) > 3 || whole == "" {
		return d, errDuration
	}
	millis, err := strconv.ParseUint(whole+(fraction + "000")[:3], 10, 32)
	if err != nil {
		return d, errDuration
	}
	d.Milliseconds = uint32(millis)
	return d, nil
}

func amount(text, unit string) (n uint32, rest string, err error) {
	digits, rest, ok := strings.Cut(text, unit)
	if !ok {
		return 0, text, nil
	}
	v, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, text, errDuration
	}
	return uint32(v), rest, nil
}

const (
	dayLayout   = "2006-01-02"
	clockLayout = "15:04:05.999999999"
	localLayout = "2006-01-02T15:04:05.999999999"
)

// unit is the length of one count of a time or timestamp.
func (l logical) unit() time.Duration {
	switch l {
	case logicalTimeMillis, logicalTimestampMillis, logicalLocalMillis:
		return time.Millisecond
	case logicalTimeMicros, logicalTimestampMicros, logicalLocalMicros:
		return time.Microsecond
	default:
		return time.Nanosecond
	}
}

// timeOf turns a count since the epoch into a time in UTC. A local timestamp's wall clock is what that time shows.
func (l logical) timeOf(v int64) time.Time {
	switch l {
	case logicalDate:
		return time.Unix(v*86400, 0).UTC()
	case logicalTimestampMillis, logicalLocalMillis:
		return time.UnixMilli(v).UTC()
	case logicalTimestampMicros, logicalLocalMicros:
		return time.UnixMicro(v).UTC()
	default:
		return time.Unix(0, v).UTC()
	}
}

var errRange = errors.New("it is beyond what the type can count")

// countOf is the reverse of timeOf. Parts finer than the unit are cut off. A date is the day in UTC; a local timestamp is the
// wall clock of t's own location.
func (l logical) countOf(t time.Time) (int64, error) {
	switch l {
	case logicalDate:
		y, m, d := t.UTC().Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400, nil
	case logicalLocalMillis, logicalLocalMicros, logicalLocalNanos:
		y, m, d := t.Date()
		t = time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	var v int64
	switch l.unit() {
	case time.Millisecond:
		v = t.UnixMilli()
	case time.Microsecond:
		v = t.UnixMicro()
	default:
		v = t.UnixNano()
	}
	// Go's conversions wrap round silently; near the ends of the range the way back shows it.
	most := math.MaxInt64/int64(time.Second/l.unit()) - 1
	if s := t.Unix(); (s > most || s < -most) && !l.timeOf(v).Equal(t.Truncate(l.unit())) {
		return 0, errRange
	}
	return v, nil
}

// temporalText is the readable notation of a count; ok is false when there is none.
func temporalText(l logical, v int64) (text string, ok bool) {
	if l == logicalTimeMillis || l == logicalTimeMicros {
		day := int64(24 * time.Hour / l.unit())
		if v < 0 || v >= day {
			return "", false
		}
		return time.Unix(0, v*int64(l.unit())).UTC().Format(clockLayout), true
	}
	t := l.timeOf(v)
	if y := t.Year(); y < 0 || y > 9999 {
		return "", false
	}
	switch l {
	case logicalDate:
		return t.Format(dayLayout), true
	case logicalTimestampMillis, logicalTimestampMicros, logicalTimestampNanos:
		return t.Format(time.RFC3339Nano), true
	default:
		return t.Format(localLayout), true
	}
}

// parseTemporal reads the readable notation. It refuses digits that are finer than the type counts.
func parseTemporal(l logical, text string) (int64, error) {
	layout := localLayout
	switch l {
	case logicalDate:
		layout = dayLayout
	case logicalTimeMillis, logicalTimeMicros:
		layout = clockLayout
	case logicalTimestampMillis, logicalTimestampMicros, logicalTimestampNanos:
		layout = time.RFC3339Nano
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return 0, fmt.Errorf("it is not a %s like %s", l, time.Date(2024, 1, 31, 13, 4, 5, 0, time.UTC).Format(layout))
	}
	if t.Nanosecond()%int(l.unit()) != 0 {
		return 0, fmt.Errorf("it is finer than a %s counts", l)
	}
	if l == logicalTimeMillis || l == logicalTimeMicros {
		midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		return int64(t.Sub(midnight) / l.unit()), nil
	}
	return l.countOf(t)
}
