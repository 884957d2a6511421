package topics_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace/headrace/topics"
)

// carryOut does in a world what a plan says, as brokers would.
func carryOut(t *rapid.T, w *topics.World, plan topics.Plan) {
	find := func(name string) *topics.LiveTopic {
		at := slices.IndexFunc(w.Topics, func(l topics.LiveTopic) bool { return l.Name == name })
		if at < 0 {
			t.Fatalf("a change of %s, which is not there", name)
		}
		return &w.Topics[at]
	}
	grow := func(l *topics.LiveTopic, partitions, replicas int) {
		for i := len(l.Partitions); i < partitions; i++ {
			l.Partitions = append(l.Partitions, topics.Partition{ID: int32(i), Leader: 1, Replicas: []int32{1, 2, 3, 4}[:replicas]})
		}
	}
	for _, c := range plan.Changes {
		switch c.Kind {
		case topics.CreateTopic:
			l := topics.LiveTopic{Topic: topics.Topic{Name: c.Topic}, ID: "new", Settings: map[string]string{"max.message.bytes": "1048588"}}
			grow(&l, max(c.Partitions, 1), max(c.Replication, 1))
			for _, config := range c.Configs {
				l.Settings[config.Name] = config.Value
				l.Configs = append(l.Configs, config)
			}
			w.Topics = append(w.Topics, l)
			slices.SortFunc(w.Topics, func(a, b topics.LiveTopic) int { return strings.Compare(a.Name, b.Name) })
		case topics.SetConfig:
			find(c.Topic).Settings[c.Setting] = c.New
		case topics.AddPartitions:
			l := find(c.Topic)
			if c.Partitions <= len(l.Partitions) {
				t.Fatalf("%s, which has %d", c, len(l.Partitions))
			}
			grow(l, c.Partitions, len(l.Partitions[0].Replicas))
		case topics.SetReplicas:
			for _, m := range c.Moves {
				p := &find(c.Topic).Partitions[m.Partition]
				if !slices.Equal(p.Replicas, m.Old) || m.New[0] != m.Old[0] || len(m.New) != c.Replication || len(slices.Compact(slices.Sorted(slices.Values(m.New)))) != len(m.New) {
					t.Fatalf("%+v of %v", m, p)
				}
				p.Replicas = m.New
			}
		case topics.CreateACL:
			w.ACLs = append(w.ACLs, *c.ACL)
		case topics.DeleteTopic, topics.RegisterSchema, topics.SetCompatibility:
			t.Fatalf("nobody asked for %s", c)
		}
	}
}

func TestPlanCarriedOutLeavesNothingToPlan(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d"}
	changed := 0
	rapid.Check(t, func(t *rapid.T) {
		w := &topics.World{ClusterID: "c", Brokers: []topics.Node{{ID: 1, Rack: "x"}, {ID: 2, Rack: "y"}, {ID: 3, Rack: "x"}, {ID: 4}}, Authorizer: true, MaxMessageBytes: 1048588}
		drawConfigs := func() []topics.Config {
			var all []topics.Config
			for _, name := range []string{"max.message.bytes", "min.insync.replicas", "retention.ms"} {
				if rapid.Bool().Draw(t, name) {
					all = append(all, topics.Config{Name: name, Value: rapid.SampledFrom([]string{"1", "2", "3000000"}).Draw(t, "value")})
				}
			}
			return all
		}
		wanted := &topics.Wanted{}
		for _, name := range names {
			if rapid.Bool().Draw(t, "live") {
				l := topics.LiveTopic{Topic: topics.Topic{Name: name}, ID: "old", Settings: map[string]string{"max.message.bytes": "1048588"}}
				for i := range rapid.IntRange(1, 4).Draw(t, "partitions") {
					leader := int32(rapid.IntRange(1, 4).Draw(t, "leader"))
					others := slices.DeleteFunc([]int32{1, 2, 3, 4}, func(id int32) bool { return id == leader })
					replicas := append([]int32{leader}, others[:rapid.IntRange(0, 3).Draw(t, "replicas")]...)
					l.Partitions = append(l.Partitions, topics.Partition{ID: int32(i), Leader: leader, Replicas: replicas})
				}
				for _, c := range drawConfigs() {
					l.Settings[c.Name] = c.Value
				}
				w.Topics = append(w.Topics, l)
			}
			if rapid.Bool().Draw(t, "wanted") {
				topic := topics.WantedTopic{
					Name: name, Partitions: rapid.IntRange(0, 6).Draw(t, "partitions"), Replication: rapid.IntRange(0, 4).Draw(t, "replication"), Configs: drawConfigs(),
				}
				wanted.Topics = append(wanted.Topics, topic)
				if rapid.Bool().Draw(t, "served") {
					wanted.Topics = append(wanted.Topics, topics.WantedTopic{Name: name + ".g.dead", Source: name, Partitions: topic.Partitions, Replication: topic.Replication})
				}
				wanted.ACLs = append(wanted.ACLs, topics.ACL{Principal: "User:g", Host: "*", Operation: "READ", Resource: "TOPIC", Name: name})
			}
		}
		opts := topics.Options{AllowPartitions: names}
		plan := topics.Diff(wanted, w, opts)
		carryOut(t, w, plan)
		again := topics.Diff(wanted, w, opts)
		if len(again.Changes) > 0 || len(again.Problems) != len(plan.Problems) {
			t.Fatalf("after\n%sthere is still\n%s", lines(plan), lines(again))
		}
		changed += len(plan.Changes)
	})
	if changed == 0 {
		t.Error("no plan had changes: the test looked at nothing")
	}
}
