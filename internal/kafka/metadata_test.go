package kafka

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
)

// countMetadata counts the Metadata requests that name a topic.
func countMetadata(fake *kfake.Cluster, count *atomic.Int64) {
	fake.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if len(req.(*kmsg.MetadataRequest).Topics) > 0 {
			count.Add(1)
		}
		return nil, nil, false
	})
}

func TestManyReadersOfATopicMakeOneRequest(t *testing.T) {
	t.Parallel()
	var count atomic.Int64
	ctx, fake := testContext(t), testCluster(t)
	countMetadata(fake, &count)
	client := testClient(t, plainCluster(fake))
	readAll := func() {
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if _, err := client.Topic(ctx, "flights"); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	readAll()
	if n := count.Load(); n < 1 || n > 2 {
		t.Errorf("%d requests for 50 readers", n)
	}
	before := count.Load()
	readAll()
	if n := count.Load() - before; n != 0 {
		t.Errorf("%d requests for what is in memory", n)
	}
	for range 20 {
		client.Invalidate("flights", "nothing")
	}
	readAll()
	if n := count.Load() - before; n < 1 || n > 2 {
		t.Errorf("%d requests after an invalidation", n)
	}
}

func TestStormOfInvalidationsIsATrickleOfRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int64
		b := newPipeBroker(t, answerTo(kmsg.Metadata, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
			if len(r.req.(*kmsg.MetadataRequest).Topics) > 0 {
				count.Add(1)
			}
			return b.standard(r)
		}))
		client, ctx := testClient(t, b.cluster(), WithDial(dialPipes(b))), testContext(t)
		for started := time.Now(); time.Since(started) < 500*time.Millisecond; <-time.After(time.Millisecond) {
			client.Invalidate("flights")
			if _, err := client.Topic(ctx, "flights"); err != nil {
				t.Fatal(err)
			}
		}
		if n := count.Load(); n < 2 || n > 8 {
			t.Errorf("%d requests in half a second", n)
		}
	})
}

func TestMetadataGrowsOld(t *testing.T) {
	t.Parallel()
	var count atomic.Int64
	ctx, fake := testContext(t), testCluster(t)
	countMetadata(fake, &count)
	client := testClient(t, plainCluster(fake), WithMetadataMaxAge(time.Nanosecond))
	for range 2 {
		if _, err := client.Topic(ctx, "flights"); err != nil {
			t.Fatal(err)
		}
	}
	if n := count.Load(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestUnknownTopicIsNamedAndNotCreated(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t, kfake.AllowAutoTopicCreation())
	client := testClient(t, plainCluster(fake))
	_, err := client.Topic(ctx, "flihgts")
	if !errors.Is(err, ErrUnknownTopic) || Retriable(err) {
		t.Errorf("error is %v, want a final ErrUnknownTopic", err)
	}
	if err != nil && (!strings.Contains(err.Error(), `"flihgts"`) || !strings.Contains(err.Error(), "topics create")) {
		t.Errorf("error %q does not name the topic and the next step", err)
	}
	if fake.TopicInfo("flihgts") != nil {
		t.Error("asking for a topic created it")
	}
	topics, err := client.Topics(ctx, "flihgts", "flights")
	if err != nil || len(topics) != 2 || !errors.Is(topics[0].Err, ErrUnknownTopic) || topics[1].Err != nil {
		t.Errorf("Topics is %+v, %v", topics, err)
	}
}

func TestTopicIsWaitedForAfterItsCreation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		unheard := unknownTopicAsks - 1
		b := newPipeBroker(t, answerTo(kmsg.Metadata, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
			resp := b.metadata(r.req.(*kmsg.MetadataRequest))
			if len(resp.Topics) > 0 && unheard > 0 {
				unheard--
				resp.Topics[0].ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
			return r.reply(resp), nil
		}))
		client := testClient(t, b.cluster(), WithDial(dialPipes(b)))
		if topic, err := client.Topic(testContext(t), "late"); err != nil || len(topic.Partitions) != 2 {
			t.Errorf("%+v, %v", topic, err)
		}
		if unheard != 0 {
			t.Errorf("the cluster was not asked %d more times", unheard)
		}
	})
}

func TestAllTopicsAndBrokers(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t, kfake.SeedTopics(1, "alerts"))
	client := testClient(t, plainCluster(fake))
	topics, err := client.Topics(ctx)
	if err != nil || len(topics) != 2 || topics[0].Name != "alerts" || topics[1].Name != "flights" {
		t.Errorf("topics are %+v, %v", topics, err)
	}
	brokers, err := client.Brokers(ctx)
	if err != nil || len(brokers) != 3 || brokers[0].Node != 0 || brokers[0].Addr != fake.ListenAddrs()[0] {
		t.Errorf("brokers are %+v, %v", brokers, err)
	}
	if _, err := client.Controller(ctx); err != nil {
		t.Error(err)
	}
}

