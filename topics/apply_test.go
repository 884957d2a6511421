package topics_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/schema/registry"
	"github.com/headrace/headrace/topics"
)

// pipeline is a file for a cluster.
type pipeline struct {
	t      *testing.T
	server *devserver.Server
	conn   topics.Connection
	dir    string
}

func newPipeline(t *testing.T, opts ...kfake.Opt) *pipeline {
	t.Helper()
	server, err := devserver.Start(devserver.Config{Broker: opts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	reg, err := registry.New(server.RegistryURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reg.Close)
	conn := topics.Connection{Cluster: headrace.Cluster{Brokers: []string{server.KafkaAddr}}, Registry: reg}
	return &pipeline{t: t, server: server, conn: conn, dir: t.TempDir()}
}

func (p *pipeline) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pipeline) load(text string) *topics.Wanted {
	p.t.Helper()
	p.write("headrace.yaml", text)
	wanted, err := topics.Load(filepath.Join(p.dir, "headrace.yaml"), "")
	if err != nil {
		p.t.Fatal(err)
	}
	return wanted
}

func (p *pipeline) plan(text string, opts topics.Options) topics.Plan {
	p.t.Helper()
	wanted := p.load(text)
	world, err := topics.Observe(p.t.Context(), p.conn, wanted, opts)
	if err != nil {
		p.t.Fatal(err)
	}
	return topics.Diff(wanted, world, opts)
}

// apply applies a plan, which must succeed.
func (p *pipeline) apply(plan topics.Plan) topics.Report {
	p.t.Helper()
	report, err := topics.Apply(p.t.Context(), p.conn, plan, topics.ApplyOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	return report
}

// settled fails the test unless the cluster has what the file says.
func (p *pipeline) settled(text string) {
	p.t.Helper()
	if plan := p.plan(text, topics.Options{}); !plan.Empty() {
		p.t.Errorf("the plan is not empty:\n%s", lines(plan))
	}
}

const arrived = `{"type":"record","name":"FlightArrived","namespace":"flights","fields":[{"name":"id","type":"long"}]}`

const pipelineFile = `
topics:
  - {name: flights, partitions: 3, replication: 1, config: {retention: 7d}, events: [flights.FlightArrived], compatibility: FULL_TRANSITIVE}
  - {name: alerts, partitions: 1, keyed: false}
groups:
  - {name: delays, topics: [flights], retry: [1m, 24h], dead_letter: true}
`

func TestAppliedPlanLeavesNothingToPlan(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.write("arrived.avsc", arrived)
	plan := p.plan(pipelineFile, topics.Options{})
	want := "subject flights-value: register flights.FlightArrived, compatibility FULL_TRANSITIVE\n" +
		"create topic flights.delays.dead: 3 partitions, 1 replica, cleanup delete, max_message 1114124, retention forever\n" +
		"create topic flights.delays.retry.1m: 3 partitions, 1 replica, cleanup delete, max_message 1114124, retention 7d2m\n" +
		"create topic flights.delays.retry.24h: 3 partitions, 1 replica, cleanup delete, max_message 1114124, retention 9d\n" +
		"create topic alerts: 1 partition\n" +
		"create topic flights: 3 partitions, 1 replica, retention 7d\n"
	if diff := cmp.Diff(want, lines(plan)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if report := p.apply(plan); report.Count(topics.Done) != 6 {
		t.Errorf("%+v", report)
	}
	p.settled(pipelineFile)
	if report := p.apply(plan); report.Count(topics.Unchanged) != 6 {
		t.Errorf("applying it again changed something: %+v", report)
	}

	next := strings.NewReplacer("partitions: 3", "partitions: 6", "retention: 7d", "retention: 1d", "FULL_TRANSITIVE", "BACKWARD").Replace(pipelineFile)
	p.apply(p.plan(next, topics.Options{AllowPartitions: []string{"flights"}}))
	p.settled(next)

	p.apply(p.plan("topics: []", topics.Options{AllowDelete: []string{"alerts"}}))
	if _, err := topics.Describe(t.Context(), p.conn.Cluster, "alerts"); err == nil {
		t.Error("alerts is still there")
	}
}

func TestChangesThatNeedLeaveAreNotMadeWithoutIt(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.apply(p.plan("topics: [{name: flights, partitions: 1}]", topics.Options{}))
	plan := p.plan("topics: [{name: flights, partitions: 2, config: {retention: 1d}}]", topics.Options{})
	report, err := topics.Apply(t.Context(), p.conn, plan, topics.ApplyOptions{})
	var leave *topics.LeaveError
	if !errors.As(err, &leave) || !strings.Contains(err.Error(), "needs --allow-partitions flights") || report.Count(topics.Skipped) != 2 {
		t.Errorf("got %+v, %v", report, err)
	}
	opts := topics.ApplyOptions{Options: topics.Options{AllowPartitions: []string{"flights"}}}
	if report, err := topics.Apply(t.Context(), p.conn, plan, opts); err != nil || report.Count(topics.Done) != 2 {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestOfTwoPlansTheSecondRefuses(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.apply(p.plan("topics: [{name: flights, config: {retention: 7d}}]", topics.Options{}))
	first := p.plan("topics: [{name: flights, config: {retention: 3d}}, {name: alerts}]", topics.Options{})
	second := p.plan("topics: [{name: flights, config: {retention: 1d}}, {name: others}]", topics.Options{})
	p.apply(first)
	report, err := topics.Apply(t.Context(), p.conn, second, topics.ApplyOptions{})
	var stale *topics.StaleError
	if !errors.As(err, &stale) || !strings.Contains(err.Error(), "retention 7d → 1d: found 3d") || report.Count(topics.Done) > 0 {
		t.Errorf("got %+v, %v", report, err)
	}
	if _, err := topics.Describe(t.Context(), p.conn.Cluster, "others"); err == nil {
		t.Error("a plan that was refused created a topic")
	}
}

func TestTopicThatWasMadeAnewIsNotTheOneThatWasPlannedFor(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.apply(p.plan("topics: [{name: flights}]", topics.Options{}))
	plan := p.plan("topics: []", topics.Options{AllowDelete: []string{"flights"}})
	p.apply(plan)
	p.apply(p.plan("topics: [{name: flights}]", topics.Options{}))
	_, err := topics.Apply(t.Context(), p.conn, plan, topics.ApplyOptions{})
	if err == nil || !strings.Contains(err.Error(), "created since") {
		t.Errorf("got %v", err)
	}
}

func TestPlanOfAnotherClusterIsRefused(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	plan := p.plan("topics: [{name: flights}]", topics.Options{})
	plan.ClusterID = "elsewhere"
	_, err := topics.Apply(t.Context(), p.conn, plan, topics.ApplyOptions{})
	var other *topics.OtherClusterError
	if !errors.As(err, &other) || !strings.Contains(err.Error(), "the plan is for cluster elsewhere") {
		t.Errorf("got %v", err)
	}
}

func TestBrokersRefuseASettingBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.apply(p.plan("topics: [{name: flights}]", topics.Options{}))
	p.server.Broker().ControlKey(int16(kmsg.IncrementalAlterConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		p.server.Broker().KeepControl()
		resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		for _, r := range req.(*kmsg.IncrementalAlterConfigsRequest).Resources {
			answer := kmsg.NewIncrementalAlterConfigsResponseResource()
			answer.ResourceType, answer.ResourceName, answer.ErrorCode = r.ResourceType, r.ResourceName, 40
			answer.ErrorMessage = kmsg.StringPtr("Invalid value 1 for configuration segment.bytes")
			resp.Resources = append(resp.Resources, answer)
		}
		return resp, nil, true
	})
	plan := p.plan("topics: [{name: flights, config: {segment_bytes: 1}}, {name: alerts}]", topics.Options{})
	report, err := topics.Apply(t.Context(), p.conn, plan, topics.ApplyOptions{})
	if err == nil || !strings.Contains(err.Error(), "Invalid value 1 for configuration segment.bytes") || !strings.Contains(err.Error(), "topic flights") {
		t.Errorf("got %v", err)
	}
	if report.Count(topics.Failed) != 1 || report.Count(topics.Skipped) != 1 {
		t.Errorf("got %+v", report)
	}
	report, err = topics.Apply(t.Context(), p.conn, plan, topics.ApplyOptions{ContinueOnError: true})
	if err == nil || report.Count(topics.Failed) != 1 || report.Count(topics.Done) != 1 {
		t.Errorf("going on: %+v, %v", report, err)
	}
}

func TestIncompatibleSchemaStopsThePlanWithItsReasons(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.write("arrived.avsc", arrived)
	file := "topics: [{name: flights, events: [flights.FlightArrived], compatibility: BACKWARD}]"
	p.apply(p.plan(file, topics.Options{}))
	p.write("arrived.avsc", strings.Replace(arrived, `"long"}`, `"long"},{"name":"tail","type":"string"}`, 1))
	plan := p.plan(file, topics.Options{})
	if !strings.Contains(lines(plan), "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1") {
		t.Errorf("got %s", lines(plan))
	}
	_, err := topics.Apply(t.Context(), p.conn, plan, topics.ApplyOptions{})
	var blocked *topics.BlockedError
	if !errors.As(err, &blocked) || !strings.Contains(err.Error(), "READER_FIELD_MISSING_DEFAULT_VALUE") {
		t.Errorf("got %v", err)
	}
}

func TestBrokerThatGoesHalfWayLeavesAReportAndASecondApplyFinishes(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.apply(p.plan("topics: [{name: flights}]", topics.Options{}))
	file := "topics: [{name: flights, config: {retention: 1d}}, {name: alerts}]"
	plan := p.plan(file, topics.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	gone := errors.New("the broker is gone")
	report, err := topics.Apply(ctx, p.conn, plan, topics.ApplyOptions{Report: func(r topics.Result) {
		if r.Change.Topic == "alerts" {
			cancel(gone)
		}
	}})
	if !errors.Is(err, gone) || report.Count(topics.Done) != 1 || report.Count(topics.Skipped) != 1 {
		t.Errorf("got %+v, %v", report, err)
	}
	report = p.apply(plan)
	if report.Count(topics.Unchanged) != 1 || report.Count(topics.Done) != 1 {
		t.Errorf("the second time: %+v", report)
	}
	p.settled(file)
}

func TestLostAnswerIsNotAFailure(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	broker := p.server.Broker()
	lost := false
	broker.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		create := req.(*kmsg.CreateTopicsRequest)
		if create.ValidateOnly || lost {
			return nil, nil, false
		}
		lost = true
		for _, topic := range create.Topics {
			if err := broker.CreateTopic(topic.Topic, topic.NumPartitions, nil); err != nil {
				return nil, err, true
			}
		}
		return nil, errors.New("the connection breaks"), true
	})
	file := "topics: [{name: flights, partitions: 2}]"
	if report := p.apply(p.plan(file, topics.Options{})); report.Count(topics.Done) != 1 || !lost {
		t.Errorf("%+v", report)
	}
	p.settled(file)
}
