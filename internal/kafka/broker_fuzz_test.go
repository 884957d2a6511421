package kafka

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
)

// brokerCall is something this package does whose answer comes from a scripted broker.
type brokerCall struct {
	key  kmsg.Key // whose answers are scripted
	do   func(ctx context.Context, c *Client)
	sasl headrace.Mechanism
}

// brokerCalls has every kind of answer at least once.
func brokerCalls() []brokerCall {
	member := Member{Group: "delays", MemberID: "m1", Generation: 1}
	acl := ACL{Principal: "User:ann", Host: "*", Resource: "TOPIC", Name: "flights", Pattern: "LITERAL", Operation: "READ", Allow: true}
	topic := Topic{Name: "flights", Partitions: []Partition{{Leader: 1, Replicas: []int32{1}}}}
	heartbeat := func(ctx context.Context, c *Client) { _ = c.Heartbeat(ctx, member) }
	return []brokerCall{
		{key: kmsg.ApiVersions, do: heartbeat},
		{key: kmsg.ApiVersions, do: func(ctx context.Context, c *Client) { _ = c.Ping(ctx) }},
		{key: kmsg.SASLHandshake, do: heartbeat, sasl: headrace.Plain},
		{key: kmsg.SASLAuthenticate, do: heartbeat, sasl: headrace.Plain},
		{key: kmsg.SASLAuthenticate, do: heartbeat, sasl: headrace.SCRAMSHA256},
		{key: kmsg.SASLAuthenticate, do: heartbeat, sasl: headrace.OAuthBearer},
		{key: kmsg.Metadata, do: func(ctx context.Context, c *Client) { _, _ = c.Topic(ctx, "flights") }},
		{key: kmsg.Metadata, do: func(ctx context.Context, c *Client) { _, _ = c.Topics(ctx) }},
		{key: kmsg.Metadata, do: func(ctx context.Context, c *Client) { _, _ = c.TopicsNow(ctx, []string{"flights"}) }},
		{key: kmsg.Metadata, do: func(ctx context.Context, c *Client) { _, _ = c.Overview(ctx, AnyNode) }},
		{key: kmsg.Metadata, do: func(ctx context.Context, c *Client) { _, _ = c.TopicOperations(ctx, "flights") }},
		{key: kmsg.FindCoordinator, do: heartbeat},
		{key: kmsg.Heartbeat, do: heartbeat},
		{key: kmsg.InitProducerID, do: func(ctx context.Context, c *Client) { _, _ = c.InitProducerID(ctx, "", NoProducerID) }},
		{key: kmsg.Produce, do: func(ctx context.Context, c *Client) {
			_, _ = c.Produce(ctx, 1, &ProduceRequest{Partitions: []ProduceBatch{{Topic: "flights", Batch: []byte{1}}}})
		}},
		{key: kmsg.Fetch, do: func(ctx context.Context, c *Client) {
			var session FetchSession
			for range 2 {
				req := &FetchRequest{Session: &session, Partitions: []FetchPartition{{Topic: "flights"}, {Topic: "flights", Partition: 1}}}
				if resp, err := c.Fetch(ctx, 1, req); err == nil {
					resp.Release()
				}
			}
			_ = c.CloseFetchSession(ctx, 1, &session)
		}},
		{key: kmsg.ListOffsets, do: func(ctx context.Context, c *Client) {
			_, _ = c.ListOffsets(ctx, true, OffsetQuery{"flights", 0, Latest}, OffsetQuery{"flights", 1, Earliest})
		}},
		{key: kmsg.JoinGroup, do: func(ctx context.Context, c *Client) { _, _ = c.JoinGroup(ctx, JoinRequest{Group: "delays"}) }},
		{key: kmsg.SyncGroup, do: func(ctx context.Context, c *Client) { _, _ = c.SyncGroup(ctx, SyncRequest{Member: member}) }},
		{key: kmsg.LeaveGroup, do: func(ctx context.Context, c *Client) { _ = c.LeaveGroup(ctx, member, "done") }},
		{key: kmsg.OffsetCommit, do: func(ctx context.Context, c *Client) {
			_, _ = c.CommitOffsets(ctx, member, OffsetCommit{Topic: "flights", Offset: 1})
		}},
		{key: kmsg.OffsetFetch, do: func(ctx context.Context, c *Client) {
			_, _ = c.FetchOffsets(ctx, "delays", TopicPartition{"flights", 0})
			_, _ = c.FetchOffsets(ctx, "delays")
		}},
		{key: kmsg.ListGroups, do: func(ctx context.Context, c *Client) { _, _ = c.ListGroups(ctx) }},
		{key: kmsg.DescribeGroups, do: func(ctx context.Context, c *Client) { _, _ = c.DescribeGroups(ctx, "delays") }},
		{key: kmsg.DescribeGroups, do: func(ctx context.Context, c *Client) { _, _ = c.GroupOperations(ctx, "delays") }},
		{key: kmsg.ConsumerGroupDescribe, do: func(ctx context.Context, c *Client) { _, _ = c.describeConsumerGroup(ctx, "delays") }},
		{key: kmsg.CreateTopics, do: func(ctx context.Context, c *Client) { _, _ = c.CreateTopics(ctx, true, NewTopic{Name: "flights"}) }},
		{key: kmsg.DeleteTopics, do: func(ctx context.Context, c *Client) { _, _ = c.DeleteTopics(ctx, "flights") }},
		{key: kmsg.CreatePartitions, do: func(ctx context.Context, c *Client) { _, _ = c.CreatePartitions(ctx, MorePartitions{}) }},
		{key: kmsg.DescribeConfigs, do: func(ctx context.Context, c *Client) {
			_, _, _ = c.Configs(ctx, 1, []string{"flights"})
			_, _ = c.BrokerConfigs(ctx, 1)
		}},
		{key: kmsg.IncrementalAlterConfigs, do: func(ctx context.Context, c *Client) {
			_, _ = c.AlterConfigs(ctx, true, ConfigChange{Resource: ConfigResource{Topic: "flights"}})
		}},
		{key: kmsg.DescribeLogDirs, do: func(ctx context.Context, c *Client) { _, _ = c.LogSizes(ctx, []Topic{topic}) }},
		{key: kmsg.AlterPartitionAssignments, do: func(ctx context.Context, c *Client) { _, _ = c.Reassign(ctx, Placement{}) }},
		{key: kmsg.ListPartitionReassignments, do: func(ctx context.Context, c *Client) { _, _ = c.Reassignments(ctx) }},
		{key: kmsg.DescribeACLs, do: func(ctx context.Context, c *Client) { _, _ = c.ACLs(ctx) }},
		{key: kmsg.CreateACLs, do: func(ctx context.Context, c *Client) { _, _ = c.CreateACLs(ctx, acl) }},
		{key: kmsg.DeleteACLs, do: func(ctx context.Context, c *Client) { _, _ = c.DeleteACLs(ctx, acl) }},
	}
}

