package codec

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// errTime says that a time or duration lies outside what its Avro type holds.
var errTime = errors.New("time is outside what its Avro type can hold")

// Duration is Avro's duration: three counts that do not convert into each other,
// since months and days differ in length. The zero value is no time at all.
type Duration struct {
	Months       uint32
	Days         uint32
	Milliseconds uint32
}

// AppendDuration appends the 12 bytes of v (Avro 1.12, "Duration").
func AppendDuration(dst []byte, v Duration) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, v.Months)
	dst = binary.LittleEndian.AppendUint32(dst, v.Days)
	return binary.LittleEndian.AppendUint32(dst, v.Milliseconds)
}

// Duration reads a duration.
func (r *Reader) Duration() Duration {
	b := r.take(12)
	if b == nil {
		return Duration{}
	}
	return Duration{
		Months:       binary.LittleEndian.Uint32(b),
		Days:         binary.LittleEndian.Uint32(b[4:]),
		Milliseconds: binary.LittleEndian.Uint32(b[8:]),
	}
}

const secondsPerDay = 24 * 60 * 60

// AppendDate appends the day of t in UTC, as days since 1970-01-01.
func AppendDate(dst []byte, t time.Time) ([]byte, error) {
	days := floorDiv(t.Unix(), secondsPerDay)
	if days != int64(int32(days)) {
		return dst, errTime
	}
	return AppendLong(dst, days), nil
}

// Date reads a date as midnight UTC.
func (r *Reader) Date() time.Time {
	return time.Unix(int64(r.Int())*secondsPerDay, 0).UTC()
}

// AppendTimeMillis appends a time of day, given as the time since midnight, in
// milliseconds; what is finer is cut off.
func AppendTimeMillis(dst []byte, d time.Duration) ([]byte, error) {
	ms := d.Milliseconds()
	if ms != int64(int32(ms)) {
		return dst, errTime
	}
	return AppendLong(dst, ms), nil
}

// TimeMillis reads a time of day in milliseconds as the time since midnight.
func (r *Reader) TimeMillis() time.Duration { return time.Duration(r.Int()) * time.Millisecond }

// AppendTimeMicros appends a time of day, given as the time since midnight, in
// microseconds; what is finer is cut off.
func AppendTimeMicros(dst []byte, d time.Duration) []byte { return AppendLong(dst, d.Microseconds()) }

// TimeMicros reads a time of day in microseconds as the time since midnight.
func (r *Reader) TimeMicros() time.Duration {
	us := r.Long()
	if us > math.MaxInt64/1000 || us < math.MinInt64/1000 {
		r.Fail("time of day is too large")
		return 0
	}
	return time.Duration(us) * time.Microsecond
}

// AppendTimestampMillis appends t in milliseconds since 1970 UTC; what is finer
// is cut off.
func AppendTimestampMillis(dst []byte, t time.Time) ([]byte, error) {
	v := t.UnixMilli()
	// The conversion wraps round silently; at the ends of the range the way back shows it.
	if s := t.Unix(); (s > math.MaxInt64/1000-1 || s < math.MinInt64/1000+1) && !time.UnixMilli(v).Equal(t.Truncate(time.Millisecond)) {
		return dst, errTime
	}
	return AppendLong(dst, v), nil
}

// TimestampMillis reads milliseconds since 1970 as a time in UTC.
func (r *Reader) TimestampMillis() time.Time { return time.UnixMilli(r.Long()).UTC() }

// AppendTimestampMicros appends t in microseconds since 1970 UTC; what is finer
// is cut off.
func AppendTimestampMicros(dst []byte, t time.Time) ([]byte, error) {
	v := t.UnixMicro()
	// The conversion wraps round silently; at the ends of the range the way back shows it.
	if s := t.Unix(); (s > math.MaxInt64/1_000_000-1 || s < math.MinInt64/1_000_000+1) && !time.UnixMicro(v).Equal(t.Truncate(time.Microsecond)) {
		return dst, errTime
	}
	return AppendLong(dst, v), nil
}

// TimestampMicros reads microseconds since 1970 as a time in UTC.
func (r *Reader) TimestampMicros() time.Time { return time.UnixMicro(r.Long()).UTC() }

// AppendTimestampNanos appends t in nanoseconds since 1970 UTC. A long holds the
// years 1678 to 2261.
func AppendTimestampNanos(dst []byte, t time.Time) ([]byte, error) {
	v := t.UnixNano()
	// The conversion wraps round silently; at the ends of the range the way back shows it.
	if s := t.Unix(); (s > math.MaxInt64/1_000_000_000-1 || s < math.MinInt64/1_000_000_000+1) && !time.Unix(0, v).Equal(t.Truncate(time.Nanosecond)) {
		return dst, errTime
	}
	return AppendLong(dst, v), nil
}

// TimestampNanos reads nanoseconds since 1970 as a time in UTC.
func (r *Reader) TimestampNanos() time.Time { return time.Unix(0, r.Long()).UTC() }

// Local returns t's date and clock, as t's own location shows them, in UTC. It
// is what the local-timestamp types hold: a date and clock in no zone at all.
// Generated code encodes Local(t) and decodes to UTC.
func Local(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
