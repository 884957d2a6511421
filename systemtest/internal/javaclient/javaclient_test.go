package javaclient_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/javaclient"
	"github.com/headrace/headrace/systemtest/internal/kcat"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/record"
)

// TestReadersAgree shows that the yardsticks measure alike before the toolkit is measured by them.
func TestReadersAgree(t *testing.T) {
	cluster := kraft.Start(t, kraft.Config{})
	java := javaclient.New(t, cluster)
	admin.CreateTopic(t, cluster, "readers", 3, map[string]string{"retention.ms": "-1"}) // timestamps count from 1970
	steps := []javaclient.Step{
		javaclient.Send(record.Record{Partition: -1, Key: record.Bytes("tombstone")}),
		javaclient.Send(record.Record{Partition: -1, Key: record.Bytes("empty"), Value: record.Bytes{}}),
		javaclient.Send(record.Record{Partition: -1, Value: record.Bytes("\n\x00\tno key")}),
		javaclient.Send(record.Record{Partition: -1, Key: record.Bytes("headers"), Value: record.Bytes("v"), Headers: []record.Header{
			{Key: "a", Value: record.Bytes("1")}, {Key: "b", Value: record.Bytes{}}, {Key: "a", Value: record.Bytes("2")},
		}}),
	}
	keys := make([]string, 200)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%d", i)
		steps = append(steps, javaclient.Send(record.Record{Partition: -1, Timestamp: int64(i + 1), Key: record.Bytes(keys[i]), Value: record.Bytes("value")}))
	}
	java.Write(t, "readers", javaclient.Writer{Codec: "zstd"}, steps...)

	var byJava, byKgo, byKcat record.Digester
	read := java.Read(t, "readers", javaclient.Uncommitted)
	for _, r := range read {
		byJava.Add(r)
	}
	admin.ReadAll(t, cluster, "readers", byKgo.Add)
	kcat.Read(t, cluster.Brokers(), "readers", byKcat.Add)
	want := java.Digest(t, "readers")
	for name, got := range map[string]map[int32]record.Digest{"read": byJava.Sums(), "kgo": byKgo.Sums(), "kcat": byKcat.Sums()} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("digest by %s (-java +%s):\n%s", name, name, diff)
		}
	}
	if len(read) != len(steps) {
		t.Errorf("read %d records, wrote %d", len(read), len(steps))
	}
	chosen := java.Partitions(t, keys, 3)
	for _, r := range read {
		for i, key := range keys {
			if string(r.Key) == key && r.Partition != chosen[i] {
				t.Errorf("key %s lies in partition %d, Partitions says %d", key, r.Partition, chosen[i])
			}
		}
	}
}
