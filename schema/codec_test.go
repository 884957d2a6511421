package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hamba/avro/v2"

	"github.com/headrace/headrace/schema/codec"
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

	Ignored  chan int `avro:"-"`
	internal int
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

func TestEveryTypeComesBack(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder[everything](nil)
	if err != nil {
		t.Fatal(err)
	}
	sparse := everything{
		Colour: "RED", Pointer: &card{}, FixedDecimal: new(big.Rat), UUID: "00000000-0000-0000-0000-000000000000",
		UUIDFixedText: "00000000-0000-0000-0000-000000000000", Nanos: time.Unix(0, 0).UTC(), LocalNanos: time.Unix(0, 0).UTC(), Payment: payment{Split: []string{}},
	}
	for i, want := range []everything{fullEverything(), sparse} {
		data, err := enc.Append([]byte("kept"), &want)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte("kept")) {
			t.Errorf("%d: dst was lost", i)
		}
		got := everything{String: "stale", Cards: make([]card, 9)}
		if err := dec.DecodeFrom(enc.Schema(), data[4:], &got); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			// What has no null comes back empty.
			want.Bytes, want.Strings, want.Cards, want.Map = []byte{}, []string{}, []card{}, map[string]float64{}
		}
		opts := cmp.Options{cmp.AllowUnexported(everything{}), cmp.Comparer(func(a, b big.Rat) bool { return a.Cmp(&b) == 0 })}
		if diff := cmp.Diff(want, got, opts); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
		text, err := ToJSON(enc.Schema(), data[4:])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := FromJSON(enc.Schema(), text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		for n := range data[4:] {
			if err := dec.DecodeFrom(enc.Schema(), data[4:4+n], &got); err == nil {
				t.Errorf("%d: %d of %d bytes decode", i, n, len(data)-4)
			}
			if diff := cmp.Diff(everything{}, got, opts); diff != "" {
				t.Errorf("%d: a half-filled value: %s", i, diff)
			}
		}
	}
}