func TestPartitionWithoutLeaderIsRetriable(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.Metadata, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := b.metadata(r.req.(*kmsg.MetadataRequest))
		for i := range resp.Topics {
			resp.Topics[i].Partitions[1].Leader = -1
			resp.Topics[i].Partitions[1].ErrorCode = kerr.LeaderNotAvailable.Code
			resp.Topics[i].Partitions[0].ErrorCode = kerr.ReplicaNotAvailable.Code
		}
		return r.reply(resp), nil
	}))
	client := testClient(t, b.cluster())
	topic, err := client.Topic(testContext(t), "flights")
	if err != nil {
		t.Fatal(err)
	}
	if err := topic.Partitions[0].Err; err != nil {
		t.Errorf("a replica that is down makes the partition an error: %v", err)
	}
	p := topic.Partitions[1]
	if !errors.Is(p.Err, kerr.LeaderNotAvailable) || !Retriable(p.Err) || !RefreshesMetadata(p.Err) || !strings.Contains(p.Err.Error(), "partition 1") {
		t.Errorf("partition without leader has error %v", p.Err)
	}
}

func TestOlderLeaderEpochIsNotBelieved(t *testing.T) {
	t.Parallel()
	var epoch atomic.Int32
	b := newFakeBroker(t, answerTo(kmsg.Metadata, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := b.metadata(r.req.(*kmsg.MetadataRequest))
		for i := range resp.Topics {
			resp.Topics[i].Partitions[0].LeaderEpoch = epoch.Load()
			resp.Topics[i].TopicID[0] = byte(epoch.Load() / 100)
		}
		return r.reply(resp), nil
	}))
	client, ctx := testClient(t, b.cluster()), testContext(t)
	for _, step := range []struct{ says, want int32 }{{5, 5}, {4, 5}, {6, 6}, {101, 101}, {1, 1}} {
		epoch.Store(step.says)
		client.Invalidate("flights")
		topic, err := client.Topic(ctx, "flights")
		if err != nil {
			t.Fatal(err)
		}
		if got := topic.Partitions[0].LeaderEpoch; got != step.want {
			t.Errorf("a broker says epoch %d: it is %d, want %d", step.says, got, step.want)
		}
	}
}

func TestMovedLeaderIsFoundByRetry(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	if _, err := produceOne(ctx, client, "flights", 0, testBatch(0, "one")); err != nil {
		t.Fatal(err)
	}
	old := fake.LeaderFor("flights", 0)
	if err := fake.MoveTopicPartition("flights", 0, (old+1)%3); err != nil {
		t.Fatal(err)
	}
	attempts := 0
	err := client.Retry(ctx, func(ctx context.Context) error {
		attempts++
		_, err := produceOne(ctx, client, "flights", 0, testBatch(0, "two"))
		if attempts == 1 && !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Errorf("first attempt: %v, want NOT_LEADER", err)
		}
		return err
	})
	if err != nil || attempts != 2 {
		t.Errorf("%d attempts, %v", attempts, err)
	}
}

func TestBrokerThatComesBackElsewhereIsFound(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, headrace.Cluster{Brokers: fake.ListenAddrs()[:2]})
	if _, err := produceOne(ctx, client, "flights", 0, testBatch(0, "one")); err != nil {
		t.Fatal(err)
	}
	if err := fake.MoveTopicPartition("flights", 0, 2); err != nil {
		t.Fatal(err)
	}
	client.Invalidate("flights")
	if _, err := produceOne(ctx, client, "flights", 0, testBatch(0, "two")); err != nil {
		t.Fatal(err)
	}
	// Node 2 is not a bootstrap address, so that only metadata can tell where it is now.
	if err := fake.RemoveNode(2); err != nil {
		t.Fatal(err)
	}
	if _, _, err := fake.AddNode(2, 0); err != nil {
		t.Fatal(err)
	}
	// A request that has to do with no topic, so that only the refused connection speaks against the address.
	dropConnections(client)
	err := client.Retry(ctx, func(ctx context.Context) error {
		_, err := client.Request(ctx, 2, kmsg.NewPtrListGroupsRequest())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := fake.MoveTopicPartition("flights", 0, 2); err != nil {
		t.Fatal(err)
	}
	err = client.Retry(ctx, func(ctx context.Context) error {
		_, err := produceOne(ctx, client, "flights", 0, testBatch(0, "three"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	client.mu.Lock()
	defer client.mu.Unlock()
	if len(client.brokers) > 3 {
		t.Errorf("connections to %d addresses are kept, the old one included", len(client.brokers))
	}
}

func TestRestartOfAllBrokersCostsTimeOnly(t *testing.T) {
	t.Parallel()
	const side = 8
	ctx := testContext(t)
	// The first heartbeats are held back until all of them are there, so that each has a connection of its own.
	var together sync.WaitGroup
	together.Add(side)
	var first atomic.Int64
	b := newFakeBroker(t, answerTo(kmsg.Heartbeat, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		if first.Add(1) <= side {
			together.Done()
			together.Wait()
		}
		return goodHeartbeat(b, r)
	}))
	client := testClient(t, b.cluster())
	var wait sync.WaitGroup
	for range side {
		wait.Go(func() {
			if _, err := client.Request(ctx, 1, heartbeat()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	b.cut()
	attempts := 0
	err := client.Retry(ctx, func(ctx context.Context) error {
		attempts++
		_, err := client.Request(ctx, 1, heartbeat())
		return err
	})
	// One attempt trips over a dead connection, and takes the other seven with it.
	if err != nil || attempts > 2 {
		t.Errorf("%d attempts after the connections were cut, %v", attempts, err)
	}
}
