package devserver_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/internal/devserver"
)

// client is an independent Kafka client.
func client(t *testing.T, server *devserver.Server, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(server.KafkaAddr)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestBusyPortIsNamed(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }() // the test is over
	addr := busy.Addr().String()
	for server, cfg := range map[string]devserver.Config{
		"kafka":    {KafkaAddr: addr},
		"registry": {RegistryAddr: addr},
	} {
		_, err := devserver.Start(cfg)
		var port *devserver.PortError
		if !errors.As(err, &port) || !port.InUse() || port.Server != server || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: got %v, want a PortError that names %s", server, err, addr)
		}
	}
}

func TestBusyPortLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }() // the test is over
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := devserver.Start(devserver.Config{RegistryAddr: busy.Addr().String(), DataDir: dir}); err == nil {
		t.Fatal("started on a busy port")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("data directory: %v, want none", err)
	}
}

func TestDataDirectoryServesOneServerAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, devserver.Config{DataDir: dir})
	_, err := devserver.Start(devserver.Config{DataDir: dir})
	var locked *devserver.LockedError
	if !errors.As(err, &locked) || locked.Dir != dir {
		t.Fatalf("second server: got %v, want a LockedError for %s", err, dir)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, devserver.Config{DataDir: dir})
}

func TestCloseTwiceIsFine(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{DataDir: t.TempDir()})
	if err := errors.Join(server.Close(), server.Close()); err != nil {
		t.Error(err)
	}
}

func TestTopicIsNotCreatedByUsingIt(t *testing.T) {
	t.Parallel()
	server := start(t, devserver.Config{})
	c := client(t, server, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
	if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: "typo", Value: []byte("x")}).FirstErr(); err == nil {
		t.Error("an event was sent to a topic that nobody created")
	}
}

func TestTopicsEventsAndGroupsSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := start(t, devserver.Config{DataDir: dir})
	if err := server.Broker().CreateTopic("orders", 1, nil); err != nil {
		t.Fatal(err)
	}
	c := client(t, server)
	for _, value := range []string{"a", "b", "c"} {
		if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	group := []kgo.Opt{kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit()}
	c = client(t, server, append(group, kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	first := c.PollRecords(t.Context(), 1).Records()
	if err := c.CommitRecords(t.Context(), first...); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}

	server = start(t, devserver.Config{DataDir: dir})
	c = client(t, server, group...)
	var values []string
	for len(values) < 2 {
		fetches := c.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	if got := strings.Join(values, ""); got != "bc" {
		t.Errorf("the group went on with %q, want bc", got)
	}
	c.Close()
}
