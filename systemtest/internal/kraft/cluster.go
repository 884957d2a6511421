package kraft

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/internal/maven"
	"github.com/headrace/headrace/systemtest/internal/ports"
)

// startLimit bounds a start or restart on a machine that runs three brokers and the test on two cores.
const startLimit = 90 * time.Second

// clusterID is any 16 bytes in URL-safe base64.
const clusterID = "aGVhZHJhY2Utc3lzdGVtdA"

// Cluster is a running Kafka. It ends with the test that started it.
type Cluster struct {
	// Version of Kafka that runs.
	Version string
	// Jars is the folder of this version's jars, the Java client among them.
	Jars string
	// Admin talks to the internal listener: no proxy, no credentials, every right.
	Admin *kadm.Client

	tb     testing.TB
	config Config
	java   string
	nodes  []*Node
}

// Start returns a cluster whose every node answers and knows the others. It fails the test when Java or Maven is
// missing, and never skips.
func Start(tb testing.TB, config Config) *Cluster {
	tb.Helper()
	config = config.withDefaults()
	jars, err := maven.KafkaJars(config.Version)
	if err != nil {
		tb.Fatalf("kafka %s: %v", config.Version, err)
	}
	java, err := maven.Java("java")
	if err != nil {
		tb.Fatalf("kafka %s: %v", config.Version, err)
	}
	c := &Cluster{Version: config.Version, Jars: jars, tb: tb, config: config, java: java}
	for id := range config.Nodes {
		c.nodes = append(c.nodes, c.newNode(tb, int32(id+1)))
	}
	c.format(tb)
	for _, n := range c.nodes {
		n.Launch()
	}
	c.Admin = c.openAdmin(tb)
	for _, n := range c.nodes {
		n.AwaitReady(tb)
	}
	return c
}

// Brokers returns the addresses of the named listener, or of the first one when no name is given: of the proxies, if
// the cluster is proxied.
func (c *Cluster) Brokers(listener ...string) []string {
	name := append(listener, c.config.Listeners[0].Name)[0]
	addresses := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addresses[i] = n.advertised[name]
	}
	return addresses
}

// Internal returns the addresses of the listener that needs no credentials and passes no proxy.
func (c *Cluster) Internal() []string {
	addresses := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addresses[i] = n.Internal
	}
	return addresses
}

// Nodes returns every node, also those that are down.
func (c *Cluster) Nodes() []*Node { return slices.Clone(c.nodes) }

// Node returns the node with this id, which counts from 1.
func (c *Cluster) Node(id int32) *Node { return c.nodes[id-1] }

func (c *Cluster) openAdmin(tb testing.TB) *kadm.Client {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Internal()...), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		tb.Fatalf("kafka admin: %v", err)
	}
	tb.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// format gives each node its empty data folder and the SCRAM users, all nodes side by side.
func (c *Cluster) format(tb testing.TB) {
	tb.Helper()
	var users []string
	for _, user := range slices.Sorted(maps.Keys(c.config.Users)) {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			users = append(users, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, user, c.config.Users[user]))
		}
	}
	var formatted sync.WaitGroup
	errs := make([]error, len(c.nodes))
	for i, n := range c.nodes {
		formatted.Go(func() { errs[i] = n.format(tb, users) })
	}
	formatted.Wait()
	for i, err := range errs {
		if err != nil {
			tb.Fatalf("kafka %s: format node %d: %v", c.Version, i+1, err)
		}
	}
}

func (c *Cluster) newNode(tb testing.TB, id int32) *Node {
	tb.Helper()
	n := &Node{
		ID:         id,
		Internal:   fmt.Sprintf("127.0.0.1:%d", ports.Free(tb)),
		cluster:    c,
		controller: ports.Free(tb),
		dir:        filepath.Join(tb.TempDir(), fmt.Sprintf("kafka-%d", id)),
		bound:      map[string]string{},
		advertised: map[string]string{},
	}
	for i, l := range c.config.Listeners {
		n.bound[l.Name] = fmt.Sprintf("127.0.0.1:%d", ports.Free(tb))
		n.advertised[l.Name] = n.bound[l.Name]
		if i == 0 && c.config.Proxied {
			n.advertised[l.Name] = fmt.Sprintf("127.0.0.1:%d", ports.Free(tb))
		}
	}
	if err := os.MkdirAll(n.dir, 0o750); err != nil {
		tb.Fatalf("kafka node %d: %v", id, err)
	}
	return n
}

// brokersSeenBy asks one node directly, since a client that knows them all would ask any.
func brokersSeenBy(address string) (int, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	brokers, err := kadm.NewClient(client).ListBrokers(ctx)
	return len(brokers), err
}
