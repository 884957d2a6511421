package kafka

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestAdvertisedAddressThatIsNoneIsNotDialed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		host string
		port int32
		says string
	}{
		"port zero":     {"127.0.0.1", 0, "port 0"},
		"port negative": {"127.0.0.1", -9092, "port -9092"},
		"port too high": {"127.0.0.1", 70000, "port 70000"},
		"no host":       {"", 9092, "no host name"},
		"escapes":       {"kafka\x1b]0;owned\a", 9092, `kafka\x1b]0;owned\a`},
		"line break":    {"kafka\r\nlevel=error", 9092, `kafka\r\nlevel`},
		"endless":       {strings.Repeat("kafka.", 50_000), 9092, "300000 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			b := newFakeBroker(t, answerTo(kmsg.Metadata, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
				resp := b.metadata(r.req.(*kmsg.MetadataRequest))
				resp.Brokers = append(resp.Brokers, kmsg.MetadataResponseBroker{NodeID: 2, Host: test.host, Port: test.port})
				return r.reply(resp), nil
			}))
			dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr != b.addr() {
					asked.Add(1)
				}
				return (&net.Dialer{}).DialContext(ctx, network, addr)
			}
			client := testClient(t, b.cluster(), WithDial(dial))
			_, err := client.Request(testContext(t), 2, heartbeat())
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "advertised.listeners") {
				t.Errorf("error %v does not say %q and what to correct", err, test.says)
			}
			if err != nil && (len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\x1b\r\n\a")) {
				t.Errorf("error of %d characters holds the name as it came", len(err.Error()))
			}
			if n := asked.Load(); n > 0 {
				t.Errorf("%d dials to it", n)
			}
			brokers, err := client.Brokers(testContext(t))
			if err != nil || len(brokers) != 1 || brokers[0].Addr != b.addr() {
				t.Errorf("brokers are %+v, %v", brokers, err)
			}
		})
	}
}

// A broker that lists a thousand others, none of which is there, must not keep the client from the bootstrap addresses.
func TestBootstrapAddressComesSoonAmongBrokersThatAreNotThere(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) { return b.standard(r) })
	var lied atomic.Bool
	liar := newFakeBroker(t, answerTo(kmsg.Metadata, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := b.metadata(r.req.(*kmsg.MetadataRequest))
		resp.Brokers = nil
		for i := range int32(1000) {
			resp.Brokers = append(resp.Brokers, kmsg.MetadataResponseBroker{NodeID: i + 2, Host: fmt.Sprintf("10.0.%d.%d", i>>8, i&255), Port: 9092})
		}
		lied.Store(true)
		return r.reply(resp), nil
	}))
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, "10.0.") {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	cluster := liar.cluster()
	client := testClient(t, cluster, WithDial(dial), WithDialTimeout(300*time.Millisecond))
	if _, err := client.Topic(testContext(t), "flights"); err != nil || !lied.Load() {
		t.Fatal(err)
	}
	client.cluster.Brokers = []string{b.addr()}
	list := client.candidates()
	if len(list) != 1001 || list[bootstrapAfter].Addr != b.addr() {
		t.Fatalf("of %d candidates, number %d is %+v, not the bootstrap address", len(list), bootstrapAfter, list[bootstrapAfter])
	}
	if _, err := client.Topic(testContext(t), "alerts"); err != nil {
		t.Error(err)
	}
}

func TestMetadataOfHostileNumbers(t *testing.T) {
	t.Parallel()
	partition := func(id int32) kmsg.MetadataResponseTopicPartition {
		p := kmsg.NewMetadataResponseTopicPartition()
		p.Partition, p.Leader = id, 1
		return p
	}
	for name, lie := range map[string]func(resp *kmsg.MetadataResponse){
		"no partitions":        func(resp *kmsg.MetadataResponse) { resp.Topics[0].Partitions = nil },
		"a gap":                func(resp *kmsg.MetadataResponse) { resp.Topics[0].Partitions[1] = partition(5) },
		"a partition twice":    func(resp *kmsg.MetadataResponse) { resp.Topics[0].Partitions[1] = partition(0) },
		"a negative partition": func(resp *kmsg.MetadataResponse) { resp.Topics[0].Partitions[0] = partition(-1) },
		"a million brokers": func(resp *kmsg.MetadataResponse) {
			for i := range int32(maxBrokers) {
				resp.Brokers = append(resp.Brokers, kmsg.MetadataResponseBroker{NodeID: i + 2, Host: "kafka", Port: 1 + i})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFakeBroker(t, answerTo(kmsg.Metadata, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
				resp := b.metadata(r.req.(*kmsg.MetadataRequest))
				if len(resp.Topics) > 0 {
					lie(resp)
				}
				return r.reply(resp), nil
			}))
			client := testClient(t, b.cluster())
			topic, err := client.Topic(testContext(t), "flights")
			if err == nil || !Retriable(err) {
				t.Errorf("topic is %+v, %v, want a retriable error", topic, err)
			}
		})
	}
}

func TestTopicsNobodyAskedForAreNotKept(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.Metadata, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := b.metadata(r.req.(*kmsg.MetadataRequest))
		for i := range 1000 {
			other := kmsg.NewMetadataResponseTopic()
			other.Topic = kmsg.StringPtr(fmt.Sprintf("other-%d", i))
			resp.Topics = append(resp.Topics, other)
		}
		return r.reply(resp), nil
	}))
	client := testClient(t, b.cluster())
	if _, err := client.Topic(testContext(t), "flights"); err != nil {
		t.Fatal(err)
	}
	if n := len(client.metadata.topics); n != 1 {
		t.Errorf("%d topics are kept", n)
	}
}
