package filter

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

const orderText = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},` +
	`{"name":"total","type":["null","double"],"default":null},` +
	`{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"},"default":0},` +
	`{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"price","type":"double"}]}},"default":[]},` +
	`{"name":"best","type":["null","Line"],"default":null}]}`

// testRegistry is a registry that knows shop.Order, whose id it returns.
func testRegistry(t *testing.T) (*registry.Client, *schema.Schema, int) {
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
	reg, err := registry.FromEnvAt(server.RegistryURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reg.Close)
	order, err := schema.Parse(orderText)
	if err != nil {
		t.Fatal(err)
	}
	id, err := reg.Register(t.Context(), "orders-value", order)
	if err != nil {
		t.Fatal(err)
	}
	return reg, order, id
}

func value(t *testing.T, s *schema.Schema, id int, json string) []byte {
	t.Helper()
	body, err := schema.FromJSON(s, []byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return append(schema.AppendID(nil, id), body...)
}

func TestFilterLetsThroughWhatPassesEveryPart(t *testing.T) {
	t.Parallel()
	reg, order, id := testRegistry(t)
	event := reader.Record{
		Topic: "orders", Partition: 2, Offset: 7, Time: time.UnixMilli(1700000000000).UTC(), Key: []byte("AA-12"),
		Headers: []headrace.Header{{Key: "trace", Value: []byte("old")}, {Key: "trace", Value: []byte("abc")}},
		Value:   value(t, order, id, `{"id":7,"total":3,"at":"2024-01-05T00:00:00Z","lines":[{"price":2}],"best":{"price":2}}`),
	}
	for _, c := range []struct {
		name   string
		filter Filter
		stage  stage
		want   bool
	}{
		{"nothing", Filter{}, stageAll, true},
		{"event", Filter{Events: []string{"shop.Refund", "shop.Order"}}, stageName, true},
		{"other event", Filter{Events: []string{"shop.Refund"}}, stageName, false},
		{"key", Filter{Key: "AA-*"}, stageRecord, true},
		{"other key", Filter{Key: "AA"}, stageRecord, false},
		{"header", Filter{Headers: map[string]string{"tr*": "ab?"}}, stageRecord, true},
		{"other header", Filter{Headers: map[string]string{"trace": "b*"}}, stageRecord, false},
		{"every part", Filter{Events: []string{"shop.Order"}, Key: "BB", Where: "true"}, stageRecord, false},
		{"place", Filter{Where: `topic == "orders" && partition == 2 && offset >= 7`}, stageRecord, true},
		{"time", Filter{Where: `time < timestamp("2024-01-01T00:00:00Z")`}, stageRecord, true},
		{"last header", Filter{Where: `headers["trace"] == "abc"`}, stageRecord, true},
		{"key in words", Filter{Where: `key.startsWith("AA")`}, stageRecord, true},
		{"name", Filter{Where: `name == "shop.Order"`}, stageRecord, true},
		{"field", Filter{Where: `event.id == 7`}, stageValue, true},
		{"whole double stays one", Filter{Where: `event.total * 2.0 == 6.0`}, stageValue, true},
		{"named type", Filter{Where: `event.best.price * 1.5 == 3.0`}, stageValue, true},
		{"list", Filter{Where: `event.lines.exists(l, l.price > 1)`}, stageValue, true},
		{"timestamp", Filter{Where: `event.at > timestamp("2024-01-04T00:00:00Z")`}, stageValue, true},
		{"other value", Filter{Where: `event.id > 7`}, stageValue, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := c.filter.Compile(reg)
			if err != nil {
				t.Fatal(err)
			}
			if m.stage != c.stage {
				t.Errorf("stage %d, want %d", m.stage, c.stage)
			}
			if got, err := m.Match(t.Context(), &event); got != c.want || err != nil {
				t.Errorf("%v, %v", got, err)
			}
			if c.stage <= stageName {
				if got, err := m.MatchRef(t.Context(), schema.RefID(id)); got != c.want || err != nil {
					t.Errorf("by schema: %v, %v", got, err)
				}
			}
		})
	}
}

func TestFilterDoesNotGuess(t *testing.T) {
	t.Parallel()
	reg, order, id := testRegistry(t)
	good := value(t, order, id, `{"id":7}`)
	for _, c := range []struct {
		name   string
		filter Filter
		value  []byte
		want   string // of the error; "" for none: it does not pass
	}{
		{"unknown id by event", Filter{Events: []string{"shop.Order"}}, schema.AppendID(nil, 99), "offset 7 cannot be decided: schema id 99"},
		{"unknown id by value", Filter{Where: "event.id == 7"}, schema.AppendID(nil, 99), "schema id 99"},
		{"corrupt", Filter{Where: "event.id == 7"}, good[:len(good)-1], "shop.Order"},
		{"missing field", Filter{Where: "true &&\n  event.idd == 7"}, good, "where:2:"},
		{"no answer", Filter{Where: "event.total"}, good, "not true or false"},
		{"too dear", Filter{Where: "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, [0,1,2,3,4,5,6,7,8,9].all(d, " +
			"[0,1,2,3,4,5,6,7,8,9].all(e, [0,1,2,3,4,5,6,7,8,9].all(f, a+b+c+d+e+f+offset >= 0))))))"}, good, "cost"},
		{"tombstone", Filter{Where: "event.id == 7"}, nil, ""},
		{"tombstone by event", Filter{Events: []string{"shop.Order"}}, nil, ""},
		{"foreign", Filter{Where: "event.id == 7"}, []byte("{}"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := c.filter.Compile(reg)
			if err != nil {
				t.Fatal(err)
			}
			passes, err := m.Match(t.Context(), &reader.Record{Topic: "orders", Offset: 7, Value: c.value})
			if passes {
				t.Error("it passes")
			}
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if _, ok := errors.AsType[*UndecidedError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	m, err := Filter{Where: "event == null"}.Compile(reg)
	if err != nil {
		t.Fatal(err)
	}
	if passes, err := m.Match(t.Context(), &reader.Record{}); !passes || err != nil {
		t.Errorf("a tombstone is %v, %v", passes, err)
	}
}

func TestFilterThatMakesNoSenseSaysWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filter Filter
		want   string
	}{
		{Filter{Key: "a[b"}, `filter: key: glob "a[b": character 2: the set that begins there has no ]`},
		{Filter{Key: "[z-a]"}, "the range z-a ends before it begins"},
		{Filter{Key: `a\`}, "nothing follows the"},
		{Filter{Headers: map[string]string{"a": "["}}, "filter: headers: glob"},
		{Filter{Events: []string{""}}, "a name is empty"},
		{Filter{Where: "true &&\n evnt.id == 1"}, "filter: where:2:2: undeclared reference to 'evnt'"},
		{Filter{Where: "event.id =="}, "filter: where:1:"},
		{Filter{Where: `offset == "a"`}, "filter: where:1:8: found no matching overload"},
		{Filter{Where: "offset + 1"}, "it is int, not true or false"},
		{Filter{Where: strings.Repeat("(", 20000)}, "filter: where"},
	} {
		if err := c.filter.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.filter, err, c.want)
		}
	}
	if _, err := (Filter{Events: []string{"shop.Order"}}).Compile(nil); err == nil {
		t.Error("a filter by event type does without a registry")
	}
}

// FuzzGlob holds globs against the regular expressions they stand for.
