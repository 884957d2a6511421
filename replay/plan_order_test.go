package replay_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema"
)

func TestPlanTellsWhatIsOutOfTime(t *testing.T) {
	t.Parallel()
	s := newShop(t) // each partition holds days 1 to 5
	quiet := s.make(s.request("@2024-05-02", "@2024-05-05"))
	for _, risk := range quiet.Risks {
		if strings.Contains(risk, "out of order") {
			t.Errorf("in order: %s", risk)
		}
	}
	s.put(0, 2, s.value(20)) // late, behind day 5
	s.put(0, -9, s.value(21))
	s.put(0, 9, s.value(22))
	p := s.make(s.request("@2024-05-02", "@2024-05-09"))
	if p.Counts.Events != 10 {
		t.Errorf("planned %+v", p.Counts)
	}
	wantRisk(t, p, "of another time than was asked for, and in the range because timestamps are out of order: 1 event;")
	wantRisk(t, p, "timestamps are out of order, 2 events came later than newer ones: events of the time that was asked for may also lie behind the range")
	for _, risk := range s.make(s.request("1", "7")).Risks {
		if strings.Contains(risk, "out of order") {
			t.Errorf("by offset: %s", risk)
		}
	}
}

func TestPlanSaysWhatApplyDoesWithUnknownSchemas(t *testing.T) {
	t.Parallel()
	s, other := newShop(t), newShop(t)
	s.topic("again", 2)
	other.topic("again", 2)
	s.put(0, 6, schema.AppendID(nil, 999))
	s.put(0, 6, schema.AppendID(nil, s.id)) // cut off
	r := s.request("", "")
	r.Target = replay.Target{Topic: "again"}
	if p := s.make(r); p.Counts.Unknown != 0 {
		t.Errorf("they pass as they are: %+v", p.Counts)
	}
	r.Filter.Where = "event.id >= 0"
	p := s.make(r)
	if p.Counts.Unknown != 1 || p.Counts.Corrupt != 1 || p.Counts.Events != 10 {
		t.Errorf("counted %+v", p.Counts)
	}
	wantRisk(t, p, "which the filter has to know: 1 event; apply stops there, unless --unknown says otherwise; the first: ")
	wantRisk(t, p, "not what their schemas say, so that the filter cannot decide: 1 event; apply stops there, unless --corrupt says otherwise")

	r.Filter = filter.Filter{}
	r.To, r.ToRegistry = &other.cluster, other.registry
	p = s.make(r)
	if p.Counts.Unknown != 1 {
		t.Errorf("for another registry: %+v", p.Counts)
	}
	wantRisk(t, p, "while values are written for another registry or anew: 1 event; apply stops there, unless --unknown")
	wantRisk(t, p, "event shop.Sale is in no subject of the target")
	other.register("again-value", s.sale)
	for _, w := range s.make(r).Writers {
		if w.Event == "shop.Sale" && len(w.Problems) > 0 {
			t.Errorf("registered there: %+v", w)
		}
	}
	r.Target.Reencode = "nowhere-value"
	if _, err := replay.Make(t.Context(), r); err == nil || !strings.Contains(err.Error(), "subject nowhere-value: ") {
		t.Errorf("anew with a subject that is not there: %v", err)
	}
}
