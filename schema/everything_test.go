package schema

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"time"
)

type colour string

// level writes itself as text.
type severity int

func (l severity) MarshalText() ([]byte, error) {
	if l > 1 {
		return nil, errors.New("no such severity")
	}
	return []byte([]string{"LOW", "HIGH"}[l]), nil
}

func (l *severity) UnmarshalText(text []byte) error {
	switch string(text) {
	case "LOW":
		*l = 0
	case "HIGH":
		*l = 1
	default:
		return fmt.Errorf("severity %q", text)
	}
	return nil
}

type audit struct {
	By string `avro:"by"`
}

type card struct {
	Number string `avro:"number"`
}

type payment struct {
	Card   *card    `avro:"all.Card"`
	IBAN   *string  `avro:"string"`
	Points *int64   `avro:"long"`
	Split  []string `avro:"array"`
}

// everything has a field of every type.
type everything struct {
	audit
	Null       struct{}           `avro:"null"`
	Bool       bool               `avro:"bool"`
	Int8       int8               `avro:"int8"`
	Int32      int32              `avro:"int32"`
	IntAsInt   int                `avro:"intAsInt"`
	Uint16     uint16             `avro:"uint16"`
	Int64      int64              `avro:"int64"`
	Uint64     uint64             `avro:"uint64"`
	Float32    float32            `avro:"float32"`
	Float64    float64            `avro:"float64"`
	Bytes      []byte             `avro:"bytes"`
	String     string             `avro:"string"`
	Colour     colour             `avro:"colour"`
	Severity   severity           `avro:"severity"`
	Fixed      [4]byte            `avro:"fixed"`
	Strings    []string           `avro:"strings"`
	Cards      []card             `avro:"cards"`
	Map        map[string]float64 `avro:"map"`
	Pointer    *card              `avro:"pointer"`
	Maybe      *int32             `avro:"maybe"`
	MaybeBytes []byte             `avro:"maybeBytes"`
	MaybeMap   map[string]string  `avro:"maybeMap"`
	Payment    payment            `avro:"payment"`
	Payment2   *payment           `avro:"payment2"`

	Decimal       big.Rat       `avro:"decimal"`
	FixedDecimal  *big.Rat      `avro:"fixedDecimal"`
	MaybeDecimal  *big.Rat      `avro:"maybeDecimal"`
	UUID          string        `avro:"uuid"`
	UUIDBytes     [16]byte      `avro:"uuidBytes"`
	UUIDFixed     [16]byte      `avro:"uuidFixed"`
	UUIDFixedText string        `avro:"uuidFixedText"`
	Date          time.Time     `avro:"date"`
	TimeMillis    time.Duration `avro:"timeMillis"`
	TimeMicros    time.Duration `avro:"timeMicros"`
	Millis        time.Time     `avro:"millis"`
	Micros        time.Time     `avro:"micros"`
	Nanos         time.Time     `avro:"nanos"`
	LocalMillis   time.Time     `avro:"localMillis"`
	LocalMicros   time.Time     `avro:"localMicros"`
	LocalNanos    time.Time     `avro:"localNanos"`
	Duration      Duration      `avro:"duration"`
	RawMillis     int64         `avro:"rawMillis"`
	MaybeNanos    *time.Time    `avro:"maybeNanos"`

	Ignored chan int `avro:"-"`
}

