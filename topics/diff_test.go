package topics_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/topics"
)

// world is a cluster of three brokers with one topic, flights, of six partitions and two replicas.
func world() *topics.World {
	flights := topics.LiveTopic{
		Topic: topics.Topic{Name: "flights", Configs: []topics.Config{{Name: "retention.ms", Value: "604800000"}, {Name: "segment.ms", Value: "1000"}}},
		ID:    "id-1",
		Settings: map[string]string{
			"retention.ms": "604800000", "segment.ms": "1000", "cleanup.policy": "delete", "max.message.bytes": "1048588",
			"min.insync.replicas": "1", "retention.bytes": "-1",
		},
		Usage: &topics.Usage{Events: 1000, Bytes: 1_000_000, Older: 400, Beyond: 300_000},
	}
	for i := range int32(6) {
		flights.Partitions = append(flights.Partitions, topics.Partition{ID: i, Leader: i%3 + 1, Replicas: []int32{i%3 + 1, (i+1)%3 + 1}})
	}
	return &topics.World{
		ClusterID: "cluster-1", Brokers: []topics.Node{{ID: 1}, {ID: 2}, {ID: 3}}, Topics: []topics.LiveTopic{flights}, MaxMessageBytes: 1048588,
	}
}

func flights(change func(*topics.WantedTopic)) *topics.Wanted {
	topic := topics.WantedTopic{Name: "flights", Partitions: 6, Replication: 2, At: "headrace.yaml:2:11"}
	if change != nil {
		change(&topic)
	}
	return &topics.Wanted{Topics: []topics.WantedTopic{topic}}
}

func config(name, value string) []topics.Config { return []topics.Config{{Name: name, Value: value}} }

// lines are what a plan says, as a person reads it.
func lines(p topics.Plan) string {
	var text strings.Builder
	for _, c := range p.Changes {
		text.WriteString(c.String() + "\n")
		for _, risk := range c.Risks {
			text.WriteString("  " + risk + "\n")
		}
		if c.Needs != "" {
			text.WriteString("  needs " + c.Needs + "\n")
		}
	}
	for _, problem := range p.Problems {
		text.WriteString("PROBLEM " + problem.String() + "\n")
	}
	return text.String()
}

