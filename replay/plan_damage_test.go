package replay_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

func TestPlanReportsDamage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var b batch.Builder
	if _, err := b.End(append(b.Begin(firstDay.UnixMilli(), []byte("k")), s.value(1)...), nil); err != nil {
		t.Fatal(err)
	}
	damaged, err := b.Seal(batch.None)
	if err != nil {
		t.Fatal(err)
	}
	damaged[22] |= byte(batch.Zstd) // what follows is not compressed, under a checksum that is right
	binary.BigEndian.PutUint32(damaged[17:], crc32.Checksum(damaged[21:], crc32.MakeTable(crc32.Castagnoli)))
	client, err := kafka.Open(s.cluster)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topic, err := client.Topic(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	request := kafka.ProduceRequest{Partitions: []kafka.ProduceBatch{{Topic: "orders", Partition: 1, Batch: damaged}}}
	answer, err := client.Produce(t.Context(), topic.Partitions[1].Leader, &request)
	if err != nil || answer.Partitions[0].Err != nil {
		t.Fatalf("%+v, %v", answer, err)
	}
	s.put(0, 6, s.value(9))

	p := s.make(s.request("", ""))
	if p.Counts.Corrupt != 1 || p.Counts.Events != 11 || p.Spans[1].To != 6 {
		t.Errorf("planned %+v, %+v", p.Counts, p.Spans)
	}
	wantRisk(t, p, "what lies behind a damaged batch was not looked at; the run stops there: ")
	wantRisk(t, p, "topic orders partition 1")
}