// version is one of those that this client speaks of the call's API.
func (b brokerCall) version(choice uint8) int16 {
	own := supported(int16(b.key))
	return own.min + int16(choice)%(own.max-own.min+1)
}

// answered has the broker answer one kind of request with a body, and all others as they should be.
func (b brokerCall) answered(version int16, body []byte) func(*fakeBroker, fakeRequest) ([]byte, error) {
	return func(broker *fakeBroker, r fakeRequest) ([]byte, error) {
		switch {
		case r.key == int16(b.key):
			if r.version == version && ((b.key == kmsg.Fetch && version >= 12) || (b.key != kmsg.Fetch && flexibleAnswer(r.key, version))) {
				return r.raw(append([]byte{0}, body...)...), nil
			}
			return r.raw(body...), nil
		case r.key == int16(kmsg.SASLHandshake):
			return r.reply(kmsg.NewPtrSASLHandshakeResponse()), nil
		case r.key == int16(kmsg.SASLAuthenticate):
			return r.reply(kmsg.NewPtrSASLAuthenticateResponse()), nil
		case r.key == int16(kmsg.FindCoordinator):
			resp := kmsg.NewPtrFindCoordinatorResponse()
			found := kmsg.NewFindCoordinatorResponseCoordinator()
			found.Key, found.NodeID = "delays", 1
			resp.Coordinators = append(resp.Coordinators, found)
			return r.reply(resp), nil
		case r.key == int16(kmsg.Heartbeat):
			return goodHeartbeat(broker, r)
		}
		return broker.standard(r)
	}
}

