package shadow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/shadow"
	"github.com/headrace/headrace/schema"
)

const (
	totalText = `{"type":"record","name":"Total","namespace":"shop","fields":[
		{"name":"n","type":"long"},{"name":"at","type":"string"},
		{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"sku","type":"string"},{"name":"price","type":"double"}]}}}]}`
	newTotalText = `{"type":"record","name":"Total","namespace":"shop","fields":[
		{"name":"n","type":"double"},{"name":"at","type":"string"},{"name":"note","type":["null","string"],"default":null},
		{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"sku","type":"string"},{"name":"price","type":"double"}]}}}]}`
)

// sides is a broker with what production wrote, totals, and what a shadow run wrote, totals.shadow.
type sides struct {
	*world
	ids     map[string]int
	schemas map[string]*schema.Schema
}

func newSides(t *testing.T, partitions int32) *sides {
	t.Helper()
	s := &sides{world: newWorld(t), ids: map[string]int{}, schemas: map[string]*schema.Schema{}}
	for name, text := range map[string]string{"old": totalText, "new": newTotalText, "sale": saleText2} {
		s.schemas[name] = s.parse(text)
		s.ids[name] = s.register("totals-"+name, s.schemas[name])
	}
	s.topic("totals", partitions)
	s.topic("totals.shadow", partitions)
	return s
}

// avro encodes a value given as JSON.
func (s *sides) avro(name, text string) []byte {
	s.t.Helper()
	body, err := schema.FromJSON(s.schemas[name], []byte(text))
	if err != nil {
		s.t.Fatal(err)
	}
	return append(schema.AppendID(nil, s.ids[name]), body...)
}

func (s *sides) total(n int, at string) []byte {
	return s.avro("old", fmt.Sprintf(`{"n":%d,"at":%q,"lines":[{"sku":"a","price":1.5},{"sku":"b","price":2}]}`, n, at))
}

// wrote is a record for a topic; origin is "" for none.
func wrote(topic string, partition int32, key string, value []byte, origin string) *kgo.Record {
	r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: value}
	if origin != "" {
		r.Headers = []kgo.RecordHeader{{Key: consumer.HeaderOrigin, Value: []byte(origin)}}
	}
	return r
}

