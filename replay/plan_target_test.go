package replay

import (
	"errors"
	"testing"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/devserver"
)

func TestPlanWhoseTargetIsAnotherIsRefused(t *testing.T) {
	t.Parallel()
	server, err := devserver.Start(devserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	broker, cluster := server.Broker(), headrace.Cluster{Brokers: []string{server.KafkaAddr}}
	for _, topic := range []string{"orders", "again"} {
		if err := broker.CreateTopic(topic, 2, nil); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Make(t.Context(), Request{From: cluster, Source: Source{Topics: []string{"orders"}}, Target: Target{Topic: "again"}})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(p Plan, want Change, topic string) {
		t.Helper()
		err := p.check(t.Context(), cluster, &cluster)
		stale, ok := errors.AsType[*StaleError](err)
		if want == "" && err != nil || want != "" && (!ok || stale.Change != want || stale.Topic != topic || stale.Partition != -1) {
			t.Errorf("%q: %v", want, err)
		}
	}
	refused(p, "", "")
	other := p
	other.Target.ClusterID = "other"
	refused(other, ClusterChanged, "")
	other = p
	other.Target.Partitions = 3
	refused(other, TopicShrunk, "again")
	if err := broker.DeleteTopic("again"); err != nil {
		t.Fatal(err)
	}
	refused(p, TopicGone, "again")
	if err := broker.CreateTopic("again", 2, nil); err != nil {
		t.Fatal(err)
	}
	refused(p, TopicRecreated, "again")
}
