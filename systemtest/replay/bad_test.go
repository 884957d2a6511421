package replay

import (
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/replay"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/record"
)

const password = "systemtest-secret"

// TestPlansThatMeetAnotherWorld changes a cluster that checks rights, between plan and apply, and takes rights away.
func TestPlansThatMeetAnotherWorld(t *testing.T) {
	cluster := kraft.Start(t, kraft.Config{
		Authorize: true, Listeners: []kraft.Listener{{Name: "SASL", SASL: true}}, Users: map[string]string{"alice": password},
	})
	anybody := headrace.Cluster{Brokers: cluster.Internal(), ClientID: "systemtest"}
	cli := newCommandLine(t, anybody)
	topic := func(t *testing.T, name string, events int) {
		t.Helper()
		admin.CreateTopic(t, cluster, name, 2, forever)
		var records []record.Record
		for i := range events {
			records = append(records, record.Record{Partition: int32(i % 2), Key: []byte("k"), Value: []byte("v")})
		}
		if events > 0 {
			admin.Write(t, cluster, name, records...)
		}
	}
	trim := func(t *testing.T, name string, before int64) {
		t.Helper()
		var offsets kadm.Offsets
		offsets.AddOffset(name, 0, before, -1)
		if _, err := cluster.Admin.DeleteRecords(t.Context(), offsets); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, fn func(t *testing.T, cli *commandLine)) {
		t.Run(name, func(t *testing.T) {
			mine := *cli
			mine.t = t
			fn(t, &mine)
		})
	}
	plan := func(cli *commandLine, from, to string, texts ...string) {
		cli.t.Helper()
		topic(cli.t, to, 0)
		cli.run(0, words("replay plan --no-registry --from-topic "+from+" --to-topic "+to+" --out "+to+".json"), texts...)
	}
	refused := func(cli *commandLine, to string, texts ...string) {
		cli.t.Helper()
		cli.run(1, words("replay apply "+to+".json --yes"), texts...)
		if ends := admin.Ends(cli.t, cluster, to); ends[0]+ends[1] != 0 {
			cli.t.Errorf("something was copied: %v", ends)
		}
	}

	run("nothing in the range", func(t *testing.T, cli *commandLine) {
		topic(t, "empty", 0)
		plan(cli, "empty", "empty.again", "nothing lies in the range")
		cli.run(0, words("replay apply empty.again.json --yes"), "0 events")
		if a := cli.status("empty.again.json"); a.State != replay.StateDone || a.Events != 0 {
			t.Errorf("the record is %+v", a)
		}
	})
	run("before retention", func(t *testing.T, cli *commandLine) {
		topic(t, "old", 20)
		trim(t, "old", 4)
		topic(t, "old.again", 0)
		cli.run(0, words("replay plan --no-registry --from-topic old --from 0 --to-topic old.again --out old.again.json"),
			"gone from retention of what was asked for: 4 offsets in 1 partition")
		cli.run(0, words("replay apply old.again.json --yes"), "16 events")
		if ends := admin.Ends(t, cluster, "old.again"); ends[0] != 6 || ends[1] != 10 {
			t.Errorf("the target holds %v", ends)
		}
	})
	run("trimmed", func(t *testing.T, cli *commandLine) {
		topic(t, "trimmed", 20)
		plan(cli, "trimmed", "trimmed.again")
		trim(t, "trimmed", 4)
		refused(cli, "trimmed.again", "topic trimmed partition 0: log trimmed", "plan again")
	})
	run("grown", func(t *testing.T, cli *commandLine) {
		topic(t, "grown", 20)
		plan(cli, "grown", "grown.again")
		if _, err := cluster.Admin.UpdatePartitions(t.Context(), 3, "grown"); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return len(admin.Ends(t, cluster, "grown")) == 3 })
		refused(cli, "grown.again", "topic grown: topic grown", "2 partitions", "3 partitions")
	})
	run("deleted", func(t *testing.T, cli *commandLine) {
		topic(t, "gone", 20)
		plan(cli, "gone", "gone.again")
		if _, err := cluster.Admin.DeleteTopics(t.Context(), "gone"); err != nil {
			t.Fatal(err)
		}
		refused(cli, "gone.again", "topic gone: topic gone")
		recreate(t, cluster, "gone")
		refused(cli, "gone.again", "topic gone: topic ") // recreated, or with other partitions
	})
	run("circle", func(t *testing.T, cli *commandLine) {
		topic(t, "ring", 20)
		plan(cli, "ring", "ring.one")
		cli.run(0, words("replay apply ring.one.json --yes"))
		plan(cli, "ring.one", "ring.two")
		cli.run(0, words("replay apply ring.two.json --yes"))
		cli.run(1, words("replay plan --no-registry --from-topic ring.one --to-topic ring"), "was replayed there from topic ring")
		cli.run(1, words("replay plan --no-registry --from-topic ring.two --to-topic ring"), "topic ring feeds its own source")
	})
	run("unknown schema", func(t *testing.T, cli *commandLine) {
		cli.env = append(cli.env, "SCHEMA_REGISTRY_URL="+startRegistry(t).URL())
		topic(t, "odd", 0)
		admin.Write(t, cluster, "odd", record.Record{Value: []byte{0, 0, 0, 3, 231, 2}}, record.Record{Partition: 1, Value: []byte("plain")})
		plan(cli, "odd", "odd.all")
		cli.run(0, words("replay apply odd.all.json --yes"), "2 events")
		topic(t, "odd.some", 0)
		cli.run(0, words("replay plan --from-topic odd --to-topic odd.some --event shop.Order --out odd.some.json"), "apply stops there, unless --unknown says otherwise", "schema id 999")
		refused(cli, "odd.some", "topic odd partition 0 offset 0", "999")
	})
	run("rights", func(t *testing.T, cli *commandLine) {
		alice := cli.as(headrace.Cluster{
			Brokers: cluster.Brokers(), SASL: &headrace.SASL{Mechanism: headrace.SCRAMSHA256, Username: "alice", Password: headrace.NewSecret(password)},
		})
		allow := func(topic string, operations ...kadm.ACLOperation) {
			t.Helper()
			rules := kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Allow("User:alice").AllowHosts("*").Operations(operations...)
			if _, err := cluster.Admin.CreateACLs(t.Context(), rules); err != nil {
				t.Fatal(err)
			}
		}
		topic(t, "locked", 20)
		topic(t, "locked.again", 0)
		allow("locked", kadm.OpRead)
		allow("locked.again", kadm.OpDescribe)
		<-time.After(2 * time.Second) // the broker hears of rules a moment later
		alice.run(0, words("replay plan --no-registry --from-topic locked --to-topic locked.again --out locked.again.json"),
			"the right to WRITE topic locked.again is missing", "the settings of topic locked.again may not be looked at")
		refused(alice, "locked.again", "the right to WRITE topic locked.again is missing")
		allow("locked.again", kadm.OpWrite)
		<-time.After(2 * time.Second)
		refused(alice, "locked.again", "audit topic headrace.replays", "--no-audit")
		allow(replay.AuditTopic, kadm.OpRead, kadm.OpWrite, kadm.OpCreate)
		eventually(t, func() bool {
			_, err := replay.List(t.Context(), headrace.Cluster{
				Brokers: cluster.Brokers(), SASL: &headrace.SASL{Mechanism: headrace.SCRAMSHA256, Username: "alice", Password: headrace.NewSecret(password)},
			})
			return err == nil
		})
		alice.run(0, words("replay apply locked.again.json --yes"), "20 events")
		if a := alice.status("locked.again.json"); a.State != replay.StateDone || a.Events != 20 {
			t.Errorf("the record is %+v", a)
		}
	})
}

// eventually waits for what a broker hears of a moment later.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !so(); {
		if time.Now().After(deadline) {
			t.Fatal("it has not come true in two minutes")
		}
		<-time.After(100 * time.Millisecond)
	}
}
