package kafka

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// mortalConn breaks after a number of bytes, in the middle of whatever it is doing.
type mortalConn struct {
	net.Conn
	mu   sync.Mutex
	left int
}

var errMortal = errors.New("connection has come to its end")

func (c *mortalConn) spend(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(n, c.left)
	c.left -= n
	return n
}

func (c *mortalConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.spend(n) < n {
		_ = c.Close()
		return 0, errMortal
	}
	return n, err
}

func (c *mortalConn) Write(b []byte) (int, error) {
	if n := c.spend(len(b)); n < len(b) {
		n, _ = c.Conn.Write(b[:n])
		_ = c.Close()
		return n, errMortal
	}
	return c.Conn.Write(b)
}

// Every connection dies sooner or later, callers leave early, and buffers are written to as soon as a call has
// returned, so that the race detector sees any use after that.
func TestNothingIsLeftBehindByDyingConnections(t *testing.T) {
	t.Parallel()
	fake := testCluster(t, kfake.SeedTopics(3, "alerts"))
	open := openConnections{dialer: new(net.Dialer).DialContext}
	client := testClient(t, plainCluster(fake), WithDial(func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := open.dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &mortalConn{Conn: c, left: rand.IntN(200_000)}, nil
	}))
	ctx, enough := context.WithCancel(testContext(t))
	defer enough()
	var wait sync.WaitGroup
	var mu sync.Mutex
	calls := map[string]int{"produce": 40, "fetch": 40, "metadata": 12, "offsets": 400} // still to come through
	unmet := len(calls)
	work := func(name string, call func(ctx context.Context) error) {
		wait.Go(func() {
			for ctx.Err() == nil {
				patience := time.Minute // of some, so that every call gets through however busy the machine is
				if rand.IntN(4) > 0 {
					patience = time.Duration(rand.IntN(300)) * time.Millisecond
				}
				caller, leave := context.WithTimeout(ctx, patience)
				err := client.Retry(caller, call)
				leave()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
					t.Errorf("%s: %v", name, err)
				}
				if err == nil {
					mu.Lock()
					if calls[name]--; calls[name] == 0 {
						unmet--
					}
					if unmet == 0 {
						enough()
					}
					mu.Unlock()
				}
			}
		})
	}
	for range 3 {
		batch := testBatch(0, string(make([]byte, 20_000)))
		work("produce", func(ctx context.Context) error {
			batch[0] = 0
			_, err := produceOne(ctx, client, "flights", rand.Int32N(3), batch)
			batch[0] = 0
			return err
		})
		session := new(FetchSession)
		work("fetch", func(ctx context.Context) error {
			leader, err := client.leader(ctx, "flights", 0)
			if err != nil {
				return err
			}
			resp, err := client.Fetch(ctx, leader.Leader, &FetchRequest{
				Session: session, Partitions: want("flights", 0), MaxWait: 20 * time.Millisecond, MaxBytes: 50_000,
			})
			if err == nil {
				for _, p := range resp.Partitions {
					if p.Err == nil && len(p.Records) > 0 && p.Records[16] != 2 {
						t.Errorf("records begin with magic %d", p.Records[16])
					}
				}
				resp.Release()
			}
			return err
		})
	}
	work("metadata", func(ctx context.Context) error {
		client.Invalidate("flights", "alerts")
		_, err := client.Topics(ctx, "flights", "alerts")
		return err
	})
	work("offsets", func(ctx context.Context) error {
		_, err := client.FetchOffsets(ctx, "delays", TopicPartition{"flights", 0})
		return err
	})
	wait.Wait()
	if unmet > 0 {
		t.Errorf("calls that have not come through: %v", calls)
	}
	open.closeAndCheck(t, client)
}

// The broker answers enough for a client to find its way, and then nothing.
func TestEveryCallReturnsByItsDeadline(t *testing.T) {
	t.Parallel()
	answer := func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch req := r.req.(type) {
		case *kmsg.FindCoordinatorRequest:
			resp := kmsg.NewPtrFindCoordinatorResponse()
			found := kmsg.NewFindCoordinatorResponseCoordinator()
			found.Key, found.NodeID = req.CoordinatorKeys[0], 1
			resp.Coordinators = append(resp.Coordinators, found)
			return r.reply(resp), nil
		case *kmsg.ApiVersionsRequest, *kmsg.MetadataRequest:
			return b.standard(r)
		}
		return nil, nil
	}
	member := Member{Group: "delays", MemberID: "m1"}
	for name, call := range map[string]func(ctx context.Context, c *Client) error{
		"Produce": func(ctx context.Context, c *Client) error {
			_, err := c.Produce(ctx, 1, &ProduceRequest{Partitions: []ProduceBatch{{Topic: "flights", Batch: testBatch(0, "a")}}})
			return err
		},
		"Fetch": func(ctx context.Context, c *Client) error {
			_, err := c.Fetch(ctx, 1, &FetchRequest{Session: new(FetchSession), Partitions: want("flights", 0), MaxWait: time.Minute})
			return err
		},
		"ListOffsets": func(ctx context.Context, c *Client) error {
			_, err := c.ListOffsets(ctx, false, OffsetQuery{"flights", 0, Latest}, OffsetQuery{"flights", 1, Latest})
			return err
		},
		"CommitOffsets": func(ctx context.Context, c *Client) error {
			_, err := c.CommitOffsets(ctx, member, OffsetCommit{Topic: "flights", Offset: 1})
			return err
		},
		"FetchOffsets": func(ctx context.Context, c *Client) error {
			_, err := c.FetchOffsets(ctx, "delays", TopicPartition{"flights", 0})
			return err
		},
		"JoinGroup": func(ctx context.Context, c *Client) error {
			_, err := c.JoinGroup(ctx, JoinRequest{Group: "delays", RebalanceTimeout: time.Minute})
			return err
		},
		"SyncGroup": func(ctx context.Context, c *Client) error {
			_, err := c.SyncGroup(ctx, SyncRequest{Member: member, Timeout: time.Minute})
			return err
		},
		"Heartbeat":  func(ctx context.Context, c *Client) error { return c.Heartbeat(ctx, member) },
		"LeaveGroup": func(ctx context.Context, c *Client) error { return c.LeaveGroup(ctx, member, "") },
		"InitProducerID": func(ctx context.Context, c *Client) error {
			_, err := c.InitProducerID(ctx, "", NoProducerID)
			return err
		},
		"CreateTopics": func(ctx context.Context, c *Client) error {
			_, err := c.CreateTopics(ctx, false, NewTopic{Name: "x"})
			return err
		},
		"DeleteTopics":   func(ctx context.Context, c *Client) error { _, err := c.DeleteTopics(ctx, "x"); return err },
		"TopicConfigs":   func(ctx context.Context, c *Client) error { _, err := c.TopicConfigs(ctx, "x"); return err },
		"ListGroups":     func(ctx context.Context, c *Client) error { _, err := c.ListGroups(ctx); return err },
		"DescribeGroups": func(ctx context.Context, c *Client) error { _, err := c.DescribeGroups(ctx, "a", "b"); return err },
		"Retry": func(ctx context.Context, c *Client) error {
			return c.Retry(ctx, func(ctx context.Context) error { return c.Heartbeat(ctx, member) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newPipeBroker(t, answer)
				client := testClient(t, b.cluster(), WithDial(dialPipes(b)))
				const limit = 100 * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				started := time.Now()
				err := call(ctx, client)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error is %v, want the context's", err)
				}
				if took := time.Since(started); took != limit {
					t.Errorf("returned after %v, not %v", took, limit)
				}
			})
		})
	}
}
