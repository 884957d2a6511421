package sender

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
)

// TestErrorsThatPassCostTimeOnly: the broker refuses some batches, in part after it has appended them, and all records arrive once
// and in order.
func TestErrorsThatPassCostTimeOnly(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.NotEnoughReplicas,
		kerr.NotEnoughReplicasAfterAppend, kerr.KafkaStorageError, kerr.RequestTimedOut, kerr.NetworkException,
		kerr.BrokerNotAvailable, kerr.CorruptMessage, kerr.ThrottlingQuotaExceeded,
		kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch, kerr.ProducerFenced,
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			c := fakeCluster(t, 1)
			s := open(t, c, Config{})
			ctx := within(t, time.Minute)
			for i, v := range numbered(9) {
				var hits *kfake.FaultHandle
				if i%3 == 1 {
					hits = c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{0}, Err: code, Count: 2})
				}
				if r := s.Send(ctx, s.Topic(topic), record("k", v)); r.Outcome != Acked {
					t.Fatalf("record %d: %v", i, r)
				}
				if hits != nil && hits.Hits() != 2 {
					t.Fatalf("the broker refused %d times, not 2", hits.Hits())
				}
			}
			inOrder(t, contents(t, c, topic), 9)
		})
	}
}

// TestErrorsThatDoNotPassFailAtOnce: and the records behind go on.
func TestErrorsThatDoNotPassFailAtOnce(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.PolicyViolation,
		kerr.UnsupportedCompressionType, kerr.InvalidTopicException, kerr.MessageTooLarge, kerr.RecordListTooLarge,
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			c := fakeCluster(t, 1)
			s := open(t, c, Config{})
			ctx := within(t, time.Minute)
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{0}, Err: code})
			r := s.Send(ctx, s.Topic(topic), record("k", "refused"))
			if r.Outcome != Failed || !errors.Is(r.Err, code) {
				t.Fatalf("got %v", r)
			}
			if code != kerr.MessageTooLarge && code != kerr.RecordListTooLarge && !strings.Contains(r.Err.Error(), topic) {
				t.Errorf("the error does not name the topic: %v", r.Err)
			}
			for i, v := range numbered(3) {
				if r := s.Send(ctx, s.Topic(topic), record("k", v)); r.Outcome != Acked {
					t.Fatalf("record %d: %v", i, r)
				}
			}
			all := contents(t, c, topic)
			inOrder(t, all, 3)
			if first := all[0][0]; first.epoch != 0 || first.sequence != 0 {
				t.Errorf("the record behind one that was not appended has epoch %d, sequence %d: its number was free", first.epoch, first.sequence)
			}
		})
	}
}

func TestAnUnexplainedRefusalIsUnknown(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 1)
	s := open(t, c, Config{})
	ctx := within(t, time.Minute)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{0}, Err: kerr.UnknownServerError})
	if r := s.Send(ctx, s.Topic(topic), record("k", "refused")); r.Outcome != Unknown || !errors.Is(r.Err, kerr.UnknownServerError) {
		t.Fatalf("got %v", r)
	}
	if r := s.Send(ctx, s.Topic(topic), record("k", "0")); r.Outcome != Acked {
		t.Fatal(r)
	}
	if all := contents(t, c, topic); all[0][0].epoch != 1 {
		t.Errorf("the next batch has epoch %d: nothing fences the unknown one", all[0][0].epoch)
	}
}

// TestOnlyTheRecordThatIsTooLargeForTheBrokerFails though it shares a batch with others.
func TestOnlyTheRecordThatIsTooLargeForTheBrokerFails(t *testing.T) {
	t.Parallel()
	for _, codec := range []batch.Codec{batch.None, batch.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			t.Parallel()
			c := fakeCluster(t, 1, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "600"}))
			s := open(t, c, Config{Codec: codec, Linger: time.Second})
			ctx := within(t, time.Minute)
			const n, large = 40, 17
			outcomes := make([]outcome, n)
			for i := range n {
				r := record(fmt.Sprint("key", i), fmt.Sprint(i))
				r.Headers = []headrace.Header{{Key: "null"}, {Key: "empty", Value: []byte{}}}
				switch i {
				case large:
					r.Value = Bytes(incompressible(1000))
				case 5:
					r.Value = nil
				}
				if err := s.Append(ctx, s.Topic(topic), r, &outcomes[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			for i := range outcomes {
				r := outcomes[i].result
				var tooLarge *TooLargeError
				if got := errors.As(r.Err, &tooLarge); got != (i == large) || got != (r.Outcome == Failed) {
					t.Errorf("record %d: %v", i, r)
				}
				if i == large && (tooLarge.Size < 1000 || tooLarge.Size > 1050 || tooLarge.Limit != 0 || !errors.Is(tooLarge, kerr.MessageTooLarge)) {
					t.Errorf("record %d: %+v", i, tooLarge)
				}
			}
			records := contents(t, c, topic)[0]
			if len(records) != n-1 {
				t.Fatalf("%d records of %d are there", len(records), n)
			}
			for i, r := range records {
				want := i
				if i >= large {
					want++
				}
				if r.key != fmt.Sprint("key", want) {
					t.Errorf("at %d is %s instead of key%d", i, r.key, want)
				}
			}
		})
	}
}

// incompressible returns n bytes that no codec makes smaller.
func incompressible(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func TestARecordThatIsTooLargeForABatchFailsAtOnce(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, 1)
	s := open(t, c, Config{BatchBytes: 10_000, BufferBytes: 40_000})
	ctx := within(t, time.Minute)
	to := s.Topic(topic)
	for _, waiting := range []bool{false, true} { // alone, and behind others in an open batch
		if waiting {
			if err := s.Append(ctx, to, record("k", "0"), nil); err != nil {
				t.Fatal(err)
			}
		}
		var tooLarge *TooLargeError
		err := s.Append(ctx, to, record("k", incompressible(10_000)), nil)
		if !errors.As(err, &tooLarge) || tooLarge.Size < 10_000 || tooLarge.Size > 10_020 || tooLarge.Limit != 10_000-batch.HeaderSize {
			t.Fatalf("got %v, %+v", err, tooLarge)
		}
	}
	// The largest that is allowed, as the error says, fits.
	overhead := len(record("k", "").Key) + 16
	if r := s.Send(ctx, to, record("k", incompressible(10_000-batch.HeaderSize-overhead))); r.Outcome != Acked {
		t.Fatal(r)
	}
	if got := len(contents(t, c, topic)[0]); got != 2 {
		t.Errorf("%d records are there instead of 2", got)
	}
	if used := s.cfg.BufferBytes - s.memory.free; used != 0 {
		t.Errorf("%d bytes of the buffer are still taken", used)
	}
}
