package replay_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

const saleText = `{"type":"record","name":"Sale","namespace":"shop","fields":[{"name":"id","type":"long"}]}`

// shop is a broker and a registry, with a topic orders of two partitions that holds five sales each, one a day from 2024-05-01 on.
type shop struct {
	t        *testing.T
	server   *devserver.Server
	cluster  headrace.Cluster
	registry *registry.Client
	sale     *schema.Schema
	id       int
	client   *kgo.Client
}

var firstDay = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

func newShop(t *testing.T) *shop {
	t.Helper()
	server, err := devserver.Start(devserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &shop{t: t, server: server, cluster: headrace.Cluster{Brokers: []string{server.KafkaAddr}}}
	if s.registry, err = registry.FromEnvAt(server.RegistryURL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.registry.Close)
	s.sale = s.parse(saleText)
	s.id = s.register("orders-value", s.sale)
	if s.client, err = kgo.NewClient(kgo.SeedBrokers(server.KafkaAddr), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	s.topic("orders", 2)
	for i := range 10 {
		s.put(int32(i%2), i/2, s.value(int64(i)))
	}
	return s
}

func (s *shop) parse(text string) *schema.Schema {
	s.t.Helper()
	parsed, err := schema.Parse(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return parsed
}

func (s *shop) register(subject string, of *schema.Schema) int {
	s.t.Helper()
	id, err := s.registry.Register(s.t.Context(), subject, of)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *shop) topic(name string, partitions int32) {
	s.t.Helper()
	if err := s.server.Broker().CreateTopic(name, partitions, nil); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) value(id int64) []byte {
	return append(schema.AppendID(nil, s.id), byte(id<<1)) // zigzag
}

func (s *shop) put(partition int32, day int, value []byte, headers ...kgo.RecordHeader) {
	s.t.Helper()
	record := &kgo.Record{
		Topic: "orders", Partition: partition, Key: []byte("k"), Value: value, Headers: headers, Timestamp: firstDay.AddDate(0, 0, day),
	}
	if err := s.client.ProduceSync(s.t.Context(), record).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) commit(group string, offset int64) {
	s.t.Helper()
	seek, err := groups.PlanSeek(s.t.Context(), s.cluster, group, groups.Target{Topic: "orders", Offset: offset}, groups.Target{Topic: "orders", Partition: 1, Offset: offset})
	if err == nil {
		err = groups.Apply(s.t.Context(), s.cluster, seek)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) request(from, to string) replay.Request {
	return replay.Request{
		From: s.cluster, Registry: s.registry, By: "ann@laptop",
		Source: replay.Source{Topics: []string{"orders"}, From: from, To: to}, Target: replay.Target{Handlers: "totals"},
	}
}

func (s *shop) make(r replay.Request) replay.Plan {
	s.t.Helper()
	plan, err := replay.Make(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return plan
}

// spans is where a plan's spans begin and end, by partition.
func spans(p replay.Plan) [][2]int64 {
	var found [][2]int64
	for _, s := range p.Spans {
		found = append(found, [2]int64{s.From, s.To})
	}
	return found
}

func wantRisk(t *testing.T, p replay.Plan, want string) {
	t.Helper()
	if !slices.ContainsFunc(p.Risks, func(risk string) bool { return strings.Contains(risk, want) }) {
		t.Errorf("no risk has %q: %q", want, p.Risks)
	}
}

func TestPlanFixesTheEndsOfEveryKindOfPosition(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.commit("mail", 2)
	for _, c := range []struct {
		from, to string
		want     [2]int64
	}{
		{"", "", [2]int64{0, 5}},
		{"start", "end", [2]int64{0, 5}},
		{"1", "3", [2]int64{1, 3}},
		{"+2", "-1", [2]int64{2, 4}},
		{"committed:mail", "end", [2]int64{2, 5}},
		{"start", "committed:mail", [2]int64{0, 2}},
		{"@2024-05-02", "@2024-05-04", [2]int64{1, 3}},
		{"@2024-05-02T00:00:00Z", "@2024-05-04T00:00:00Z", [2]int64{1, 3}},
		{"@2024-05-02", "48h", [2]int64{1, 3}},
		{"@2024-05-02", "2d", [2]int64{1, 3}},
		{"@-1h", "", [2]int64{5, 5}},
		{"committed:mail", "@2024-05-04", [2]int64{2, 3}},
		{"4", "2", [2]int64{4, 4}},
	} {
		got := spans(s.make(s.request(c.from, c.to)))
		if want := [][2]int64{c.want, c.want}; !cmp.Equal(want, got) {
			t.Errorf("%q to %q: %v, want %v", c.from, c.to, got, want)
		}
	}
	for _, c := range []struct{ from, to, want string }{
		{"1:3", "", "not one position"},
		{"", "1:3", "source.to"},
		{"soon", "", "source.from"},
		{"committed:", "", "name of a group"},
		{"committed:nobody", "", "group nobody has committed nothing of topic orders"},
		{"@2024-05-04", "@2024-05-02", "before it starts"},
	} {
		if _, err := replay.Make(t.Context(), s.request(c.from, c.to)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q to %q: %v, want %q", c.from, c.to, err, c.want)
		}
	}
}

func TestPlanCountsWhatTheFilterLetsThrough(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.put(0, 5, nil)
	s.put(0, 5, []byte("{}"))
	s.put(1, 5, schema.AppendID(nil, 999))
	var told [][2]int64
	r := s.request("@2024-05-02", "")
	r.Filter = filter.Filter{Where: "event.id >= 4"}
	r.Limits = replay.Limits{Rate: 0.5}
	r.Progress = func(done, total int64) { told = append(told, [2]int64{done, total}) }
	p := s.make(r)
	want := replay.Counts{
		Scanned: 11, Events: 6, Bytes: 42, ByEvent: map[string]int64{"shop.Sale": 6}, Tombstones: 1, Foreign: 1, Unknown: 1,
		ByDay: map[string]int64{"2024-05-03": 2, "2024-05-04": 2, "2024-05-05": 2},
	}
	if diff := cmp.Diff(want, p.Counts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]replay.Writer{{Ref: schema.RefID(s.id), Event: "shop.Sale", Events: 6}}, p.Writers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p.Spans[0].Events != 3 || p.Spans[1].Bytes != 21 || p.Seconds != 12 || p.MadeBy != "ann@laptop" {
		t.Errorf("planned %+v", p)
	}
	if !cmp.Equal(told[len(told)-1], [2]int64{11, 11}) {
		t.Errorf("told of %v", told)
	}
	wantRisk(t, p, "of unknown schemas, which the filter has to know: 1 event; the run stops there; the first: filter: topic orders partition 1 offset 5 cannot be decided: schema id 999")
	wantRisk(t, p, "would have to read: 1 value")

	// A type that is mistyped is told beside those that are there.
	r.Filter = filter.Filter{Events: []string{"shop.Sail"}}
	mistyped := s.make(r)
	wantRisk(t, mistyped, "no event in the range is of type shop.Sail; the types there are shop.Sale (")
	r.Filter.Events = []string{"shop.Sale"}
	if risks := strings.Join(s.make(r).Risks, "\n"); strings.Contains(risks, "is of type") {
		t.Errorf("the type is there: %s", risks)
	}

	// Without a filter they are all replayed, and the unknown schema is told as one.
	p = s.make(s.request("", ""))
	if p.Counts.Events != 13 || p.Counts.Corrupt != 0 || len(p.Writers) != 2 || len(p.Writers[1].Problems) != 1 {
		t.Errorf("planned %+v", p)
	}
	wantRisk(t, p, "the target cannot read 1 event of schema id 999: schema id 999 is not known")
	r = s.request("", "")
	r.Filter.Where = "event.idd == 1"
	if _, err := replay.Make(t.Context(), r); err == nil || !strings.Contains(err.Error(), "where:1:") || !strings.Contains(err.Error(), "topic orders partition") {
		t.Errorf("a field that is not there: %v", err)
	}
}

func TestPlanSaysWhatIsGone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if err := s.server.Broker().DeleteRecords("orders", 0, 3); err != nil {
		t.Fatal(err)
	}
	p := s.make(s.request("1", ""))
	if got := p.Spans[0]; got.From != 3 || got.Gone != 2 || got.LogStart != 3 || p.Spans[1].Gone != 0 {
		t.Errorf("planned %+v", p.Spans)
	}
	wantRisk(t, p, "gone from retention of what was asked for: 2 offsets in 1 partition")
	wantRisk(t, s.make(s.request("@2024-05-01", "")), "topic orders partition 0 holds nothing before offset 3")
	wantRisk(t, s.make(s.request("@2025-01-01", "")), "nothing lies in the range")
	wantRisk(t, s.make(s.request("", "100")), "ends at offset 5, before the end that was asked for, 100")
}

func TestPlanLooksAtTheTarget(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.topic("again", 2)
	s.topic("narrow", 1)
	s.register("again-value", s.parse(strings.Replace(saleText, `"long"}`, `"long"},{"name":"more","type":"long"}`, 1)))
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.server.KafkaAddr), kgo.ConsumerGroup("watchers"), kgo.ConsumeTopics("again"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	if err := s.server.AwaitGroup(t.Context(), "watchers", 1, nil); err != nil {
		t.Fatal(err)
	}
	r := s.request("", "")
	r.Target = replay.Target{Topic: "again"}
	p := s.make(r)
	if len(p.Writers) != 1 || len(p.Writers[0].Problems) != 1 || !strings.Contains(p.Writers[0].Problems[0], "more") {
		t.Errorf("writers %+v", p.Writers)
	}
	if !cmp.Equal(p.Consumers, []string{"watchers"}) || p.Target.Partitions != 2 || p.Target.ClusterID == "" || p.Target.TopicID == "" {
		t.Errorf("planned %+v", p)
	}
	wantRisk(t, p, "the target cannot read 10 events of")
	wantRisk(t, p, "the events will be seen by watchers, which reads topic again")
	for topic, want := range map[string]string{
		"narrow": "topic narrow has 1 partition, and topic orders 2", "orders": "topic orders is replayed itself", "nowhere": "topic nowhere does not exist",
	} {
		r.Target.Topic = topic
		if _, err := replay.Make(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("to %s: %v, want %q", topic, err, want)
		}
	}
	r = s.request("", "")
	r.Source.Topics = []string{"nowhere"}
	if _, err := replay.Make(t.Context(), r); !isMissing(err) {
		t.Errorf("of a topic that does not exist: %v", err)
	}
	r = s.request("", "")
	r.Readers = []*schema.Schema{s.parse(strings.Replace(saleText, `"id"`, `"number"`, 1))}
	if p := s.make(r); len(p.Writers[0].Problems) != 1 {
		t.Errorf("handlers that cannot read: %+v", p.Writers)
	}
}

func isMissing(err error) bool {
	_, ok := errors.AsType[*reader.MissingTopicError](err)
	return ok
}
