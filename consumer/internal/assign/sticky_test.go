package assign

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func parts(topic string, ids ...int32) []Partition {
	var ps []Partition
	for _, id := range ids {
		ps = append(ps, Partition{topic, id})
	}
	return ps
}

func TestStickyDividesAndKeeps(t *testing.T) {
	t.Parallel()
	a := []string{"a"}
	for _, tc := range []struct {
		name    string
		members []Member
		counts  map[string]int32
		want    map[string][]Partition
	}{
		{
			"one member takes all",
			[]Member{{ID: "m1", Topics: a}},
			map[string]int32{"a": 3},
			map[string][]Partition{"m1": parts("a", 0, 1, 2)},
		},
		{
			"more members than partitions leave some idle",
			[]Member{{ID: "m1", Topics: a}, {ID: "m2", Topics: a}, {ID: "m3", Topics: a}},
			map[string]int32{"a": 2},
			map[string][]Partition{"m1": parts("a", 0), "m2": parts("a", 1), "m3": {}},
		},
		{
			"a newcomer takes one from each of the loaded",
			[]Member{
				{ID: "m1", Topics: a, Owned: parts("a", 0, 1, 2), Generation: 4},
				{ID: "m2", Topics: a, Owned: parts("a", 3, 4, 5), Generation: 4},
				{ID: "m3", Topics: a, Generation: NoGeneration},
			},
			map[string]int32{"a": 6},
			map[string][]Partition{"m1": parts("a", 0, 1), "m2": parts("a", 3, 4), "m3": parts("a", 2, 5)},
		},
		{
			"the partitions of one who left go to the least loaded",
			[]Member{
				{ID: "m1", Topics: a, Owned: parts("a", 0, 5), Generation: 4},
				{ID: "m2", Topics: a, Owned: parts("a", 3), Generation: 4},
			},
			map[string]int32{"a": 6},
			map[string][]Partition{"m1": parts("a", 0, 2, 5), "m2": parts("a", 1, 3, 4)},
		},
		{
			"an older claim yields to a newer one",
			[]Member{
				{ID: "m1", Topics: a, Owned: parts("a", 0), Generation: 3},
				{ID: "m2", Topics: a, Owned: parts("a", 0), Generation: 4},
			},
			map[string]int32{"a": 2},
			map[string][]Partition{"m1": parts("a", 1), "m2": parts("a", 0)},
		},
		{
			"a topic nobody subscribes to, and one that does not exist, give nothing",
			[]Member{{ID: "m1", Topics: []string{"a", "gone"}}},
			map[string]int32{"a": 1, "b": 4},
			map[string][]Partition{"m1": parts("a", 0)},
		},
		{
			"load reaches a light member over one in between",
			[]Member{
				{ID: "m1", Topics: []string{"a"}, Owned: parts("a", 0, 1, 2), Generation: 1},
				{ID: "m2", Topics: []string{"a", "b"}, Owned: parts("b", 0, 1), Generation: 1},
				{ID: "m3", Topics: []string{"b"}, Owned: parts("b", 2), Generation: 1},
			},
			map[string]int32{"a": 3, "b": 3},
			map[string][]Partition{
				"m1": parts("a", 0, 1),
				"m2": append(parts("a", 2), parts("b", 0)...),
				"m3": parts("b", 1, 2),
			},
		},
		{
			"a static member keeps its place under a new id",
			[]Member{{ID: "x-1", InstanceID: "b", Topics: a}, {ID: "a-9", InstanceID: "c", Topics: a}, {ID: "z-3", InstanceID: "a", Topics: a}},
			map[string]int32{"a": 3},
			map[string][]Partition{"z-3": parts("a", 0), "x-1": parts("a", 1), "a-9": parts("a", 2)},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, Sticky(tc.members, tc.counts), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestCooperativeHoldsBackWhatMoves(t *testing.T) {
	t.Parallel()
	a := []string{"a"}
	members := []Member{
		{ID: "m1", Topics: a, Owned: parts("a", 0, 1), Generation: 1},
		{ID: "m2", Topics: a, Generation: NoGeneration},
	}
	want := map[string][]Partition{"m1": parts("a", 0), "m2": {}}
	if diff := cmp.Diff(want, Cooperative(members, map[string]int32{"a": 2}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("first round (-want +got)\n%s", diff)
	}
	members[0].Owned = parts("a", 0)
	want = map[string][]Partition{"m1": parts("a", 0), "m2": parts("a", 1)}
	if diff := cmp.Diff(want, Cooperative(members, map[string]int32{"a": 2}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("second round (-want +got)\n%s", diff)
	}
}

func TestCooperativeGivesADoublyOwnedPartitionToNobody(t *testing.T) {
	t.Parallel()
	members := []Member{
		{ID: "m1", Topics: []string{"a"}, Owned: parts("a", 0), Generation: 7},
		{ID: "m2", Topics: []string{"a"}, Owned: parts("a", 0), Generation: 7},
	}
	want := map[string][]Partition{"m1": {}, "m2": {}}
	if diff := cmp.Diff(want, Cooperative(members, map[string]int32{"a": 1}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestCooperativeNeverHasTwoOwners plays groups whose members come, go, miss rounds and change their topics.
func TestCooperativeNeverHasTwoOwners(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		topics := []string{"a", "b", "c"}
		counts := map[string]int32{}
		for _, topic := range topics {
			counts[topic] = rapid.Int32Range(0, 12).Draw(t, "partitions of "+topic)
		}
		subscription := rapid.SliceOfNDistinct(rapid.SampledFrom(topics), 1, 3, rapid.ID[string])
		var members []Member
		generation := int32(0)

		round := func(missing func(Member) bool) (stable bool) {
			generation++
			plan := Cooperative(members, counts)
			before := map[Partition]string{}
			for _, m := range members {
				for _, p := range m.Owned {
					before[p] = m.ID
				}
			}
			stable = true
			given := map[Partition]string{}
			for i := range members {
				m := &members[i]
				for _, p := range plan[m.ID] {
					if other, taken := given[p]; taken {
						t.Fatalf("%v given to %s and %s", p, other, m.ID)
					}
					given[p] = m.ID
					if owner, owned := before[p]; owned && owner != m.ID {
						t.Fatalf("%v given to %s while %s owns it", p, m.ID, owner)
					}
				}
				if missing(*m) {
					stable = false
					continue
				}
				if slices.ContainsFunc(m.Owned, func(p Partition) bool { return !slices.Contains(plan[m.ID], p) }) {
					stable = false // gives something up, so joins again
				}
				m.Owned, m.Generation = plan[m.ID], generation
			}
			return stable
		}

		for i := range rapid.IntRange(1, 12).Draw(t, "rounds") {
			switch rapid.IntRange(0, 4).Draw(t, "change") {
			case 0, 1:
				members = append(members, Member{ID: fmt.Sprintf("m%02d", i), Topics: subscription.Draw(t, "topics"), Generation: NoGeneration})
			case 2:
				if len(members) > 0 {
					gone := rapid.IntRange(0, len(members)-1).Draw(t, "leaves")
					members = slices.Delete(members, gone, gone+1)
				}
			case 3:
				if len(members) > 0 {
					members[rapid.IntRange(0, len(members)-1).Draw(t, "member")].Topics = subscription.Draw(t, "topics")
				}
			case 4:
				counts[rapid.SampledFrom(topics).Draw(t, "topic")] += rapid.Int32Range(0, 3).Draw(t, "more")
			}
			round(func(Member) bool { return rapid.IntRange(0, 5).Draw(t, "misses") == 0 })
		}

		rounds := 0
		for !round(func(Member) bool { return false }) {
			if rounds++; rounds > 3 {
				t.Fatalf("not stable after %d quiet rounds", rounds)
			}
		}
		owned := map[Partition]bool{}
		for _, m := range members {
			for _, p := range m.Owned {
				owned[p] = true
			}
		}
		for topic, n := range counts {
			subscribed := slices.ContainsFunc(members, func(m Member) bool { return slices.Contains(m.Topics, topic) })
			for id := range n {
				if owned[Partition{topic, id}] != subscribed {
					t.Fatalf("partition %s/%d: owned %t, subscribed %t", topic, id, !subscribed, subscribed)
				}
			}
		}
		level(t, members)
	})
}

// level fails when a member could hand a partition to one with two fewer.
func level(t *rapid.T, members []Member) {
	for _, m := range members {
		for _, p := range m.Owned {
			for _, o := range members {
				if slices.Contains(o.Topics, p.Topic) && len(o.Owned) < len(m.Owned)-1 {
					t.Fatalf("%s has %d partitions, %s has %d and could take %v", m.ID, len(m.Owned), o.ID, len(o.Owned), p)
				}
			}
		}
	}
}

func TestStickyIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var members []Member
		for i := range rapid.IntRange(1, 9).Draw(t, "members") {
			members = append(members, Member{ID: fmt.Sprint("m", i), Topics: []string{"a", "b"}, Generation: NoGeneration})
		}
		counts := map[string]int32{"a": rapid.Int32Range(0, 20).Draw(t, "a"), "b": rapid.Int32Range(0, 20).Draw(t, "b")}
		first := Sticky(members, counts)
		for i := range members {
			members[i].Owned, members[i].Generation = first[members[i].ID], 1
		}
		if diff := cmp.Diff(first, Sticky(members, counts), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("an assignment that is level changed (-first +second)\n%s", diff)
		}
	})
}
