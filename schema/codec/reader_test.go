package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func read(data string) *Reader {
	var r Reader
	r.Reset([]byte(data))
	return &r
}

func long(v int64) string { return string(binary.AppendVarint(nil, v)) }

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data, reason string
		offset       int
		read         func(r *Reader)
	}{
		"boolean of two":          {"\x02", "neither 0 nor 1", 0, func(r *Reader) { r.Boolean() }},
		"no boolean":              {"", "inside a boolean", 0, func(r *Reader) { r.Boolean() }},
		"long cut":                {"\x80", "inside an integer", 0, func(r *Reader) { r.Long() }},
		"long of 65 bits":         {strings.Repeat("\xff", 9) + "\x02", "64 bits", 0, func(r *Reader) { r.Long() }},
		"int of 33 bits":          {long(1 << 31), "32 bits", 5, func(r *Reader) { r.Int() }},
		"float cut":               {"123", "too early", 0, func(r *Reader) { r.Float() }},
		"double cut":              {"1234567", "too early", 0, func(r *Reader) { r.Double() }},
		"bytes beyond the data":   {long(1<<62) + "x", "more than", 10, func(r *Reader) { r.Bytes() }},
		"string of negative size": {long(-1), "more than", 1, func(r *Reader) { _ = r.String() }},
		"string not UTF-8":        {long(1) + "\xff", "UTF-8", 1, func(r *Reader) { _ = r.String() }},
		"fixed cut":               {"12", "too early", 0, func(r *Reader) { r.Fixed(make([]byte, 3)) }},
		"symbol above":            {long(2), "out of range", 1, func(r *Reader) { r.Index(2) }},
		"branch below":            {long(-1), "out of range", 1, func(r *Reader) { r.Branch(2) }},
		"array bomb":              {long(1 << 62), "more than", 10, func(r *Reader) { r.Block(-1, 1) }},
		"block of MinInt64":       {long(math.MinInt64) + "\x00", "out of range", 11, func(r *Reader) { r.Block(-1, 1) }},
		"block larger than all":   {long(-1) + long(9), "out of range", 2, func(r *Reader) { r.Block(-1, 1) }},
		"block ends elsewhere": {long(-1) + long(2) + "\x00\x00\x00", "as long as it says", 3, func(r *Reader) {
			_, end := r.Block(-1, 1)
			r.Boolean()
			r.Block(end, 1)
		}},
		"too many nulls": {long(1000) + long(25), "no bytes", 3, func(r *Reader) {
			_, end := r.Block(-1, 0)
			r.Block(end, 0)
		}},
		"key twice":              {"", "twice", 0, func(r *Reader) { r.Distinct(1, 2) }},
		"UUID":                   {long(1) + "x", "UUID", 1, func(r *Reader) { r.UUID() }},
		"decimal of no bytes":    {long(0), "no bytes", 1, func(r *Reader) { r.Decimal(4, 0) }},
		"decimal of five digits": {long(2) + "\x27\x10", "digits", 1, func(r *Reader) { r.Decimal(4, 0) }},
		"decimal of a megabyte":  {long(1<<20) + strings.Repeat("\x7f", 1<<20), "digits", 4, func(r *Reader) { r.Decimal(4, 0) }},
		"time of day":            {long(math.MaxInt64), "time of day", 10, func(r *Reader) { r.TimeMicros() }},
		"nested too deep": {"", "too deep", 0, func(r *Reader) {
			for range MaxDepth {
				r.Enter()
			}
			r.Enter()
		}},
	} {
		r := read(c.data)
		c.read(r)
		var bad *DataError
		if !errors.As(r.Err(), &bad) || !strings.Contains(bad.Reason, c.reason) || bad.Offset != c.offset {
			t.Errorf("%s: %v", name, r.Err())
		}
		// Nothing is read any more.
		first := r.Err()
		n, end := r.Block(-1, 1)
		if r.Long() != 0 || r.Bytes() != nil || r.String() != "" || r.Branch(9) != -1 || r.Index(9) != 0 || n != 0 || end != -1 || r.Enter() ||
			r.Boolean() || r.Double() != 0 || r.Decimal(1, 0) != nil || r.UUID() != (UUID{}) || r.Duration() != (Duration{}) || r.Err() != first { //nolint:errorlint // the very same
			t.Errorf("%s: it reads on after %v", name, first)
		}
	}
}

