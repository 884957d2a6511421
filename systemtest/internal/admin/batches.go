package admin

import (
	"encoding/binary"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/headrace/headrace/systemtest/internal/kraft"
)

// Where a record batch of format v2 keeps its length and its number of records, and what its length does not count.
const (
	lengthAt  = 8
	recordsAt = 57
	uncounted = 12
)

// EmptyBatches returns how many of the partition's batches have no records left: those that a log cleaner keeps for
// their producer's sequence number.
func EmptyBatches(tb testing.TB, c *kraft.Cluster, topic string, partition int32) (empty, all int) {
	tb.Helper()
	// Older versions of Fetch name topics; newer ones number them.
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Internal()...), kgo.MaxVersions(kversion.V2_8_0()))
	if err != nil {
		tb.Fatalf("batches of %s/%d: %v", topic, partition, err)
	}
	defer client.Close()
	end := Ends(tb, c, topic)[partition]
	for offset := int64(0); offset < end; {
		raw := fetchRaw(tb, client, topic, partition, offset)
		for len(raw) > recordsAt+4 {
			size := uncounted + int(binary.BigEndian.Uint32(raw[lengthAt:]))
			if size > len(raw) {
				break
			}
			all++
			if binary.BigEndian.Uint32(raw[recordsAt:]) == 0 {
				empty++
			}
			lastDelta := int64(binary.BigEndian.Uint32(raw[23:]))
			offset = int64(binary.BigEndian.Uint64(raw)) + lastDelta + 1
			raw = raw[size:]
		}
	}
	return empty, all
}

func fetchRaw(tb testing.TB, client *kgo.Client, topic string, partition int32, offset int64) []byte {
	tb.Helper()
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 1<<20
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.FetchRequestTopicPartition{p}
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes = 1000, 1, 1<<20
	request.Topics = []kmsg.FetchRequestTopic{t}
	response, err := request.RequestWith(tb.Context(), client.Broker(1))
	if err != nil {
		tb.Fatalf("fetch %s/%d at %d: %v", topic, partition, offset, err)
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 || response.Topics[0].Partitions[0].ErrorCode != 0 {
		tb.Fatalf("fetch %s/%d at %d: %+v", topic, partition, offset, response)
	}
	return response.Topics[0].Partitions[0].RecordBatches
}
