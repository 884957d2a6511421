package interop

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// What the newest Kafka speaks and older ones do not, each in the newest version that the broker has.
func TestVersionsThatTheBrokerHas(t *testing.T) {
	for _, version := range stack.Versions(kraft.Recent, kraft.Newest) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			cluster := kraft.Start(t, kraft.Config{Version: version, Nodes: 3})
			newest := version == kraft.Newest
			t.Run("an address that leads to another broker", func(t *testing.T) { misled(t, cluster, newest) })
			t.Run("offsets in a transaction", func(t *testing.T) { transactionOffsets(t, cluster, newest) })
		})
	}
}

// recorder notes the version of the last ApiVersions request, and leads the address of one broker to another one.
type recorder struct {
	greeting atomic.Int32
	from, to atomic.Pointer[string]
}

func (r *recorder) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if from := r.from.Load(); from != nil && *from == address {
		address = *r.to.Load()
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &recorded{Conn: conn, recorder: r}, err
}

type recorded struct {
	net.Conn
	recorder *recorder
}

// Write sees each request whole: length, key and version come first.
func (c *recorded) Write(b []byte) (int, error) {
	if len(b) > 8 && b[4] == 0 && b[5] == byte(kmsg.ApiVersions) {
		c.recorder.greeting.Store(int32(b[7]))
	}
	return c.Conn.Write(b)
}

// misled has the address of broker 2 lead to broker 3, as a wrong advertised listener does. Kafka 4.4 refuses that (KIP-1242),
// and the client reads the list of brokers again. An older one takes it, and answers for itself.
func misled(t *testing.T, cluster *kraft.Cluster, refused bool) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var r recorder
	client, err := kafka.Open(stack.Cluster(cluster), kafka.WithDial(r.dial))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	brokers, err := client.Brokers(ctx)
	if err != nil || len(brokers) != 3 {
		t.Fatalf("brokers are %v, %v", brokers, err)
	}
	ask := func() error {
		_, err := client.Request(ctx, 2, kmsg.NewPtrDescribeLogDirsRequest())
		return err
	}
	r.to.Store(&brokers[2].Addr)
	r.from.Store(&brokers[1].Addr)
	if err := ask(); errors.Is(err, kerr.RebootstrapRequired) != refused {
		t.Errorf("request to broker 2 at broker 3's address: %v", err)
	}
	r.from.Store(nil)
	if refused {
		if err := client.Retry(ctx, func(context.Context) error { return ask() }); err != nil {
			t.Errorf("after the address was mended: %v", err)
		}
	}
	want := int32(4)
	if refused {
		want = 5
	}
	if got := r.greeting.Load(); got != want {
		t.Errorf("the last connection began with ApiVersions %d, want %d", got, want)
	}
}

// transactionOffsets commits an offset in a transaction: from version 6 on by the topic's id (KIP-1319), before by its name.
func transactionOffsets(t *testing.T, cluster *kraft.Cluster, byID bool) {
	const topic, group, id = "transfers", "transfers", "transfers-1"
	admin.CreateTopic(t, cluster, topic, 1, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client, err := kafka.Open(stack.Cluster(cluster))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	of, err := client.Topic(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var producer kafka.ProducerID
	if err := client.Retry(ctx, func(ctx context.Context) error {
		producer, err = client.InitProducerID(ctx, id, kafka.NoProducerID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	offset := kmsg.NewTxnOffsetCommitRequestTopic()
	offset.Topic, offset.TopicID = topic, of.ID
	partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	partition.Offset = 42
	offset.Partitions = append(offset.Partitions, partition)
	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.Group, commit.ProducerID, commit.ProducerEpoch = id, group, producer.ID, producer.Epoch
	commit.Topics = append(commit.Topics, offset)

	var committed *kmsg.TxnOffsetCommitResponse
	if err := client.Retry(ctx, func(ctx context.Context) error {
		node, err := client.Coordinator(ctx, kafka.GroupCoordinator, group)
		if err != nil {
			return err
		}
		resp, err := client.Request(ctx, node, commit)
		if err != nil {
			return err
		}
		committed = resp.(*kmsg.TxnOffsetCommitResponse)
		return kerr.ErrorForCode(committed.Topics[0].Partitions[0].ErrorCode)
	}); err != nil {
		t.Fatal(err)
	}
	want := int16(5)
	if byID {
		want = 6
	}
	if committed.Version != want {
		t.Errorf("TxnOffsetCommit was spoken in version %d, want %d", committed.Version, want)
	}
	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = id, producer.ID, producer.Epoch, true
	node, err := client.Coordinator(ctx, kafka.TransactionCoordinator, id)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Request(ctx, node, end)
	if err == nil {
		err = kerr.ErrorForCode(resp.(*kmsg.EndTxnResponse).ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	var found []kafka.CommittedOffset
	if err := client.Retry(ctx, func(ctx context.Context) error {
		found, err = client.FetchOffsets(ctx, group, kafka.TopicPartition{Topic: topic})
		return err
	}); err != nil || found[0].Offset != 42 {
		t.Errorf("committed is %+v, %v", found, err)
	}
}
