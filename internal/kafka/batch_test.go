package kafka

import (
	"context"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// testBatch returns a record batch with these values, as a producer without identity writes it.
func testBatch(base int64, values ...string) []byte {
	var records []byte
	for i, value := range values {
		r := kmsg.Record{OffsetDelta: int32(i), Value: []byte(value)}
		r.Length = int32(len(r.AppendTo(nil)) - 1)
		records = r.AppendTo(records)
	}
	batch := kmsg.RecordBatch{
		FirstOffset: base, PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: int32(len(values) - 1),
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(values)), Records: records,
	}
	batch.Length = int32(len(batch.AppendTo(nil)) - 12)
	raw := batch.AppendTo(nil)
	batch.CRC = int32(crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return batch.AppendTo(nil)
}

// produceOne sends one batch to its leader.
func produceOne(ctx context.Context, client *Client, topic string, partition int32, batch []byte) (ProduceResult, error) {
	leader, err := client.leader(ctx, topic, partition)
	if err != nil {
		return ProduceResult{}, err
	}
	resp, err := client.Produce(ctx, leader.Leader, &ProduceRequest{
		Partitions: []ProduceBatch{{Topic: topic, Partition: partition, Batch: batch}},
	})
	if err != nil {
		return ProduceResult{}, err
	}
	return resp.Partitions[0], resp.Partitions[0].Err
}
