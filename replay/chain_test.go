package replay

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// copied is the record of a copy between topics of one cluster.
func copied(id, from, to string, raw bool, earlier ...string) Audit {
	return Audit{ID: id, Source: Source{ClusterID: "c", Topics: []string{from}}, Target: Target{ClusterID: "c", Topic: to, Raw: raw}, Earlier: earlier}
}

func TestCirclesThroughEarlierReplaysAreRefused(t *testing.T) {
	t.Parallel()
	plan := func(from, to string, earlier ...string) Plan {
		a := copied("new", from, to, false, earlier...)
		return Plan{ID: a.ID, Source: a.Source, Target: a.Target, Earlier: a.Earlier}
	}
	elsewhere := plan("b", "a", "r1")
	elsewhere.Target.ClusterID = "d"
	handlers := plan("b", "", "r1")
	for name, c := range map[string]struct {
		plan    Plan
		history []Audit
		path    []string
	}{
		"straight on":            {plan("b", "c", "r1"), []Audit{copied("r1", "a", "b", false)}, nil},
		"back":                   {plan("b", "a", "r1"), []Audit{copied("r1", "a", "b", false)}, []string{"a", "replay r1", "b"}},
		"back, others' events":   {plan("b", "a"), []Audit{copied("r1", "a", "b", false)}, nil},
		"back, undecoded":        {plan("b", "a"), []Audit{copied("r1", "a", "b", true)}, []string{"a", "replay r1", "b"}},
		"to another cluster":     {elsewhere, []Audit{copied("r1", "a", "b", false)}, nil},
		"handlers":               {handlers, []Audit{copied("r1", "a", "b", false)}, nil},
		"through two":            {plan("c", "a", "r2"), []Audit{copied("r2", "b", "c", false, "r1"), copied("r1", "a", "b", false)}, []string{"a", "replay r1", "b", "replay r2", "c"}},
		"through two, undecoded": {plan("c", "a"), []Audit{copied("r1", "a", "b", true), copied("r2", "b", "c", true)}, []string{"a", "replay r1", "b", "replay r2", "c"}},
		"headers passed on":      {plan("c", "a", "r1"), []Audit{copied("r1", "a", "b", false), copied("r2", "b", "c", true, "r1")}, []string{"a", "replay r1", "b"}},
		"its own record":         {plan("b", "a"), []Audit{copied("new", "a", "b", true)}, nil},
		"a circle elsewhere":     {plan("c", "d", "r1"), []Audit{copied("r1", "x", "c", true, "r2"), copied("r2", "c", "x", true, "r1")}, nil},
	} {
		err := c.plan.chain(History{Replays: c.history})
		if c.path == nil {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		chain, ok := errors.AsType[*ChainError](err)
		if !ok {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(c.path, chain.Path); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLongChainsAreRefused(t *testing.T) {
	t.Parallel()
	var h History
	for i := range MaxHops {
		_, again := errors.AsType[*ChainError]((&Plan{
			ID: "new", Source: Source{ClusterID: "c", Topics: []string{fmt.Sprint(i)}}, Target: Target{ClusterID: "c", Topic: "end"},
		}).chain(h))
		if again {
			t.Errorf("refused after %d", i)
		}
		h.Replays = append(h.Replays, copied(fmt.Sprintf("r%d", i), fmt.Sprint(i), fmt.Sprint(i+1), true))
	}
	p := Plan{ID: "new", Source: Source{ClusterID: "c", Topics: []string{fmt.Sprint(MaxHops)}}, Target: Target{ClusterID: "c", Topic: "end"}}
	if chain, ok := errors.AsType[*ChainError](p.chain(h)); !ok || chain.Hops != MaxHops {
		t.Errorf("got %+v", chain)
	}
}