func TestDiffOfOneTopic(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		wanted *topics.Wanted
		opts   topics.Options
		want   string
	}{
		"as it is":           {wanted: flights(nil)},
		"the cluster's wish": {wanted: flights(func(w *topics.WantedTopic) { w.Partitions, w.Replication = 0, 0 })},
		"a default that is as wanted": {
			wanted: flights(func(w *topics.WantedTopic) { w.Configs = config("cleanup.policy", "delete") }),
		},
		"shorter retention": {
			wanted: flights(func(w *topics.WantedTopic) { w.Configs = config("retention.ms", "86400000") }),
			want:   "topic flights: retention 7d → 1d\n  events older than 1d are deleted: about 400 of 1,000 events, 400 kB of 1.0 MB\n",
		},
		"longer retention": {
			wanted: flights(func(w *topics.WantedTopic) { w.Configs = config("retention.ms", "-1") }),
			want:   "topic flights: retention 7d → forever\n",
		},
		"retention by size": {
			wanted: flights(func(w *topics.WantedTopic) { w.Configs = config("retention.bytes", "100000") }),
			want: "topic flights: retention_bytes unlimited → 100kB\n" +
				"  the oldest events beyond 100kB in each partition are deleted: about 300 kB of 1.0 MB\n",
		},
		"compaction": {
			wanted: flights(func(w *topics.WantedTopic) { w.Configs = config("cleanup.policy", "compact") }),
			want: "topic flights: cleanup delete → compact\n" +
				"  compaction keeps only the last event of each key, and events without a key are refused from here on\n" +
				"  retention no longer deletes anything: the topic grows with its keys\n",
		},
		"a setting the broker does not know": {
			wanted: flights(func(w *topics.WantedTopic) { w.Configs = config("no.such", "1") }),
			want:   "topic flights: no.such (none) → 1\n",
		},
		"more partitions": {
			wanted: flights(func(w *topics.WantedTopic) { w.Partitions = 9 }),
			want: "topic flights: partitions 6 → 9\n" +
				"  67% of the keys go to another partition, so that their order is broken between events before and after; it holds 1,000 events\n" +
				"  needs --allow-partitions flights\n",
		},
		"more partitions by leave": {
			wanted: flights(func(w *topics.WantedTopic) { w.Partitions = 12 }), opts: topics.Options{AllowPartitions: []string{"flights"}},
			want: "topic flights: partitions 6 → 12\n" +
				"  50% of the keys go to another partition, so that their order is broken between events before and after; it holds 1,000 events\n",
		},
		"more partitions without keys": {
			wanted: flights(func(w *topics.WantedTopic) { w.Partitions, w.Unkeyed = 12, true }),
			want:   "topic flights: partitions 6 → 12\n",
		},
		"fewer partitions": {
			wanted: flights(func(w *topics.WantedTopic) { w.Partitions = 3 }),
			want: "PROBLEM headrace.yaml:2:11: topic flights: 3 partitions are wanted and it has 6: " +
				"Kafka cannot take partitions away; keep 6, or create another topic and replay into it\n",
		},
		"more replicas": {
			wanted: flights(func(w *topics.WantedTopic) { w.Replication, w.Configs = 3, config("min.insync.replicas", "2") }),
			want: "topic flights: replication 2 → 3, 6 partitions move\n" +
				"  the brokers copy the topic's events, at most as fast as the throttle allows\n" +
				"topic flights: min_insync 1 → 2\n  producers are refused while fewer replicas are in sync\n",
		},
		"too many replicas": {
			wanted: flights(func(w *topics.WantedTopic) { w.Replication = 4 }),
			want:   "PROBLEM headrace.yaml:2:11: topic flights: 4 replicas, and the cluster has 3 brokers: lower replication, or add brokers\n",
		},
		"deletion": {
			wanted: &topics.Wanted{}, opts: topics.Options{AllowDelete: []string{"flights", "nowhere"}},
			want: "delete topic flights\n  1,000 events are lost, 1.0 MB\n",
		},
		"no deletion without leave": {wanted: &topics.Wanted{}},
		"deletion of what is wanted": {
			wanted: flights(nil), opts: topics.Options{AllowDelete: []string{"flights"}},
			want: "PROBLEM headrace.yaml:2:11: topic flights: it is to be deleted and is wanted all the same: take it out of the file first\n",
		},
		"creation": {
			wanted: &topics.Wanted{Topics: []topics.WantedTopic{
				{Name: "flights"}, {Name: "alerts", Partitions: 1, Replication: 3, Configs: config("max.message.bytes", "10000000")},
			}},
			want: "create topic alerts: 1 partition, 3 replicas, max_message 10MB\n",
		},
		"creation with too many replicas": {
			wanted: &topics.Wanted{Topics: []topics.WantedTopic{{Name: "alerts", Replication: 4}}},
			want:   "PROBLEM topic alerts: 4 replicas, and the cluster has 3 brokers: lower replication, or add brokers\n",
		},
		"a name that metrics take for another": {
			wanted: &topics.Wanted{Topics: []topics.WantedTopic{{Name: "flights"}, {Name: "f.x"}, {Name: "f_y"}}},
			want:   "create topic f.x\ncreate topic f_y\n",
		},
		"a dead-letter topic has the partitions and the room its topic needs": {
			wanted: &topics.Wanted{Topics: []topics.WantedTopic{
				{Name: "flights", Partitions: 6, Configs: config("max.message.bytes", "2000000")},
				{Name: "flights.g.dead", Source: "flights", Configs: config("retention.ms", "-1")},
			}},
			want: "create topic flights.g.dead: 6 partitions, max_message 2065536, retention forever\n" +
				"topic flights: max_message 1048588 → 2MB\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, lines(topics.Diff(test.wanted, world(), test.opts))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A topic that was given partitions by hand takes its retry topics along, whatever the file says, so that events keep their partition's number.
func TestRetryTopicsGrowWithTheirTopic(t *testing.T) {
	t.Parallel()
	w := world()
	for _, name := range []string{"flights.g.dead", "flights.g.retry.1m"} {
		w.Topics = append(w.Topics, topics.LiveTopic{Topic: topics.Topic{Name: name, Partitions: w.Topics[0].Partitions[:3]}})
	}
	wanted := flights(func(w *topics.WantedTopic) { w.Partitions = 3 })
	for _, name := range []string{"flights.g.dead", "flights.g.retry.1m"} {
		wanted.Topics = append(wanted.Topics, topics.WantedTopic{Name: name, Source: "flights", Partitions: 3})
	}
	got := topics.Diff(wanted, w, topics.Options{})
	grown := slices.DeleteFunc(got.Changes, func(c topics.Change) bool { return c.Kind != topics.AddPartitions })
	got.Changes = grown
	want := "topic flights.g.dead: partitions 3 → 6\ntopic flights.g.retry.1m: partitions 3 → 6\n" +
		"PROBLEM headrace.yaml:2:11: topic flights: 3 partitions are wanted and it has 6: " +
		"Kafka cannot take partitions away; keep 6, or create another topic and replay into it\n"
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDiffListsWhatTheFileDoesNotName(t *testing.T) {
	t.Parallel()
	w := world()
	w.Topics = append(w.Topics, topics.LiveTopic{Topic: topics.Topic{Name: "others"}}, topics.LiveTopic{Topic: topics.Topic{Name: "zz", Internal: true}})
	got := topics.Diff(flights(func(w *topics.WantedTopic) { w.Configs = config("retention.ms", "604800000") }), w, topics.Options{})
	want := []topics.Unmanaged{{Topic: "flights", Setting: "segment.ms", Value: "1000"}, {Topic: "others"}}
	if diff := cmp.Diff(want, got.Unmanaged); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got.Empty() {
		t.Errorf("%s", lines(got))
	}
}

func TestReplicasGoToTheEmptiestBrokersOfNewRacksAndLeadersStay(t *testing.T) {
	t.Parallel()
	w := world()
	w.Brokers = []topics.Node{{ID: 1, Rack: "a"}, {ID: 2, Rack: "a"}, {ID: 3, Rack: "b"}, {ID: 4, Rack: "b"}}
	w.Topics[0].Partitions = []topics.Partition{{ID: 0, Leader: 1, Replicas: []int32{1}}, {ID: 1, Leader: 1, Replicas: []int32{1}}}
	plan := topics.Diff(flights(func(w *topics.WantedTopic) { w.Partitions, w.Replication = 2, 2 }), w, topics.Options{})
	want := []topics.Move{{Partition: 0, Old: []int32{1}, New: []int32{1, 3}}, {Partition: 1, Old: []int32{1}, New: []int32{1, 4}}}
	if diff := cmp.Diff(want, plan.Changes[0].Moves); diff != "" {
		t.Errorf("growing (-want +got):\n%s", diff)
	}
	w = world()
	plan = topics.Diff(flights(func(w *topics.WantedTopic) { w.Replication = 1 }), w, topics.Options{})
	for i, m := range plan.Changes[0].Moves {
		if len(m.New) != 1 || m.New[0] != w.Topics[0].Partitions[i].Leader {
			t.Errorf("shrinking moves the leader of partition %d: %+v", i, m)
		}
	}
}

func TestSubjectsComeFirstAndTheirReasonsStopThePlan(t *testing.T) {
	t.Parallel()
	parsed, err := schema.Parse(`{"type":"record","name":"Flight","fields":[]}`)
	if err != nil {
		t.Fatal(err)
	}
	wanted := flights(func(w *topics.WantedTopic) { w.Configs = config("retention.ms", "-1") })
	wanted.Subjects = []topics.WantedSubject{
		{Subject: "a", Schema: parsed, Level: schema.FullTransitive},
		{Subject: "b", Schema: parsed, Level: schema.Forward},
		{Subject: "c", Schema: parsed, Level: schema.Backward, At: "headrace.yaml:5:3"},
		{Subject: "d", Schema: parsed},
	}
	w := world()
	w.Subjects = []topics.LiveSubject{
		{Subject: "a", Level: schema.Backward},
		{Subject: "b", Version: 2, Level: schema.Full},
		{Subject: "c", Version: 1, Level: schema.Backward, Reasons: []string{"one", "two"}},
		{Subject: "d", Version: 1, Level: schema.Backward, Registered: true},
	}
	want := "subject a: register Flight, compatibility FULL_TRANSITIVE\n" +
		"subject b: compatibility FULL → FORWARD\n" +
		"  schemas that were refused until now may be registered, and readers may not understand what is written with them\n" +
		"subject b: register Flight as version 3\n" +
		"topic flights: retention 7d → forever\n" +
		"PROBLEM headrace.yaml:5:3: subject c: Flight may not follow the schemas it has under BACKWARD\n    one\n    two\n"
	if diff := cmp.Diff(want, lines(topics.Diff(wanted, w, topics.Options{}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRightsThatABroaderRuleGivesAreNotGivenAgain(t *testing.T) {
	t.Parallel()
	rule := topics.ACL{Principal: "User:g", Host: "*", Operation: "READ", Resource: "TOPIC", Name: "flights"}
	wanted := &topics.Wanted{ACLs: []topics.ACL{rule}}
	tests := map[string]struct {
		has  []topics.ACL
		want string
	}{
		"none":     {nil, "allow User:g may READ topic flights\n"},
		"the same": {[]topics.ACL{rule}, ""},
		"prefixed": {[]topics.ACL{{Principal: "User:g", Host: "*", Operation: "READ", Resource: "TOPIC", Name: "fl", Prefixed: true}}, ""},
		"all":      {[]topics.ACL{{Principal: "User:*", Host: "*", Operation: "ALL", Resource: "TOPIC", Name: "*"}}, ""},
		"another resource": {
			[]topics.ACL{{Principal: "User:g", Host: "*", Operation: "READ", Resource: "GROUP", Name: "flights"}},
			"allow User:g may READ topic flights\n",
		},
		"one host": {
			[]topics.ACL{{Principal: "User:g", Host: "10.0.0.1", Operation: "READ", Resource: "TOPIC", Name: "flights"}},
			"allow User:g may READ topic flights\n",
		},
		"denied": {
			[]topics.ACL{{Principal: "User:g", Host: "*", Operation: "ALL", Resource: "TOPIC", Name: "flights", Deny: true}},
			"allow User:g may READ topic flights\n  it has no effect while another rule says: User:g may not ALL topic flights\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := topics.Diff(wanted, &topics.World{Authorizer: true, ACLs: test.has}, topics.Options{})
			if diff := cmp.Diff(test.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	got := topics.Diff(wanted, &topics.World{}, topics.Options{})
	if len(got.Changes) != 0 || len(got.ACLs) != 1 {
		t.Errorf("without an authorizer: %+v", got)
	}
}

func TestPlanIsTheSameAfterJSON(t *testing.T) {
	t.Parallel()
	wanted := flights(func(w *topics.WantedTopic) {
		w.Replication, w.Partitions, w.Configs = 3, 12, config("retention.ms", "1000")
	})
	wanted.ACLs = []topics.ACL{{Principal: "User:g", Host: "*", Operation: "READ", Resource: "TOPIC", Name: "flights"}}
	plan := topics.Diff(wanted, world(), topics.Options{})
	var first, second bytes.Buffer
	if err := plan.Write(&first); err != nil {
		t.Fatal(err)
	}
	read, err := topics.ReadPlan(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan, read); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := topics.Diff(wanted, world(), topics.Options{}).Write(&second); err != nil || first.String() != second.String() {
		t.Errorf("the same world gave two plans:\n%s\n%s", &first, &second)
	}
}

func TestWhatIsNoPlanIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`nothing`:                "not a plan",
		`{"format":2}`:           "format 2",
		`{"format":1}`:           "names no cluster",
		`{"format":1,"extra":1}`: `unknown field "extra"`,
		`{"format":1} {}`:        "data follows it",
		`{"format":1,"cluster_id":"c","changes":[{"kind":"drop-all"}]}`:                                    `a "drop-all" without`,
		`{"format":1,"cluster_id":"c","changes":[{"kind":"set-replicas","topic":"t","moves":[{}]}]}`:       `a "set-replicas" without`,
		`{"format":1,"cluster_id":"c","changes":[{"kind":"register-schema","subject":"s","schema":null}]}`: `a "register-schema" without`,
	} {
		if _, err := topics.ReadPlan(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
