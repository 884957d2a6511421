// Package groups meets groups of every type that Kafka has, with workers and with package groups.
package groups

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/groups"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// foreign is a group that is not of consumers.
type foreign struct {
	group string
	kind  string // as TypeError and ProtocolError have it
	join  func(*environment) (leave func())
	// emptyToo: nobody else may use it when its members have left.
	emptyToo bool
	describe string // what describing it says; "" when it is described
	seek     string
	worker   string
}

func TestGroupsOfEveryType(t *testing.T) {
	for _, version := range stack.Versions(kraft.Recent, kraft.Newest) {
		t.Run(version, func(t *testing.T) {
			cluster := kraft.Start(t, kraft.Config{Version: version})
			admin.CreateTopic(t, cluster, "orders", 2, nil)
			admin.CreateTopic(t, cluster, "other", 1, nil)
			admin.Write(t, cluster, "orders", record.Record{Value: []byte("x")})
			env := &environment{t: t, cluster: cluster}
			for _, f := range []foreign{
				{
					"application", "streams", (*environment).streams, false, "", "kafka-streams-groups.sh --reset-offsets", "group application is a Kafka Streams application (KIP-1071)",
				},
				{
					"jobs", "share", (*environment).share, true, "kafka-share-groups.sh --bootstrap-server HOST:PORT --describe --group jobs",
					"kafka-share-groups.sh --reset-offsets", "group jobs is a share group (KIP-932)",
				},
				{
					"workers", "connect", (*environment).connect, false, "is one of Kafka Connect's workers", "/connectors/NAME/offsets", "group workers is one of Kafka Connect's workers",
				},
			} {
				t.Run(f.kind, func(t *testing.T) { env.in(t).refuse(f) })
			}
			t.Run("consumer", func(t *testing.T) { env.in(t).consumer() })
		})
	}
}

type environment struct {
	t       *testing.T
	cluster *kraft.Cluster
}

func (e *environment) in(t *testing.T) *environment { return &environment{t, e.cluster} }

func (e *environment) refuse(f foreign) {
	leave := f.join(e)
	e.await(f.group, "Stable", "NotReady", "CompletingRebalance", "Assigning")
	e.refused(f)
	leave()
	if f.emptyToo {
		e.await(f.group, "Empty")
		e.refused(f)
	}
}

// refused has a group that is not of consumers described, moved and joined.
func (e *environment) refused(f foreign) {
	e.t.Helper()
	group := f.group
	described, err := groups.Describe(e.t.Context(), stack.Cluster(e.cluster), group)
	if f.describe == "" && (err != nil || described.Type != f.kind || described.State == "Dead") {
		e.t.Errorf("group %s is described as %+v, %v", group, described, err)
	}
	if f.describe != "" {
		e.isType(err, f.kind, f.describe)
	}
	_, err = groups.PlanSeek(e.t.Context(), stack.Cluster(e.cluster), group, groups.Target{Topic: "orders"})
	e.isType(err, f.kind, f.seek)
	worker := e.work(group)
	ended := time.NewTimer(30 * time.Second)
	defer ended.Stop()
	select {
	case <-worker.Ended():
	case <-ended.C:
		e.t.Fatalf("worker of group %s goes on", group)
	}
	var mismatch *consumer.ProtocolError
	if err := worker.Wait(); !errors.As(err, &mismatch) || mismatch.Type != f.kind || !strings.Contains(err.Error(), f.worker) {
		e.t.Errorf("worker of group %s: %v", group, err)
	}
}

func (e *environment) isType(err error, kind, text string) {
	e.t.Helper()
	var foreign *groups.TypeError
	if !errors.As(err, &foreign) || foreign.Type != kind || !strings.Contains(err.Error(), text) {
		e.t.Errorf("want a group of type %s and %q: %v", kind, text, err)
	}
}

func (e *environment) work(group string) *stack.Worker {
	e.t.Helper()
	config := consumer.Config{Cluster: stack.Cluster(e.cluster), Group: group, Topics: []string{"other"}, Registry: stack.Registry(e.t, "http://127.0.0.1:1")}
	return stack.Work(e.t, config, consumer.OnTombstone(func(context.Context, string) error { return nil }))
}

