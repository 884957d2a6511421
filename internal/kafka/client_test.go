package kafka

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/headrace/headrace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testContext bounds a test, far below the go command's own limit.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// testCluster starts a fake cluster of three brokers.
func testCluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.SeedTopics(3, "flights")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func testClient(t *testing.T, cluster headrace.Cluster, opts ...Option) *Client {
	t.Helper()
	client, err := Open(cluster, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func plainCluster(fake *kfake.Cluster) headrace.Cluster {
	return headrace.Cluster{Brokers: fake.ListenAddrs()}
}

// openConnections counts the connections a client holds.
type openConnections struct {
	dialer func(ctx context.Context, network, addr string) (net.Conn, error)
	count  atomic.Int64
}

func (o *openConnections) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := o.dialer(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	o.count.Add(1)
	return &countedConn{Conn: c, gone: sync.OnceFunc(func() { o.count.Add(-1) })}, nil
}

// closeAndCheck closes the client, and fails the test when a connection outlives that.
func (o *openConnections) closeAndCheck(t *testing.T, client *Client) {
	t.Helper()
	client.Close()
	patience := time.After(time.Minute)
	for o.count.Load() != 0 {
		select {
		case <-patience:
			t.Errorf("%d connections are left after Close", o.count.Load())
			return
		case <-time.After(time.Millisecond):
		}
	}
}

type countedConn struct {
	net.Conn
	gone func()
}

func (c *countedConn) Close() error {
	c.gone()
	return c.Conn.Close()
}

func TestTopicComesFromTheCluster(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	if err := client.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	topic, err := client.Topic(ctx, "flights")
	if err != nil {
		t.Fatal(err)
	}
	if topic.Name != "flights" || len(topic.Partitions) != 3 || topic.ID == [16]byte{} {
		t.Errorf("topic is %+v", topic)
	}
	for i, p := range topic.Partitions {
		if p.ID != int32(i) || p.Leader < 0 || p.Err != nil {
			t.Errorf("partition %d is %+v", i, p)
		}
	}
}
