package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TestFetchBelongsToATopicID: a topic that was deleted and created again has the offset asked for as well, and does not answer.
func TestFetchBelongsToATopicID(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	client := testClient(t, plainCluster(fake))
	fill := func() [16]byte {
		if _, err := produceOne(ctx, client, "flights", 0, testBatch(0, "one")); err != nil {
			t.Fatal(err)
		}
		return fake.TopicInfo("flights").TopicID
	}
	var session FetchSession
	fetch := func(id [16]byte) FetchedPartition {
		t.Helper()
		req := &FetchRequest{Session: &session, Partitions: []FetchPartition{{Topic: "flights", TopicID: id, LeaderEpoch: -1}}}
		resp, err := client.Fetch(ctx, fake.PartitionInfo("flights", 0).Leader, req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Release()
		if len(resp.Partitions) != 1 || resp.Partitions[0].Topic != "flights" {
			t.Fatalf("answer %+v", resp.Partitions)
		}
		return resp.Partitions[0]
	}
	old := fill()
	if p := fetch(old); p.Err != nil || len(p.Records) == 0 {
		t.Fatalf("by its id: %+v", p)
	}
	partitions := int32(len(fake.PartitionInfos("flights")))
	if err := errors.Join(fake.DeleteTopic("flights"), fake.CreateTopic("flights", partitions, nil)); err != nil {
		t.Fatal(err)
	}
	client.Invalidate("flights")
	now := fill()
	session = FetchSession{}
	if p := fetch(old); !errors.Is(p.Err, kerr.UnknownTopicID) || !RefreshesMetadata(p.Err) {
		t.Errorf("the old id in the new topic: %+v", p)
	}
	// The same session goes over to the new topic, whose name the broker knew under the old id.
	if p := fetch(now); p.Err != nil || len(p.Records) == 0 {
		t.Errorf("the new id: %+v", p)
	}
	if p := fetch([16]byte{}); p.Err != nil || len(p.Records) == 0 {
		t.Errorf("without an id: %+v", p)
	}
	if topic, err := client.TopicAgreed(ctx, "flights"); err != nil || topic.ID != now {
		t.Errorf("the brokers agree on %x, %v", topic.ID, err)
	}
	if _, err := client.TopicAgreed(ctx, "none"); !errors.Is(err, ErrUnknownTopic) {
		t.Errorf("a topic that is not there: %v", err)
	}
}

func TestWhatBrokersAgreeOn(t *testing.T) {
	t.Parallel()
	old, now := Topic{ID: [16]byte{1}}, Topic{ID: [16]byte{2}}
	none, away := fmt.Errorf("metadata: %w", kerr.UnknownTopicOrPartition), fmt.Errorf("metadata: %w", context.DeadlineExceeded)
	for _, tc := range []struct {
		name   string
		topics []Topic
		errs   []error
		id     [16]byte
		err    error
	}{
		{"all the same", []Topic{now, now, now}, []error{nil, nil, nil}, now.ID, nil},
		{"one is away", []Topic{now, {}, now}, []error{nil, away, nil}, now.ID, nil},
		{"one lags behind a creation", []Topic{now, {}, now}, []error{nil, none, nil}, [16]byte{}, ErrTopicDisputed},
		{"one lags behind both", []Topic{now, now, old}, []error{nil, nil, nil}, [16]byte{}, ErrTopicDisputed},
		{"deleted", []Topic{{}, {}}, []error{none, none}, [16]byte{}, ErrUnknownTopic},
		{"deleted, and one is away", []Topic{{}, {}}, []error{away, none}, [16]byte{}, ErrUnknownTopic},
		{"all are away", []Topic{{}, {}}, []error{away, away}, [16]byte{}, context.DeadlineExceeded},
	} {
		topic, err := agreed("t", tc.topics, tc.errs)
		if topic.ID != tc.id || !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
			t.Errorf("%s: %x, %v", tc.name, topic.ID, err)
		}
	}
}