// consumer is a group of KIP-848: it is described and moved, and a worker may join it beside its members.
func (e *environment) consumer() {
	member := e.client(kgo.ConsumerGroup("delays"), kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()), kgo.ConsumeTopics("orders"),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for member.PollFetches(e.t.Context()).NumRecords() == 0 {
		if e.t.Context().Err() != nil {
			e.t.Fatal("no record came")
		}
	}
	if err := member.CommitUncommittedOffsets(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	worker := e.work("delays")
	worker.Until(e.t, time.Minute, "a partition beside a member of KIP-848", func() bool { return worker.Stats().Assigned == 1 })
	described, err := groups.Describe(e.t.Context(), stack.Cluster(e.cluster), "delays")
	if err != nil || described.Type != "consumer" || len(described.Members) != 2 || len(described.Partitions) != 3 {
		e.t.Errorf("described as %+v, %v", described, err)
	}
	if err := worker.Stop(); err != nil {
		e.t.Errorf("worker: %v", err)
	}
	var live *groups.LiveError
	if _, err := groups.PlanSeek(e.t.Context(), stack.Cluster(e.cluster), "delays", groups.Target{Topic: "orders"}); !errors.As(err, &live) {
		e.t.Errorf("seek of a live group: %v", err)
	}
	member.Close()
	e.await("delays", "Empty")
	seek, err := groups.PlanSeek(e.t.Context(), stack.Cluster(e.cluster), "delays", groups.Target{Topic: "orders"})
	if err != nil || len(seek.Moves) != 1 || seek.Moves[0].From != 1 {
		e.t.Fatalf("seek is %+v, %v", seek, err)
	}
	if err := groups.Apply(e.t.Context(), stack.Cluster(e.cluster), seek); err != nil {
		e.t.Errorf("moved: %v", err)
	}
}

// await waits until a group is listed in one of the states.
func (e *environment) await(group string, states ...string) {
	e.t.Helper()
	for e.t.Context().Err() == nil {
		listed, err := e.cluster.Admin.ListGroups(e.t.Context())
		if err != nil {
			e.t.Fatal(err)
		}
		for _, state := range states {
			if listed[group].State == state {
				return
			}
		}
	}
	e.t.Fatalf("group %s: never in state %v", group, states)
}

func (e *environment) client(opts ...kgo.Opt) *kgo.Client {
	e.t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(e.cluster.Brokers()...))...)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(client.Close)
	return client
}

func (e *environment) share() (leave func()) {
	return e.client(kgo.ShareGroup("jobs"), kgo.ConsumeTopics("orders")).Close
}

func (e *environment) connect() (leave func()) {
	client := e.client()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = "workers", "connect", 30_000, 30_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "sessioned"}}
	joined, err := join.RequestWith(e.t.Context(), client)
	for err == nil && joined.ErrorCode == kerr.MemberIDRequired.Code {
		join.MemberID = joined.MemberID
		joined, err = join.RequestWith(e.t.Context(), client)
	}
	if err != nil || joined.ErrorCode != 0 {
		e.t.Fatalf("joined as %+v, %v", joined, err)
	}
	return func() {}
}

// streams joins as a Kafka Streams application does. The Go clients know the request and do not send it.
func (e *environment) streams() (leave func()) {
	beat := kmsg.NewPtrStreamsGroupHeartbeatRequest()
	beat.Group, beat.MemberID, beat.ProcessID, beat.RebalanceTimeoutMillis = "application", "member", kmsg.StringPtr("process"), 10_000
	beat.Topology = &kmsg.StreamsGroupHeartbeatRequestTopology{
		Subtopologies: []kmsg.StreamsGroupHeartbeatRequestTopologySubtopology{{SubtopologyID: "0", SourceTopics: []string{"orders"}}},
	}
	beat.ActiveTasks, beat.StandbyTasks, beat.WarmupTasks = []kmsg.TaskIDs{}, []kmsg.TaskIDs{}, []kmsg.TaskIDs{}
	e.findCoordinator(beat.Group) // which creates the topic of the groups' offsets where there is none yet
	resp := e.heartbeat(beat)
	for limit := time.Now().Add(time.Minute); isComing(resp.ErrorCode) && time.Now().Before(limit); resp = e.heartbeat(beat) {
		<-time.After(100 * time.Millisecond)
	}
	if resp.ErrorCode != 0 {
		e.t.Fatalf("heartbeat of an application: %+v", resp)
	}
	return func() {}
}

func (e *environment) findCoordinator(group string) {
	e.t.Helper()
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKeys = []string{group}
	client := e.client()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); <-time.After(100 * time.Millisecond) {
		found, err := find.RequestWith(e.t.Context(), client)
		if err == nil && len(found.Coordinators) == 1 && found.Coordinators[0].ErrorCode == 0 {
			return
		}
	}
	e.t.Fatalf("group %s has no coordinator", group)
}

// isComing tells whether a broker that has just started will soon be the coordinator it was taken for.
func isComing(code int16) bool {
	switch code {
	case kerr.CoordinatorLoadInProgress.Code, kerr.CoordinatorNotAvailable.Code, kerr.NotCoordinator.Code:
		return true
	}
	return false
}

// heartbeat sends one heartbeat on a connection of its own.
func (e *environment) heartbeat(beat *kmsg.StreamsGroupHeartbeatRequest) *kmsg.StreamsGroupHeartbeatResponse {
	e.t.Helper()
	conn, err := net.Dial("tcp", e.cluster.Brokers()[0])
	if err != nil {
		e.t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the answer is read by then
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("systemtest")).AppendRequest(nil, beat, 7)
	if _, err := conn.Write(frame); err != nil {
		e.t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		e.t.Fatal(err)
	}
	answer := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(conn, answer); err != nil {
		e.t.Fatal(err)
	}
	resp := kmsg.NewPtrStreamsGroupHeartbeatResponse()
	if err := resp.ReadFrom(answer[5:]); err != nil { // past the correlation id and no tags
		e.t.Fatalf("heartbeat of an application: %v", err)
	}
	return resp
}