func TestReaderNamesTheFieldFromTheOutside(t *testing.T) {
	t.Parallel()
	r := read("")
	r.Long()
	r.InField("price")
	r.InField("items")
	var field *FieldError
	var data *DataError
	if !errors.As(r.Err(), &field) || field.Field != "items.price" || !errors.As(r.Err(), &data) || r.Err().Error() != "field items.price: byte 0: value ends inside an integer" {
		t.Error(r.Err())
	}
}

// What an event keeps must not change with the buffer it was read from.
func TestReaderCopies(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 2 * slabString} {
		text := strings.Repeat("x", size)
		data := []byte(long(int64(size)) + text + long(int64(size)) + text)
		var r Reader
		r.Reset(data)
		s, b := r.String(), r.Bytes()
		clear(data)
		if s != text || string(b) != text || r.Err() != nil || r.Rest() != 0 {
			t.Errorf("%d: %.20q, %.20q, %v", size, s, b, r.Err())
		}
	}
}

func TestDecimals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		data             string
		precision, scale int
		want             string
	}{
		{"\x00", 4, 2, "0"},
		{"\x27\x0f", 4, 2, "9999/100"},
		{"\xd8\xf1", 4, 0, "-9999"},
		{"\x00\x00\x00\x27\x0f", 4, 4, "9999/10000"},
		{"\xff\xff\xff\xd8\xf1", 4, 0, "-9999"},
		{"\x80", 3, 0, "-128"},
		{"\x00\x80", 3, 0, "128"},
		{strings.Repeat("\x7f", 12), 30, 0, ""},
	} {
		r := read(c.data)
		got := r.DecimalFixed(len(c.data), c.precision, c.scale)
		if r.Err() != nil || c.want != "" && got.RatString() != c.want {
			t.Errorf("%x: %v, %v", c.data, got, r.Err())
			continue
		}
		back, err := AppendDecimal(nil, got, c.precision, c.scale)
		if err != nil || read(string(back)).Decimal(c.precision, c.scale).Cmp(got) != 0 {
			t.Errorf("%x came back as %x, %v", c.data, back, err)
		}
	}
	var unfit *DecimalError
	for _, v := range []*big.Rat{big.NewRat(10000, 1), big.NewRat(1, 3), big.NewRat(1, 1000)} {
		if _, err := AppendDecimal(nil, v, 4, 0); !errors.As(err, &unfit) {
			t.Errorf("%s: %v", v, err)
		}
	}
	if _, err := AppendDecimalFixed(nil, big.NewRat(200, 1), 1, 3, 0); !errors.As(err, &unfit) {
		t.Error(err)
	}
	if _, err := AppendDecimal(nil, nil, 4, 0); !errors.Is(err, ErrNilDecimal) {
		t.Error(err)
	}
}

// Every count is a time that is written as that count again; a time beyond the counts is refused.
func TestTimestampsAtTheEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		append func([]byte, time.Time) ([]byte, error)
		read   func(*Reader) time.Time
	}{
		"millis": {AppendTimestampMillis, (*Reader).TimestampMillis},
		"micros": {AppendTimestampMicros, (*Reader).TimestampMicros},
		"nanos":  {AppendTimestampNanos, (*Reader).TimestampNanos},
	} {
		for _, v := range []int64{math.MinInt64, math.MinInt64 + 1, -1001, -1, 0, 1, 999, math.MaxInt64 - 1, math.MaxInt64} {
			data := long(v)
			got, err := c.append(nil, c.read(read(data)))
			if err != nil || string(got) != data {
				t.Errorf("%s: %d: %x, %v", name, v, got, err)
			}
		}
		if _, err := c.append(nil, time.Unix(1<<55, 0)); err == nil {
			t.Errorf("%s: a billion years were written", name)
		}
	}
	if _, err := AppendDate(nil, time.Unix(1<<50, 0)); err == nil {
		t.Error("a date beyond an int was written")
	}
	if _, err := AppendTimeMillis(nil, 1<<62); err == nil {
		t.Error("a time of day beyond an int was written")
	}
	zone := time.FixedZone("there", 2*60*60)
	if got := Local(time.Date(2026, 1, 1, 1, 0, 0, 0, zone)); !got.Equal(time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)) {
		t.Error(got)
	}
}