// hamba's codecs write what ours do, for the types that hamba has.
func TestEncodingEqualsHambas(t *testing.T) {
	t.Parallel()
	theirs, err := avro.ParseWithCache(order{}.AvroSchema(), "", &avro.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	api := avro.Config{DisableBlockSizeHeader: true}.Freeze()
	want, err := api.Marshal(theirs, sampleOrder())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, orderBytes(t)); diff != "" {
		t.Error(diff)
	}
	// hamba's default writes blocks with their size, which must be read too.
	sized, err := avro.Marshal(theirs, sampleOrder())
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder[order](nil)
	if err != nil {
		t.Fatal(err)
	}
	var got order
	if err := dec.DecodeFrom(dec.Schema(), sized, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleOrder(), got); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeErrorsNameTheField(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	bad, points := "\xff", int64(1)
	for path, c := range map[string]struct {
		set    func(*everything)
		reason string
	}{
		"/intAsInt":                {func(e *everything) { e.IntAsInt = math.MaxInt32 + 1 }, "does not fit an int"},
		"/uint64":                  {func(e *everything) { e.Uint64 = math.MaxInt64 + 1 }, "does not fit a long"},
		"/string":                  {func(e *everything) { e.String = bad }, "UTF-8"},
		"/strings/1":               {func(e *everything) { e.Strings = []string{"", bad} }, "UTF-8"},
		"/cards/0/number":          {func(e *everything) { e.Cards = []card{{bad}} }, "UTF-8"},
		"/map/a key":               {func(e *everything) { e.Map = map[string]float64{bad: 1} }, "UTF-8"},
		"/maybeMap/k":              {func(e *everything) { e.MaybeMap = map[string]string{"k": bad} }, "UTF-8"},
		"/colour":                  {func(e *everything) { e.Colour = "PINK" }, "no symbol of enum all.Colour"},
		"/severity":                {func(e *everything) { e.Severity = 2 }, "no such severity"},
		"/pointer":                 {func(e *everything) { e.Pointer = nil }, "nil"},
		"/payment":                 {func(e *everything) { e.Payment = payment{} }, "no branch"},
		"/payment2":                {func(e *everything) { e.Payment2 = &payment{Card: &card{}, Points: &points} }, "both set"},
		"/decimal":                 {func(e *everything) { e.Decimal = *big.NewRat(1, 3) }, "decimal places"},
		"/fixedDecimal":            {func(e *everything) { e.FixedDecimal = big.NewRat(1e18, 1) }, "digits"},
		"/maybeDecimal":            {func(e *everything) { e.MaybeDecimal = big.NewRat(1001, 1) }, "digits"},
		"/uuid":                    {func(e *everything) { e.UUID = "x" }, "UUID"},
		"/uuidFixedText":           {func(e *everything) { e.UUIDFixedText = "" }, "UUID"},
		"/timeMillis":              {func(e *everything) { e.TimeMillis = 24 * time.Hour }, "time of day"},
		"/timeMicros":              {func(e *everything) { e.TimeMicros = -1 }, "time of day"},
		"/nanos":                   {func(e *everything) { e.Nanos = time.Time{} }, "beyond"},
		"/maybeNanos":              {func(e *everything) { e.MaybeNanos = new(time.Time) }, "beyond"},
		"/payment/all.Card/number": {func(e *everything) { e.Payment = payment{Card: &card{bad}} }, "UTF-8"},
	} {
		e := fullEverything()
		c.set(&e)
		dst, err := enc.Append([]byte("kept"), &e)
		var fault *EncodeError
		if !errors.As(err, &fault) || !strings.Contains(fault.Reason, c.reason) || string(dst) != "kept" {
			t.Errorf("%s: %q, %v", path, dst, err)
			continue
		}
		if fault.Path != path && !strings.HasPrefix(path, "/payment/") || fault.Event != "all.Everything" {
			t.Errorf("%s: path %s of %s", path, fault.Path, fault.Event)
		}
	}
	if _, err := enc.Append(nil, nil); err == nil {
		t.Error("nil was encoded")
	}
	ok := fullEverything()
	if _, err := enc.Append(nil, &ok); err != nil {
		t.Errorf("after errors: %v", err)
	}
}

// Depth counts what is nested, not what stands side by side.
func TestManyItemsAreNotDeep(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	e := fullEverything()
	e.Cards = make([]card, 10*MaxDepth)
	if _, err := enc.Append(nil, &e); err != nil {
		t.Error(err)
	}
	tree, err := NewEncoder[nodeV2]()
	if err != nil {
		t.Fatal(err)
	}
	broad := nodeV2{Kids: make([]nodeV2, 10*MaxDepth)}
	for i := range broad.Kids {
		broad.Kids[i].By = map[string]nodeV2{"a": {}, "b": {}}
	}
	data, err := tree.Append(nil, &broad)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Schema().Check(data); err != nil {
		t.Error(err)
	}
}

func TestTimesOfOtherZones(t *testing.T) {
	t.Parallel()
	tokyo := time.FixedZone("Tokyo", 9*3600)
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	e := fullEverything()
	at := time.Date(2024, 3, 1, 5, 0, 0, 0, tokyo)
	e.Date, e.Millis, e.LocalMillis = at, at, at
	data, err := enc.Append(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	text, err := ToJSON(enc.Schema(), data)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"date":"2024-02-29"`, `"millis":"2024-02-29T20:00:00Z"`, `"localMillis":"2024-03-01T05:00:00"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// misfit types, one per mistake.
type (
	noField     struct{ A int32 }
	wrongType   struct{ A string }
	extraField  struct{ A, B, C int32 }
	notExported struct {
		A int32
		b int32 `avro:"B"`
	}
	twiceNamed struct {
		A int32
		B int32 `avro:"A"`
	}
	noNull      struct{ A int32 }
	noUnion     struct{ A any }
	lacksBranch struct{ A struct{ String *string } }
	plainBranch struct {
		A struct {
			S string `avro:"string"`
			I *int32 `avro:"int"`
		}
	}
	wrongSize    struct{ A [3]byte }
	wrongInside  struct{ A []map[string]bool }
	noStruct     struct{ A map[string]any }
	wrongDecimal struct{ A float64 }
	wrongTime    struct{ A time.Duration }
	lossyFloat   struct{ A float32 }
	intKey       struct{ A map[int]string }
)

func twoInts() string { return record(`{"name":"A","type":"int"},{"name":"B","type":"int"}`) }

func oneA(typ string) string { return record(`{"name":"A","type":` + typ + `}`) }

func (noField) AvroSchema() string     { return twoInts() }
func (wrongType) AvroSchema() string   { return oneA(`"int"`) }
func (extraField) AvroSchema() string  { return twoInts() }
func (notExported) AvroSchema() string { return twoInts() }
func (twiceNamed) AvroSchema() string  { return twoInts() }
func (noNull) AvroSchema() string      { return oneA(`["null","int"]`) }
func (noUnion) AvroSchema() string     { return oneA(`["string","int"]`) }
func (lacksBranch) AvroSchema() string { return oneA(`["string","int"]`) }
func (plainBranch) AvroSchema() string { return oneA(`["string","int"]`) }
func (wrongSize) AvroSchema() string   { return oneA(`{"type":"fixed","name":"F","size":4}`) }
func (wrongInside) AvroSchema() string {
	return oneA(`{"type":"array","items":{"type":"map","values":"string"}}`)
}

func (noStruct) AvroSchema() string { return oneA(`{"type":"record","name":"S","fields":[]}`) }
func (wrongDecimal) AvroSchema() string {
	return oneA(`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`)
}
func (wrongTime) AvroSchema() string  { return oneA(`{"type":"long","logicalType":"timestamp-millis"}`) }
func (lossyFloat) AvroSchema() string { return oneA(`"double"`) }
func (intKey) AvroSchema() string     { return oneA(`{"type":"map","values":"string"}`) }

func TestTypesThatDoNotFitAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	both := func(enc, dec error) [2]error { return [2]error{enc, dec} }
	build := map[string]struct {
		errs [2]error
		path string
		says string
	}{
		"no field":       {both(encErr[noField]()), "/B", "has no field for it"},
		"wrong type":     {both(encErr[wrongType]()), "/A", "Go type string does not fit Avro int: use int32"},
		"extra field":    {both(encErr[extraField]()), "/C", "record n.R has no such field"},
		"not exported":   {both(encErr[notExported]()), "", "not exported"},
		"named twice":    {both(encErr[twiceNamed]()), "", `are both "A"`},
		"no null":        {both(encErr[noNull]()), "/A", "pointer"},
		"no union":       {both(encErr[noUnion]()), "/A", "one pointer per branch"},
		"lacks a branch": {both(encErr[lacksBranch]()), "/A", "no field for the union's branch string"},
		"plain branch":   {both(encErr[plainBranch]()), "/A", "make it a pointer"},
		"wrong size":     {both(encErr[wrongSize]()), "/A", "[4]uint8"},
		"wrong inside":   {both(encErr[wrongInside]()), "/A/[]/{}", "Go type bool does not fit Avro string"},
		"no struct":      {both(encErr[noStruct]()), "/A", "a struct"},
		"wrong decimal":  {both(encErr[wrongDecimal]()), "/A", "*big.Rat"},
		"wrong time":     {both(encErr[wrongTime]()), "/A", "time.Time"},
		"lossy float":    {both(encErr[lossyFloat]()), "/A", "float64"},
		"integer keys":   {both(encErr[intKey]()), "/A", "string keys"},
	}
	for name, c := range build {
		for i, err := range c.errs {
			var fault *TypeError
			if !errors.As(err, &fault) || fault.Path != c.path || !strings.Contains(fault.Reason, c.says) || !strings.Contains(err.Error(), "schema.") {
				t.Errorf("%s (%d): %v", name, i, err)
			}
		}
	}
}

func encErr[E Event]() (enc, dec error) {
	_, enc = NewEncoder[E]()
	_, dec = NewDecoder[E](nil)
	return enc, dec
}

type (
	noRecord    struct{}
	noSchema    struct{}
	panics      struct{}
	byReference struct{}
)

func (noRecord) AvroSchema() string     { return `"string"` }
func (noSchema) AvroSchema() string     { return `{` }
func (panics) AvroSchema() string       { panic("no schema today") }
func (*byReference) AvroSchema() string { return record(``) }

func TestEventsWithoutAUsableSchema(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func() (error, error){
		"no record": encErr[noRecord], "no schema": encErr[noSchema], "panics": encErr[panics], "by reference": encErr[*byReference], "interface": encErr[Event],
	} {
		enc, dec := build()
		if enc == nil || dec == nil || strings.Contains(enc.Error(), "goroutine") {
			t.Errorf("%s: %v, %v", name, enc, dec)
		}
	}
}

// selfMade encodes and decodes itself.
type selfMade struct {
	N    int64 `avro:"n"`
	mode string
}

func (selfMade) AvroSchema() string { return record(`{"name":"n","type":"long"}`) }

func (s selfMade) AppendAvro(dst []byte) ([]byte, error) {
	if s.mode == "fail" {
		return nil, errors.New("not today")
	}
	return appendLong(dst, s.N), nil
}

func (s *selfMade) DecodeAvro(r *codec.Reader) {
	s.N, s.mode = r.Long(), "self"
	switch s.N {
	case 63:
		panic("boom")
	case 62:
		r.Fail("not sixty-two")
		r.InField("n")
	}
}

func TestTypesThatEncodeThemselves(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[selfMade]()
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder[selfMade](nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enc.Append(nil, &selfMade{mode: "fail"}); err == nil || !strings.Contains(err.Error(), "n.R") {
		t.Error(err)
	}
	data, err := enc.Append(nil, &selfMade{N: 21})
	if err != nil {
		t.Fatal(err)
	}
	var got selfMade
	if err := dec.DecodeFrom(mustParse(t, enc.Schema().String()), data, &got); err != nil || got.N != 21 || got.mode != "self" {
		t.Errorf("%+v, %v", got, err)
	}
	// Another writer's data is rewritten first.
	wider := mustParse(t, record(`{"name":"x","type":"string"},{"name":"n","type":"int"}`))
	if err := dec.DecodeFrom(wider, mustAvro(t, wider, `{"x":"y","n":5}`), &got); err != nil || got.N != 5 || got.mode != "self" {
		t.Errorf("%+v, %v", got, err)
	}
	for data, says := range map[string]string{
		long(63): "panicked: boom", long(62): "/n: not sixty-two (byte 1)", long(1) + "\x00": "1 bytes follow the value (byte 1)", "": "ends inside", "\x80": "ends inside",
	} {
		var bad *DataError
		if err := dec.DecodeFrom(enc.Schema(), []byte(data), &got); !errors.As(err, &bad) || !strings.Contains(err.Error(), says) || bad.Schema != "n.R" || got != (selfMade{}) {
			t.Errorf("%x: %v, %+v", data, err, got)
		}
	}
}

func TestEncodeAllocatesNothing(t *testing.T) {
	enc, err := NewEncoder[order]()
	if err != nil {
		t.Fatal(err)
	}
	o := sampleOrder()
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := enc.Append(dst, &o); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEncoderAndDecoderAreShared(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	dec, err := NewDecoder[everything](nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			// Each goroutine brings its own copy of the writer's schema, so that plans are built side by side.
			writer, err := Parse(enc.Schema().String())
			if err != nil {
				t.Error(err)
				return
			}
			want := fullEverything()
			var buf []byte
			for range 100 {
				var got everything
				if buf, err = enc.Append(buf[:0], &want); err != nil {
					t.Error(err)
				}
				if err := dec.DecodeFrom(writer, buf, &got); err != nil {
					t.Error(err)
				}
				// Nothing of the event is a view into the buffer.
				for i := range buf {
					buf[i] = 0xee
				}
				if got.String != want.String || !bytes.Equal(got.Bytes, want.Bytes) || got.Map[""] != 3 || got.Cards[1].Number != "2" {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	wg.Wait()
}

func TestDecodeAsksTheRegistryOncePerWriter(t *testing.T) {
	t.Parallel()
	calls := 0
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		switch r.URL.Path {
		case "/schemas/ids/1":
			answer(w, 200, fmt.Sprintf(`{"schema":%q}`, order{}.AvroSchema()))
		case "/schemas/ids/2":
			answer(w, 200, `{"schema":"{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":[]}"}`)
		case "/schemas/ids/3":
			_, _ = io.WriteString(w, `{"schema":"{"}`)
		case "/schemas/ids/4":
			answer(w, 404, `{"error_code":40403,"message":"no"}`)
		default:
			answer(w, 403, `{}`)
		}
	})
	dec, err := NewDecoder[order](reg)
	if err != nil {
		t.Fatal(err)
	}
	body := orderBytes(t)
	for range 3 {
		var got order
		if err := dec.Decode(t.Context(), RefID(1), body, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sampleOrder(), got); diff != "" {
			t.Fatal(diff)
		}
	}
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
	var resolve *ResolveError
	var invalid *InvalidSchemaError
	var unknown *UnknownSchemaError
	for id, target := range map[int]any{2: &resolve, 3: &invalid, 4: &unknown} {
		got := sampleOrder()
		err := dec.Decode(t.Context(), RefID(id), body, &got)
		if !errors.As(err, target) || Unavailable(err) || !strings.Contains(err.Error(), "shop.Order") || got.ID != "" {
			t.Errorf("id %d: %v", id, err)
		}
	}
	if err := dec.Decode(t.Context(), RefID(2), body, new(order)); !errors.As(err, &resolve) || len(resolve.Problems) < 5 || resolve.Writer != RefID(2) {
		t.Errorf("%v", err)
	}
	if err := dec.Decode(t.Context(), RefID(9), body, new(order)); !Unavailable(err) {
		t.Errorf("forbidden: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dec.Decode(ended, RefID(10), body, new(order)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	alone, err := NewDecoder[order](nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := alone.Decode(t.Context(), RefID(1), body, new(order)); err == nil {
		t.Error("decoded without a registry")
	}
}

func TestDecoderKeepsABoundedNumberOfPlans(t *testing.T) {
	t.Parallel()
	dec, err := NewDecoder[order](nil)
	if err != nil {
		t.Fatal(err)
	}
	body := orderBytes(t)
	for range maxPlans + 10 {
		s := *dec.Schema()
		if err := dec.DecodeFrom(&s, body, new(order)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(*dec.plans.Load()); n > maxPlans {
		t.Errorf("%d plans are kept", n)
	}
}

func TestIntegersThatTheGoTypeCannotHold(t *testing.T) {
	t.Parallel()
	s := mustParse(t, everything{}.AvroSchema())
	enc, _ := NewEncoder[everything]()
	e := fullEverything()
	data, err := enc.Append(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	text, err := ToJSON(s, data)
	if err != nil {
		t.Fatal(err)
	}
	dec, _ := NewDecoder[everything](nil)
	for from, to := range map[string]string{`"int8":-128`: `"int8":128`, `"uint16":65535`: `"uint16":-1`, `"uint64":9223372036854775807`: `"uint64":-1`} {
		changed := strings.Replace(string(text), from, to, 1)
		if changed == string(text) {
			t.Fatalf("no %s in %s", from, text)
		}
		var got everything
		err := dec.DecodeFrom(s, mustAvro(t, s, changed), &got)
		var bad *DataError
		if !errors.As(err, &bad) || !strings.HasPrefix(from, `"`+strings.TrimPrefix(bad.Path, "/")+`"`) {
			t.Errorf("%s: %v", to, err)
		}
		if got.By != "" || got.Bool {
			t.Errorf("%s: a half-filled value: %+v", to, got)
		}
	}
}