// flexibleAnswer says whether an answer's header has tagged fields.
func flexibleAnswer(key, version int16) bool {
	resp := kmsg.ResponseForKey(key)
	resp.SetVersion(version)
	return resp.IsFlexible() && key != int16(kmsg.ApiVersions)
}

// FuzzBrokerAnswers gives any bytes as the answer to any request that this package makes. No answer panics, hangs, or
// takes more memory than its own size allows for.
func FuzzBrokerAnswers(f *testing.F) {
	calls := brokerCalls()
	rnd := rand.New(rand.NewPCG(3, 4))
	for i, call := range calls {
		for choice := range uint8(14) {
			version := call.version(choice)
			if int16(choice) > supported(int16(call.key)).max-supported(int16(call.key)).min {
				break
			}
			resp := kmsg.ResponseForKey(int16(call.key))
			resp.SetVersion(version)
			f.Add(uint8(i), choice, resp.AppendTo(nil))
			fill(reflect.ValueOf(resp).Elem(), rnd, 2)
			body := resp.AppendTo(nil)
			f.Add(uint8(i), choice, body)
			if resp.IsFlexible() { // tagged fields that are not there
				f.Add(uint8(i), choice, append(append([]byte(nil), body[:len(body)-1]...), 0xff, 0xff, 0xff, 0x7f))
			}
			f.Add(uint8(i), choice, append(append([]byte(nil), body...), make([]byte, 1<<16)...))
			for cut := 0; cut+4 < min(len(body), 24); cut += 4 { // counts that are lies
				lie := append([]byte(nil), body...)
				binary.BigEndian.PutUint32(lie[cut:], 0x7fffffff)
				f.Add(uint8(i), choice, lie)
			}
		}
	}
	f.Fuzz(func(t *testing.T, pick, choice uint8, body []byte) {
		if len(body) > 1<<20 {
			return
		}
		call := calls[int(pick)%len(calls)]
		version := call.version(choice)
		var took uint64
		started := time.Now()
		synctest.Test(t, func(t *testing.T) {
			b := newPipeBroker(t, call.answered(version, body))
			for key := range int16(kmsg.MaxKey + 1) {
				if kmsg.RequestForKey(key) != nil {
					b.versions = append(b.versions, kmsg.ApiVersionsResponseApiKey{ApiKey: key, MaxVersion: supported(key).max})
				}
				if key == int16(call.key) {
					b.versions[len(b.versions)-1].MaxVersion = version
				}
			}
			cluster := b.cluster()
			if call.sasl != "" {
				cluster.SASL = &headrace.SASL{
					Mechanism: call.sasl, Username: "ann", Password: headrace.NewSecret("x"), AllowPlaintext: true,
					Token: func(context.Context) (string, error) { return "token", nil },
				}
				if call.sasl == headrace.OAuthBearer {
					cluster.SASL.Username, cluster.SASL.Password = "", headrace.Secret{}
				} else {
					cluster.SASL.Token = nil
				}
			}
			client, err := Open(cluster, WithDial(dialPipes(b)), WithRequestTimeout(time.Second), WithDialTimeout(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			took = allocated(func() { call.do(ctx, client) })
			client.Close()
		})
		if limit := uint64(1<<20 + 128*len(body)); took > limit {
			t.Errorf("%s version %d: an answer of %d bytes took %d bytes of memory", requestName(int16(call.key)), version, len(body), took)
		}
		if real := time.Since(started); real > 5*time.Second {
			t.Errorf("%s version %d: an answer of %d bytes took %v", requestName(int16(call.key)), version, len(body), real)
		}
	})
}
