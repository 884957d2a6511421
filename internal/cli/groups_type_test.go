package cli

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestShareGroupIsNamed(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.KafkaAddr), kgo.ShareGroup("jobs"), kgo.ConsumeTopics("orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for listed := ""; !strings.Contains(listed, "jobs"); {
		if t.Context().Err() != nil {
			t.Fatal("the member never joined")
		}
		listed = s.run("", "groups", "list").want(t, exitDone).stdout
	}
	const tool = "kafka-share-groups.sh --bootstrap-server HOST:PORT --describe --group jobs"
	s.run("", "groups", "describe", "jobs").want(t, exitFailed, "group jobs is a share group (KIP-932)", tool)
	s.run("", "groups", "seek", "jobs", "--offset", "start", "--yes").want(t, exitFailed, "group jobs is a share group", tool, "--reset-offsets")
	s.run("", "groups", "seek", "jobs", "--topic", "orders", "--offset", "start", "--dry-run").want(t, exitFailed, "group jobs is a share group")
}
