package replay

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/filter"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/kraft"
)

// TestTheMemoryOfACopy copies 400 MiB of large events, in twelve partitions, and wants the process to stay small.
func TestTheMemoryOfACopy(t *testing.T) {
	const (
		partitions = 12
		events     = 4096
		size       = 100 << 10
		most       = 256 << 20
	)
	cluster := kraft.Start(t, kraft.Config{})
	admin.CreateTopic(t, cluster, "large", partitions, forever)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Internal()...), kgo.DefaultProduceTopic("large"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(512))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range events {
		value := bytes.Repeat([]byte(strconv.Itoa(i)+" "), size/2)[:size]
		client.Produce(t.Context(), &kgo.Record{Partition: int32(i % partitions), Key: []byte("k"), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]bool{"large.again": false, "large.raw": true} {
		admin.CreateTopic(t, cluster, name, partitions, forever)
		plan := planCopy(t, cluster, cluster, nil, "large", replay.Target{Topic: name, Raw: raw}, filter.Filter{})
		peak := filepath.Join(t.TempDir(), "peak")
		process := startProgram(t, "copy", copyJob{From: cluster.Brokers(), Plan: plan, Checkpoint: filepath.Join(t.TempDir(), "checkpoint.json"), Peak: peak}, nil)
		if err := process.Wait(); err != nil {
			t.Fatalf("the copy: %v\n%s", err, process.Tail(20))
		}
		text, err := os.ReadFile(peak)
		if err != nil {
			t.Fatal(err)
		}
		used, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || used > most {
			t.Errorf("raw %v: the process took %d bytes at its peak (%v), and %d are allowed", raw, used, err, most)
		}
		if n := held(t, cluster, name); n != events {
			t.Errorf("raw %v: the target holds %d events, want %d", raw, n, events)
		}
		t.Logf("raw %v: %d events of %d KiB, at most %d MiB in memory", raw, events, size>>10, used>>20)
	}
}
