package contender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/systemtest/bench/order"
)

// copyHeadrace copies as `headrace replay apply` does, with a checkpoint and, by type, with origin headers.
func copyHeadrace(ctx context.Context, job Job) error {
	reg, err := registry.New(job.RegistryURL)
	if err != nil {
		return err
	}
	cluster := headrace.Cluster{Brokers: job.Brokers}
	plan := replay.Plan{Version: replay.PlanVersion, ID: "bench-" + job.Group, Target: replay.Target{Topic: job.To, Raw: !job.ByType}}
	if job.ByType {
		parsed, err := schema.Parse(order.Order{}.AvroSchema())
		if err != nil {
			return err
		}
		plan.Filter.Events = []string{parsed.FullName()}
	}
	ranges, err := reader.Resolve(ctx, cluster, job.Topic, nil, reader.Range{To: reader.AtEnd()})
	if err != nil {
		return err
	}
	for _, r := range ranges {
		plan.Spans = append(plan.Spans, replay.Span{Topic: job.Topic, Partition: r.Partition, OffsetRange: r.OffsetRange})
	}
	folder, err := os.MkdirTemp("", "bench-copy-*")
	if err != nil {
		return err
	}
	_, err = replay.Copy(ctx, replay.CopyConfig{From: cluster, Plan: plan, Registry: reg, Checkpoint: filepath.Join(folder, "checkpoint.json")})
	return errors.Join(err, os.RemoveAll(folder))
}

// copyFranz is the loop that one writes with franz-go: each record into the partition of its number, by type after a look at the id in
// front of its value. It keeps keys, headers and timestamps, adds none, and could not go on after a crash.
func copyFranz(ctx context.Context, job Job) error {
	out, err := kgo.NewClient(append(franzProduceOptions(job, job.To), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return err
	}
	defer out.Close()
	in, err := kgo.NewClient(kgo.SeedBrokers(job.Brokers...), kgo.ConsumeTopics(job.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer in.Close()
	var failed firstError
	done := func(_ *kgo.Record, err error) { failed.set(err) }
	for copied := 0; copied < job.Events; {
		fetches := in.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for iter := fetches.RecordIter(); !iter.Done(); copied++ {
			r := iter.Next()
			if job.ByType {
				if ref, _, err := schema.ParseWire(r.Value, nil); err != nil || ref != schema.RefID(job.SchemaID) {
					continue
				}
			}
			out.Produce(ctx, &kgo.Record{Topic: job.To, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}, done)
		}
	}
	return errors.Join(out.Flush(ctx), failed.get())
}

// copyKcat pipes kcat into kcat, with marks between keys and values that the events do not hold. It keeps neither partitions nor
// timestamps nor headers, and knows no types.
func copyKcat(ctx context.Context, job Job) error {
	if job.ByType {
		return errors.New("kcat has no filter")
	}
	const keyMark, endMark = "\x01\x02\x03KEY\x03", "\x01\x02\x03END\x03"
	brokers := strings.Join(job.Brokers, ",")
	read := exec.CommandContext(ctx, "kcat", "-q", "-C", "-b", brokers, "-t", job.Topic, "-o", "beginning", "-e", "-X", "queued.min.messages=100000", //nolint:gosec // the benchmark names its own brokers and topics
		"-f", "%k"+keyMark+"%s"+endMark)
	write := exec.CommandContext(ctx, "kcat", "-q", "-P", "-b", brokers, "-t", job.To, "-K", keyMark, "-D", endMark, //nolint:gosec // the benchmark names its own brokers and topics
		"-X", "acks=all", "-X", "enable.idempotence=true", "-X", "batch.size=1000000", "-X", "linger.ms=5")
	var said [2]strings.Builder
	read.Stderr, write.Stderr = &said[0], &said[1]
	pipe, err := read.StdoutPipe()
	if err != nil {
		return err
	}
	write.Stdin = pipe
	if err := errors.Join(read.Start(), write.Start()); err != nil {
		return err
	}
	if err := errors.Join(write.Wait(), read.Wait()); err != nil {
		return fmt.Errorf("kcat: %w: %.500s %.500s", err, said[0].String(), said[1].String())
	}
	return nil
}

// Holds returns how many offsets a topic has.
func Holds(ctx context.Context, brokers []string, topic string) (offsets int, err error) {
	client, err := kafka.Open(headrace.Cluster{Brokers: brokers})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	t, err := client.Topic(ctx, topic)
	if err != nil {
		return 0, err
	}
	var queries []kafka.OffsetQuery
	for _, p := range t.Partitions {
		queries = append(queries, kafka.OffsetQuery{Topic: topic, Partition: p.ID, Timestamp: kafka.Latest})
	}
	answers, err := client.ListOffsets(ctx, false, queries...)
	for _, a := range answers {
		offsets += int(a.Offset)
	}
	return offsets, err
}
