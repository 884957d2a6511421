package replay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
)

func examplePlan() replay.Plan {
	return replay.Plan{
		Version: replay.PlanVersion, ID: "20240501-100000-a1b2c3d4", MadeAt: time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC), MadeBy: "ann@laptop",
		Source: replay.Source{ClusterID: "c1", Topics: []string{"orders"}, From: "@2024-04-01", To: "end"},
		Topics: []replay.TopicState{{Name: "orders", ID: "00ff", Partitions: 2}},
		Filter: filter.Filter{Events: []string{"shop.Order"}, Key: "AA-*", Where: "event.id > 3 && key < 'b'"},
		Target: replay.Target{ClusterID: "c1", Topic: "again", Partitions: 2},
		Spans: []replay.Span{
			{Topic: "orders", Partition: 0, OffsetRange: headrace.OffsetRange{From: 3, To: 9}, LogStart: 1, LogEnd: 10, Events: 4, Bytes: 100},
			{Topic: "orders", Partition: 1, OffsetRange: headrace.OffsetRange{From: 2, To: 2}, LogStart: 2, LogEnd: 2, Gone: 2, Committed: -1},
		},
		Counts: replay.Counts{
			Scanned: 6, Events: 4, Bytes: 100, ByEvent: map[string]int64{"shop.Order": 4}, ByDay: map[string]int64{"2024-04-02": 4},
		},
		Writers: []replay.Writer{{Ref: schema.Ref{GUID: schema.GUID{1, 2, 254}, ByGUID: true}}, {Ref: schema.RefID(7), Event: "shop.Order", Events: 4, Problems: []string{"<none>"}}},
		Risks:   []string{"none that is known"}, Seconds: 1.5,
	}
}

func TestPlanFileIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := examplePlan()
	var file bytes.Buffer
	if err := want.Write(&file); err != nil {
		t.Fatal(err)
	}
	got, err := replay.ReadPlan(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlanFileThatIsWrongSaysWhatIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		old, changed string
		want         string
	}{
		{`"version": 1`, `"version": 2`, "version: 2 is not 1"},
		{`"version": 1`, `"version": "1"`, "version: line 2: string is not int"},
		{`"version": 1,`, ``, "version: is missing"},
		{`"made_by"`, `"made_bye"`, `unknown field "made_bye"`},
		{`"id": "20240501-100000-a1b2c3d4"`, `"id": "../x"`, `id: "../x" is not`},
		{`"made_at": "2024-05-01T10:00:00Z"`, `"made_at": "0001-01-01T00:00:00Z"`, "made_at: is missing"},
		{`"from": 3`, `"from": -3`, "spans[0]: -3 is negative"},
		{`"from": 3`, `"from": 0`, "spans[0]: 0 to 9 is not within its log, 1 to 10"},
		{`"from": 3`, `"from": 10`, "spans[0]: ends at 9, before it begins at 10"},
		{`"from": 3`, `"from": 3.5`, "number 3.5 is not int64"},
		{`"to": 9,`, `"to": 11,`, "not within its log"},
		{`"events": 4,` + "\n      \"bytes\"", `"events": 40,` + "\n      \"bytes\"", "spans[0].events: 40 are more than lie from 3 to 9"},
		{`"partition": 1`, `"partition": 0`, "spans[1]: topic orders partition 0 is there twice"},
		{`"partition": 0`, `"partition": 5`, "does not come after"},
		{`"committed": -1`, `"committed": -2`, "spans[1].committed: -2"},
		{`"topic": "orders"`, `"topic": "other"`, `spans[0].topic: "other"`},
		{`"name": "orders"`, `"name": "other"`, `spans[0].topic: "orders" is not one of topics`},
		{`"partitions": 2`, `"partitions": 1`, "spans[1].partition: 1 is not one of the 1 of topic orders"},
		{`"topic": "again"`, `"topic": "again", "rewind": "g"`, "target: has 2 of"},
		{`"topic": "again"`, `"topic": "again", "raw": true`, "target.raw: passes whole batches"},
		{`"key": "AA-*"`, `"key": "["`, "filter: key"},
		{`"where": "event.id > 3`, `"where": "event.id >`, "filter: where:1:"},
		{`"scanned": 6`, `"scanned": 3`, "counts.events: 4 are more than the 3"},
		{`"2024-04-02": 4`, `"2024-04-02": -4`, "counts.by_day.2024-04-02: -4 is negative"},
		{`"seconds": 1.5`, `"seconds": -1`, "seconds: -1 is negative"},
		{`"guid": "0102`, `"guid": "01g2`, "is not a GUID"},
		{`"id": 7`, `"id": 7, "more": 1`, `unknown field "more"`},
		{"{", "{,", "line 1: invalid character"},
	} {
		var file bytes.Buffer
		if err := examplePlan().Write(&file); err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(file.String(), c.old, c.changed, 1)
		if text == file.String() {
			t.Fatalf("the file has no %s:\n%s", c.old, text)
		}
		_, err := replay.ReadPlan(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.changed, err, c.want)
		}
	}
	for _, text := range []string{"", "null", "[]", "{}", `{"version":1} {}`, strings.Repeat(" ", 64<<20) + "{}"} {
		if _, err := replay.ReadPlan(strings.NewReader(text)); err == nil {
			t.Errorf("%.20q is read as a plan", text)
		}
	}
}

func TestPlanThatIsWrongIsNotWritten(t *testing.T) {
	t.Parallel()
	p := examplePlan()
	p.Spans[0].To = 1
	var file bytes.Buffer
	wrong, ok := errors.AsType[*replay.PlanError](p.Write(&file))
	if !ok || wrong.Field != "spans[0]" || file.Len() > 0 {
		t.Errorf("%v, and %d bytes", wrong, file.Len())
	}
}

func FuzzReadPlan(f *testing.F) {
	text, err := json.Marshal(examplePlan())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := replay.ReadPlan(bytes.NewReader(text))
		if err != nil {
			return
		}
		var file bytes.Buffer
		if err := p.Write(&file); err != nil {
			t.Fatalf("a plan that was read is not written: %v", err)
		}
		if _, err := replay.ReadPlan(&file); err != nil {
			t.Fatalf("a plan that was written is not read: %v", err)
		}
	})
}