func (everything) AvroSchema() string {
	return `{"type":"record","name":"all.Everything","fields":[
	{"name":"by","type":"string"},
	{"name":"null","type":"null"},{"name":"bool","type":"boolean"},{"name":"int8","type":"int"},{"name":"int32","type":"int"},{"name":"intAsInt","type":"int"},
	{"name":"uint16","type":"int"},{"name":"int64","type":"long"},{"name":"uint64","type":"long"},{"name":"float32","type":"float"},{"name":"float64","type":"double"},
	{"name":"bytes","type":"bytes"},{"name":"string","type":"string"},
	{"name":"colour","type":{"type":"enum","name":"Colour","symbols":["RED","BLUE"]}},{"name":"severity","type":{"type":"enum","name":"Severity","symbols":["HIGH","LOW"]}},
	{"name":"fixed","type":{"type":"fixed","name":"Four","size":4}},{"name":"strings","type":{"type":"array","items":"string"}},
	{"name":"cards","type":{"type":"array","items":{"type":"record","name":"Card","fields":[{"name":"number","type":"string"}]}}},
	{"name":"map","type":{"type":"map","values":"double"}},{"name":"pointer","type":"Card"},
	{"name":"maybe","type":["null","int"]},{"name":"maybeBytes","type":["bytes","null"]},{"name":"maybeMap","type":["null",{"type":"map","values":"string"}]},
	{"name":"payment","type":["Card","string","long",{"type":"array","items":"string"}]},
	{"name":"payment2","type":["null","Card","string","long",{"type":"array","items":"string"}]},
	{"name":"decimal","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
	{"name":"fixedDecimal","type":{"type":"fixed","name":"Money","size":8,"logicalType":"decimal","precision":18,"scale":4}},
	{"name":"maybeDecimal","type":["null",{"type":"bytes","logicalType":"decimal","precision":4,"scale":1}]},
	{"name":"uuid","type":{"type":"string","logicalType":"uuid"}},{"name":"uuidBytes","type":{"type":"string","logicalType":"uuid"}},
	{"name":"uuidFixed","type":{"type":"fixed","name":"U1","size":16,"logicalType":"uuid"}},{"name":"uuidFixedText","type":{"type":"fixed","name":"U2","size":16,"logicalType":"uuid"}},
	{"name":"date","type":{"type":"int","logicalType":"date"}},
	{"name":"timeMillis","type":{"type":"int","logicalType":"time-millis"}},{"name":"timeMicros","type":{"type":"long","logicalType":"time-micros"}},
	{"name":"millis","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"micros","type":{"type":"long","logicalType":"timestamp-micros"}},
	{"name":"nanos","type":{"type":"long","logicalType":"timestamp-nanos"}},
	{"name":"localMillis","type":{"type":"long","logicalType":"local-timestamp-millis"}},{"name":"localMicros","type":{"type":"long","logicalType":"local-timestamp-micros"}},
	{"name":"localNanos","type":{"type":"long","logicalType":"local-timestamp-nanos"}},
	{"name":"duration","type":{"type":"fixed","name":"Span","size":12,"logicalType":"duration"}},
	{"name":"rawMillis","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"maybeNanos","type":["null",{"type":"long","logicalType":"timestamp-nanos"}]}]}`
}

func fullEverything() everything {
	nanos := time.Date(2262, 4, 11, 23, 47, 16, 854775807, time.UTC)
	maybe, iban := int32(-5), "DE00"
	id := [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	return everything{
		audit: audit{By: "mill"}, Bool: true, Int8: -128, Int32: math.MinInt32, IntAsInt: math.MaxInt32, Uint16: 65535,
		Int64: math.MinInt64, Uint64: math.MaxInt64, Float32: math.SmallestNonzeroFloat32, Float64: math.MaxFloat64,
		Bytes: []byte{0, 255}, String: "ß\U0001f6b0", Colour: "BLUE", Severity: 1, Fixed: [4]byte{1, 2, 3, 4},
		Strings: []string{"a", ""}, Cards: []card{{"1"}, {"2"}}, Map: map[string]float64{"x": 1, "y": 2, "": 3},
		Pointer: &card{"3"}, Maybe: &maybe, MaybeBytes: []byte{}, MaybeMap: map[string]string{"k": "v"},
		Payment: payment{IBAN: &iban}, Payment2: &payment{Card: &card{"4"}},
		Decimal: *big.NewRat(-9999999999, 100), FixedDecimal: big.NewRat(1, 16), MaybeDecimal: big.NewRat(-1, 10),
		UUID: "01020304-0506-0708-090a-0b0c0d0e0f10", UUIDBytes: id, UUIDFixed: id, UUIDFixedText: "01020304-0506-0708-090a-0b0c0d0e0f10",
		Date: time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), TimeMillis: 24*time.Hour - time.Millisecond, TimeMicros: time.Microsecond,
		Millis: time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC), Micros: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		Nanos: time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC), LocalMillis: time.Date(2024, 2, 29, 1, 2, 3, 4e6, time.UTC),
		LocalMicros: time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC), LocalNanos: time.Date(2024, 2, 29, 1, 2, 3, 4, time.UTC),
		Duration: Duration{Months: 1, Days: 2, Milliseconds: math.MaxUint32}, RawMillis: -1, MaybeNanos: &nanos,
	}
}
