package topics_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/topics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) headrace.Cluster {
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
	return headrace.Cluster{Brokers: []string{server.KafkaAddr}}
}

func create(t *testing.T, cluster headrace.Cluster, specs ...topics.Spec) {
	t.Helper()
	if err := topics.Create(t.Context(), cluster, specs...); err != nil {
		t.Fatal(err)
	}
}

func TestCreatedTopicsAreListedByName(t *testing.T) {
	t.Parallel()
	cluster := start(t)
	create(t, cluster, topics.Spec{Name: "refunds", Partitions: 2}, topics.Spec{Name: "orders"})
	got, err := topics.List(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, topic := range got {
		if !topic.Internal {
			names = append(names, topic.Name)
		}
	}
	if diff := cmp.Diff([]string{"orders", "refunds"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDescribeTellsPartitionsOffsetsAndSettings(t *testing.T) {
	t.Parallel()
	cluster := start(t)
	create(t, cluster, topics.Spec{Name: "orders", Partitions: 2, Replicas: 1, Configs: map[string]string{"retention.ms": "60000"}})
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 3 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: 1, Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := topics.Describe(t.Context(), cluster, "orders")
	if err != nil {
		t.Fatal(err)
	}
	want := topics.Topic{
		Name: "orders",
		Partitions: []topics.Partition{
			{ID: 0, Replicas: []int32{0}, InSync: []int32{0}},
			{ID: 1, Replicas: []int32{0}, InSync: []int32{0}, End: 3},
		},
		Configs: []topics.Config{{Name: "retention.ms", Value: "60000"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMissingTopicIsAMissingError(t *testing.T) {
	t.Parallel()
	cluster := start(t)
	create(t, cluster, topics.Spec{Name: "orders"})
	_, describeErr := topics.Describe(t.Context(), cluster, "nowhere")
	listed, listErr := topics.List(t.Context(), cluster, "orders", "nowhere")
	for _, err := range []error{describeErr, listErr} {
		var missing *topics.MissingError
		if !errors.As(err, &missing) || missing.Topic != "nowhere" || !strings.Contains(err.Error(), "headrace topics create nowhere") {
			t.Errorf("got %v, want a MissingError for nowhere", err)
		}
	}
	if len(listed) != 1 || listed[0].Name != "orders" {
		t.Errorf("the topic that exists is not listed: %v", listed)
	}
}

func TestCreateTellsOfEachTopicThatWasNot(t *testing.T) {
	t.Parallel()
	cluster := start(t)
	create(t, cluster, topics.Spec{Name: "orders"}, topics.Spec{Name: "a.b"})
	// Kafka takes a.b and a_b for the same name, because its metrics do.
	err := topics.Create(t.Context(), cluster, topics.Spec{Name: "orders"}, topics.Spec{Name: "a_b"}, topics.Spec{Name: "refunds"})
	var exists *topics.ExistsError
	if !errors.As(err, &exists) || exists.Topic != "orders" {
		t.Errorf("got %v, want an ExistsError for orders", err)
	}
	if err == nil || !strings.Contains(err.Error(), "a_b") {
		t.Errorf("got %v, want it to name the topic whose name is taken", err)
	}
	if _, err := topics.Describe(t.Context(), cluster, "refunds"); err != nil {
		t.Errorf("the third topic: %v", err)
	}
}

func TestWrongSpecsAreRefusedTogetherBeforeAnyIO(t *testing.T) {
	t.Parallel()
	err := topics.Create(t.Context(), headrace.Cluster{}, topics.Spec{}, topics.Spec{Name: "ä"},
		topics.Spec{Name: strings.Repeat("x", 250)}, topics.Spec{Name: "a", Partitions: -1}, topics.Spec{Name: "b", Replicas: 1 << 20})
	for _, want := range []string{`topic name ""`, `topic name "ä"`, `topic name "xxx`, "topic a", "topic b"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to mention %s", err, want)
		}
	}
}

func TestUnreachableBrokerFailsAtOnceAndIsNamed(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	began := time.Now()
	_, err = topics.List(ctx, headrace.Cluster{Brokers: []string{addr}})
	if err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v, want an error that names %s", err, addr)
	}
	if took := time.Since(began); took > 4*time.Minute {
		t.Errorf("waited for the deadline: %v", took)
	}
}

func TestSilentBrokerEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connections wait in its backlog for ever
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }() // the test is over
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := topics.List(ctx, headrace.Cluster{Brokers: []string{silent.Addr().String()}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}