func (s *sides) write(records ...*kgo.Record) {
	s.t.Helper()
	if err := s.client.ProduceSync(s.t.Context(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sides) config() shadow.Config {
	return shadow.Config{
		Cluster: s.cluster, Registry: s.registry, Expected: shadow.Output{Topic: "totals"}, Shadow: shadow.Output{Topic: "totals.shadow"},
	}
}

func (s *sides) compare(cfg shadow.Config) shadow.Difference {
	s.t.Helper()
	d, err := shadow.Compare(s.t.Context(), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func offset(n int64) *int64 { return &n }

func TestCompareFindsWhatDiffers(t *testing.T) {
	t.Parallel()
	s := newSides(t, 1)
	at, later := "10:00", "11:00"
	s.write(
		wrote("totals", 0, "a", s.total(1, at), ""),
		wrote("totals", 0, "a", s.total(2, at), ""), // missing
		wrote("totals", 0, "a", s.total(3, at), ""),
		wrote("totals", 0, "b", s.total(4, at), ""), // n changed
		wrote("totals", 0, "c", nil, ""),
		wrote("totals", 0, "d", s.total(5, at), ""), // a tombstone
		wrote("totals", 0, "e", s.avro("old", `{"n":6,"at":"10:00","lines":[{"sku":"a","price":1}]}`), ""),
		wrote("totals", 0, "f", s.total(7, at), ""),             // written by a newer schema
		wrote("totals", 0, "g", []byte("text"), ""),             // changed, and no event
		wrote("totals", 0, "h", s.avro("sale", `{"id":1}`), ""), // of another type
	)
	s.write(
		wrote("totals.shadow", 0, "b", s.total(40, at), ""),
		wrote("totals.shadow", 0, "a", s.total(1, later), ""), // ignored
		wrote("totals.shadow", 0, "a", s.total(3, at), ""),
		wrote("totals.shadow", 0, "c", nil, ""),
		wrote("totals.shadow", 0, "c", s.total(9, at), ""), // extra
		wrote("totals.shadow", 0, "d", nil, ""),
		wrote("totals.shadow", 0, "e", s.avro("old", `{"n":6,"at":"10:00","lines":[{"sku":"a","price":2},{"sku":"z","price":2}]}`), ""),
		wrote("totals.shadow", 0, "f", s.avro("new", `{"n":7,"at":"10:00","note":null,"lines":[{"sku":"a","price":1.5},{"sku":"b","price":2}]}`), ""),
		wrote("totals.shadow", 0, "g", []byte("test"), ""),
		wrote("totals.shadow", 0, "h", s.total(1, at), ""),
	)
	cfg := s.config()
	cfg.Ignore = []string{"at"}
	changed := func(e, sh int64, key, event string, fields ...shadow.FieldValue) shadow.Deviation {
		return shadow.Deviation{Kind: "changed", Expected: offset(e), Shadow: offset(sh), Key: key, Event: event, Fields: fields}
	}
	want := shadow.Difference{
		Expected: 10, Shadow: 10, Same: 3, Missing: 1, Extra: 1, Changed: 6,
		Fields: []shadow.FieldCount{
			{Field: "(value)", Events: 1},
			{Event: "shop.Total", Field: "(type)", Events: 1},
			{Event: "shop.Total", Field: "(value)", Events: 1},
			{Event: "shop.Total", Field: "lines[]", Events: 1},
			{Event: "shop.Total", Field: "lines[].price", Events: 1},
			{Event: "shop.Total", Field: "n", Events: 1},
			{Event: "shop.Total", Field: "note", Events: 1},
		},
		Examples: []shadow.Deviation{
			{Kind: "missing", Expected: offset(1), Key: "a", Event: "shop.Total"},
			{Kind: "extra", Shadow: offset(4), Key: "c", Event: "shop.Total"},
			changed(3, 0, "b", "shop.Total", shadow.FieldValue{Field: "n", Expected: "4", Shadow: "40"}),
			changed(5, 5, "d", "shop.Total", shadow.FieldValue{Field: "(value)", Expected: `{"at":"10:00","lines":[{"price":1.5,"sku":"a"},{"price":2,"sku":"b"}],"n":5}`, Shadow: "tombstone"}),
			changed(6, 6, "e", "shop.Total", shadow.FieldValue{Field: "lines[].price", Expected: "1", Shadow: "2"},
				shadow.FieldValue{Field: "lines[]", Expected: "1 items", Shadow: "2 items"}),
			changed(7, 7, "f", "shop.Total", shadow.FieldValue{Field: "note", Expected: "absent", Shadow: "null"}),
			changed(8, 8, "g", "", shadow.FieldValue{Field: "(value)", Expected: "dGV4dA==", Shadow: "dGVzdA=="}),
			changed(9, 9, "h", "shop.Total", shadow.FieldValue{Field: "(type)", Expected: `"shop.Sale"`, Shadow: `"shop.Total"`}),
		},
	}
	got := s.compare(cfg)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	if got.Equal() {
		t.Error("it says that nothing differs")
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
	cfg.Ignore = []string{"at", "n", "note", "lines"}
	if got := s.compare(cfg); got.Changed != 3 || got.Missing+got.Extra != 0 && got.Same != 6 {
		t.Errorf("with all fields ignored: %+v", got)
	}
	cfg.Shadow.Topic, cfg.Expected.Range = "totals", reader.Range{}
	cfg.Expected.Topic = "totals.shadow"
	if got := s.compare(cfg); got.Missing != 1 || got.Extra != 1 {
		t.Errorf("the other way round: %+v", got)
	}
}

// TestCompareByOrigin: what was made from an event that was not replayed is left out, and order does not matter.
func TestCompareByOrigin(t *testing.T) {
	t.Parallel()
	s := newSides(t, 1)
	for i := range 10 {
		s.write(wrote("totals", 0, "k", s.total(i, "x"), fmt.Sprintf("orders/1/%d", i)))
	}
	for _, i := range []int{4, 3, 5, 7} { // 6 is missing, and 3 changed
		n := i
		if i == 3 {
			n = 33
		}
		s.write(wrote("totals.shadow", 0, "k", s.total(n, "x"), fmt.Sprintf("orders/1/%d", i)))
	}
	cfg := s.config()
	cfg.OriginHeader = consumer.HeaderOrigin
	cfg.Spans = []replay.Span{{Topic: "orders", Partition: 0, OffsetRange: headrace.OffsetRange{From: 0, To: 10}}, {Topic: "orders", Partition: 1, OffsetRange: headrace.OffsetRange{From: 3, To: 8}}}
	want := shadow.Difference{Expected: 5, Shadow: 4, Same: 3, Missing: 1, Changed: 1, Outside: 5}
	got := s.compare(cfg)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(shadow.Difference{}, "Fields", "Examples")); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	if len(got.Examples) != 2 || *got.Examples[0].Expected != 6 || *got.Examples[1].Expected != 3 || *got.Examples[1].Shadow != 1 {
		t.Errorf("examples %+v", got.Examples)
	}
}

// TestCompareByTime: what a service wrote for a month may lie behind the first event of the next.
func TestCompareByTime(t *testing.T) {
	t.Parallel()
	s := newSides(t, 1)
	at := func(r *kgo.Record, day int) *kgo.Record {
		r.Timestamp = day1.AddDate(0, 0, day)
		return r
	}
	for i, day := range []int{-3, 0, 40, 5, 2, 41} {
		s.write(at(wrote("totals", 0, fmt.Sprint(day), s.total(i, "x"), ""), day))
		if day >= 0 && day < 31 {
			s.write(at(wrote("totals.shadow", 0, fmt.Sprint(day), s.total(i, "x"), ""), day))
		}
	}
	for _, tc := range []struct {
		source        replay.Source
		same, outside int64
		missing       int64
	}{
		{replay.Source{From: "@2024-05-01", To: "31d"}, 3, 2, 0}, // what comes before the range is not read
		{replay.Source{From: "@2024-05-01", To: "@2024-06-01"}, 3, 2, 0},
		{replay.Source{From: "@2024-05-01"}, 3, 0, 2},
		{replay.Source{To: "@2024-06-01"}, 3, 2, 1},
		{replay.Source{}, 3, 0, 3},
	} {
		tc.source.Topics = []string{"orders"}
		cfg, err := s.config().OutputOf(t.Context(), tc.source)
		if err != nil {
			t.Fatal(err)
		}
		if d := s.compare(cfg); d.Same != tc.same || d.Outside != tc.outside || d.Missing != tc.missing || d.Extra+d.Changed != 0 {
			t.Errorf("%+v: %+v", tc.source, d)
		}
	}
	cfg := s.config()
	if _, err := cfg.OutputOf(t.Context(), replay.Source{Topics: []string{"orders"}, From: "3"}); err == nil {
		t.Error("an offset of the input is taken for one of the output")
	}
	cfg.OriginHeader = consumer.HeaderOrigin
	cfg, err := cfg.OutputOf(t.Context(), replay.Source{Topics: []string{"orders"}, From: "3"})
	if err != nil || len(cfg.Spans) != 2 || cfg.Spans[1].From != 3 || cfg.Spans[1].To != 5 {
		t.Errorf("%+v, %v", cfg.Spans, err)
	}
}

// TestCompareAgreesWithAModel: whatever is planted is found, and little memory changes nothing of the answer.
func TestCompareAgreesWithAModel(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	s := newSides(t, 3)
	var e, sh [3][]*kgo.Record
	want := shadow.Difference{}
	for i := range 3000 {
		key := "k" + strconv.Itoa(random.IntN(300))
		partition := int32(len(key)+int(key[len(key)-1])) % 3
		origin := fmt.Sprintf("orders/0/%d", i)
		record := func(topic string, n int) *kgo.Record { return wrote(topic, partition, key, s.total(n, "x"), origin) }
		switch random.IntN(20) {
		case 0:
			want.Missing++
			want.Expected++
			e[partition] = append(e[partition], record("totals", i))
		case 1:
			want.Extra++
			want.Shadow++
			sh[partition] = append(sh[partition], record("totals.shadow", i))
		case 2:
			want.Changed++
			want.Expected++
			want.Shadow++
			e[partition] = append(e[partition], record("totals", i))
			sh[partition] = append(sh[partition], record("totals.shadow", -i-1))
		default:
			want.Same++
			want.Expected++
			want.Shadow++
			e[partition] = append(e[partition], record("totals", i))
			sh[partition] = append(sh[partition], record("totals.shadow", i))
		}
	}
	for partition := range sh { // handlers ran side by side
		random.Shuffle(len(sh[partition]), func(i, j int) {
			if max(i, j)-min(i, j) < 30 {
				sh[partition][i], sh[partition][j] = sh[partition][j], sh[partition][i]
			}
		})
		s.write(e[partition]...)
		s.write(sh[partition]...)
	}
	cfg := s.config()
	cfg.OriginHeader = consumer.HeaderOrigin
	whole := s.compare(cfg)
	if diff := cmp.Diff(want, whole, cmpopts.IgnoreFields(shadow.Difference{}, "Fields", "Examples")); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	cfg.MemoryBytes = 6 << 10
	if diff := cmp.Diff(whole, s.compare(cfg)); diff != "" {
		t.Errorf("with little memory (-with much +with little):\n%s", diff)
	}
	cfg.MemoryBytes = 100
	_, err := shadow.Compare(t.Context(), cfg)
	if _, ok := errors.AsType[*shadow.MemoryError](err); !ok {
		t.Errorf("with no memory at all: %v", err)
	}
}

// TestCompareByOrderAlone: what is missing does not shift what comes behind it.
func TestCompareByOrderAlone(t *testing.T) {
	t.Parallel()
	s := newSides(t, 1)
	var e, sh []*kgo.Record
	for i := range 400 {
		e = append(e, wrote("totals", 0, "k", s.total(i, "x"), ""))
		switch i % 50 {
		case 7: // missing
		case 20:
			sh = append(sh, wrote("totals.shadow", 0, "k", s.total(-i, "x"), ""))
		default:
			sh = append(sh, wrote("totals.shadow", 0, "k", s.total(i, "x"), ""))
		}
	}
	s.write(e...)
	s.write(sh...)
	got := s.compare(s.config())
	if got.Missing != 8 || got.Extra != 0 || got.Changed != 8 || got.Same != 384 {
		t.Errorf("%+v", got)
	}
}

func TestCompareRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	s := newSides(t, 2)
	s.topic("three", 3)
	for _, tc := range []struct {
		change func(*shadow.Config)
		want   string
	}{
		{func(c *shadow.Config) { c.Expected.Topic = "" }, "both need a topic"},
		{func(c *shadow.Config) { c.Shadow.Topic = "totals" }, "is both expected and shadow"},
		{func(c *shadow.Config) { c.Shadow.Topic = "three" }, "has 2 partitions and topic three 3"},
		{func(c *shadow.Config) { c.Shadow.Topic = "nowhere" }, "topic nowhere does not exist"},
		{func(c *shadow.Config) { c.Ignore = []string{"a..b"} }, `"a..b" is no path`},
		{func(c *shadow.Config) { c.MemoryBytes = -1 }, "is negative"},
		{func(c *shadow.Config) { c.Spans = []replay.Span{{}} }, "needs OriginHeader"},
	} {
		cfg := s.config()
		tc.change(&cfg)
		if _, err := shadow.Compare(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want %q", err, tc.want)
		}
	}
	if d := s.compare(s.config()); !d.Equal() || d.Expected != 0 {
		t.Errorf("two empty topics: %+v", d)
	}
}