func TestUUIDs(t *testing.T) {
	t.Parallel()
	const text = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
	id, err := ParseUUID(strings.ToUpper(text))
	if err != nil || id.String() != text {
		t.Errorf("%s, %v", id, err)
	}
	data := AppendUUID(nil, id)
	if got := read(string(data)).UUID(); got != id || !bytes.HasSuffix(data, []byte(text)) {
		t.Errorf("%s from %x", got, data)
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.Replace(text, "-", "_", 1), strings.Replace(text, "f", "g", 1)} {
		if _, err := ParseUUID(bad); err == nil {
			t.Errorf("%q is no UUID", bad)
		}
	}
	var back UUID
	if err := back.UnmarshalText([]byte(text)); err != nil || back != id {
		t.Errorf("%s, %v", back, err)
	}
}

func TestStringsOutliveTheReadsAfterThem(t *testing.T) {
	t.Parallel()
	var r Reader
	var kept []string
	const texts = 5000 // of many slabs
	text := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), i%(slabString+20)) }
	for i := range texts {
		data, err := AppendString(nil, text(i))
		if err != nil {
			t.Fatal(err)
		}
		r.Reset(data)
		kept = append(kept, r.String())
		for j := range data {
			data[j] = '!'
		}
	}
	for i, s := range kept {
		if s != text(i) {
			t.Fatalf("string %d is %q, want %q", i, s, text(i))
		}
	}
}

// TestStringsOfEveryLength are read with each byte of them at fault once, with what follows them and without, and in a slab with and
// without room, and then cut short.
func TestStringsOfEveryLength(t *testing.T) {
	t.Parallel()
	for length := range 80 {
		for at := -1; at < length; at++ {
			for _, put := range []byte{0, 0x7f, 0x80, 0xff} {
				text := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), 5)[:length]
				if at >= 0 {
					text[at] = put
				}
				data := append(AppendLong(nil, int64(length)), text...)
				start := len(data) - length
				for _, rest := range []string{"", "x", "the next"} {
					for _, room := range []int{0, length - 1, length, holdSlab} {
						holdString(t, append(bytes.Clone(data), rest...), start, string(text), max(room, 0))
					}
				}
			}
		}
		data := AppendLong(nil, int64(length))
		r := read(string(data) + strings.Repeat("a", max(length-1, 0)))
		var bad *DataError
		if s := r.String(); s != "" || length > 0 && (!errors.As(r.Err(), &bad) || bad.Offset != len(data)) {
			t.Errorf("%d bytes less one: %q, %v", length, s, r.Err())
		}
	}
}

const holdSlab = 100 // bytes

func holdString(t *testing.T, data []byte, start int, want string, room int) {
	t.Helper()
	const next = '!'
	r := Reader{slab: bytes.Repeat([]byte{next}, holdSlab), used: holdSlab - room}
	slab := r.slab
	r.Reset(data)
	got := r.String()
	if !utf8.ValidString(want) {
		var bad *DataError
		if got != "" || !errors.As(r.Err(), &bad) || bad.Offset != start || bad.Reason != "string is not valid UTF-8" {
			t.Errorf("%q, room for %d: %q, %v", data, room, got, r.Err())
		}
		return
	}
	if got != want || r.Err() != nil || r.Rest() != len(data)-start-len(want) {
		t.Errorf("%q, room for %d: %q, %v, %d bytes are left", data, room, got, r.Err(), r.Rest())
	}
	if len(want) > 0 && bytes.Count(slab[:holdSlab-room], []byte{next}) != holdSlab-room {
		t.Errorf("%q, room for %d: it wrote over the string before", data, room)
	}
}

// TestIntegersOfEveryLength are read at the end of the data and before more of it.
func TestIntegersOfEveryLength(t *testing.T) {
	t.Parallel()
	for shift := range 64 {
		for _, v := range []int64{1 << shift, 1<<shift - 1, -1 << shift, -(1 << shift) - 1, 0x5555555555555555 >> shift, math.MinInt64 >> shift} {
			data := binary.AppendVarint(nil, v)
			for _, rest := range []string{"", "\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x01\x80\x01\x80\x01\x80\x01\x80"} {
				r := read(string(data) + rest)
				if got := r.Long(); got != v || r.Err() != nil || r.Rest() != len(rest) {
					t.Errorf("%d before %q: %d, %v, %d bytes are left", v, rest, got, r.Err(), r.Rest())
				}
			}
			r := read(string(data[:len(data)-1]))
			if got := r.Long(); got != 0 || !r.Failed() {
				t.Errorf("%d cut short: %d, %v", v, got, r.Err())
			}
		}
	}
}
