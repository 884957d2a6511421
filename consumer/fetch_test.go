package consumer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/reader"
)

// commit sets the group's offset from outside, while it is empty.
func (w *world) commit(topic string, partition int32, offset int64) {
	w.t.Helper()
	_, err := w.client.CommitOffsets(context.Background(), kafka.Member{Group: "g", Generation: -1}, kafka.OffsetCommit{Topic: topic, Partition: partition, Offset: offset})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestOffsetOutOfRange is row 23 of the fault matrix.
func TestOffsetOutOfRange(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		committed int64
		policy    OutOfRange
		want      []int64 // nil: the worker stops
	}{
		{"deleted, stop", 2, OutOfRangeStop, nil},
		{"deleted, start", 2, OutOfRangeStart, []int64{5, 6, 7, 8, 9, 10}},
		{"deleted, end", 2, OutOfRangeEnd, []int64{10}},
		{"beyond the end, stop", 100, OutOfRangeStop, nil},
		{"beyond the end, start", 100, OutOfRangeStart, []int64{5, 6, 7, 8, 9, 10}},
		{"beyond the end, end", 100, OutOfRangeEnd, []int64{10}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			for n := range int64(10) {
				w.pings("t", 0, n, 1)
			}
			if err := w.kafka.DeleteRecords("t", 0, 5); err != nil {
				t.Fatal(err)
			}
			w.commit("t", 0, tc.committed)
			cfg := w.config("t")
			cfg.Tuning.OutOfRange = tc.policy
			var got sink
			j := w.start(cfg, On(got.handle))
			if tc.want == nil {
				failure := asError[*reader.OutOfRangeError](t, j.wait())
				if failure.Offset != tc.committed || failure.LogStart != 5 || failure.LogEnd != 10 {
					t.Errorf("got %+v", failure)
				}
				if at := w.committed("t", 0); at != tc.committed {
					t.Errorf("committed %d", at)
				}
				return
			}
			eventually(t, "moved and committed", func() bool { return w.committed("t", 0) >= 10 && w.committed("t", 0) != tc.committed })
			w.pings("t", 0, 10, 1)
			eventually(t, "the next event committed", func() bool { return w.committed("t", 0) == 11 })
			j.stop()
			if !slices.Equal(got.numbers(), tc.want) {
				t.Errorf("handled %v, want %v", got.numbers(), tc.want)
			}
			logged := w.logs.FilterMessageSnippet("out of range").All()
			if len(logged) != 1 || fmt.Sprint(logged[0].ContextMap()["asked"], logged[0].ContextMap()["log start"], logged[0].ContextMap()["log end"]) != fmt.Sprint(tc.committed, 5, 10) {
				t.Errorf("logged %v", logged)
			}
		})
	}
}

// serve answers fetches from a function instead of the log.
func (w *world) serve(batches func(offset int64) []byte) { w.serveTopic("", batches) }

// serveTopic is serve for one topic; fetches of others are left to the broker.
func (w *world) serveTopic(name string, batches func(offset int64) []byte) {
	var id [16]byte
	if name != "" {
		id = w.kafka.TopicInfo(name).TopicID
	}
	w.kafka.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		if name != "" && (len(req.Topics) == 0 || req.Topics[0].Topic != name && req.Topics[0].TopicID != id) {
			return nil, nil, false
		}
		answer := req.ResponseKind().(*kmsg.FetchResponse) // without a session: each request names every partition
		for _, topic := range req.Topics {
			at := kmsg.NewFetchResponseTopic()
			at.Topic, at.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				sp := kmsg.NewFetchResponseTopicPartition()
				sp.Partition, sp.HighWatermark, sp.LastStableOffset = p.Partition, 1<<40, 1<<40
				sp.RecordBatches = batches(p.FetchOffset)
				at.Partitions = append(at.Partitions, sp)
			}
			answer.Topics = append(answer.Topics, at)
		}
		return answer, nil, true
	})
}

// at gives a batch its place in the log, as a broker does. The base offset is not covered by the checksum.
func at(base int64, raw []byte) []byte {
	raw = slices.Clone(raw)
	binary.BigEndian.PutUint64(raw, uint64(base))
	return raw
}

// checksum makes a batch's checksum right again.
func checksum(raw []byte) []byte {
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// emptied is what compaction leaves of a batch whose producer has to be remembered: a header that covers count offsets.
func emptied(t *testing.T, base int64, count int32) []byte {
	raw := at(base, sealed(t, batch.None, rec{value: pingValue(0, "")})[:batch.HeaderSize])
	binary.BigEndian.PutUint32(raw[8:], batch.HeaderSize-12)
	binary.BigEndian.PutUint32(raw[23:], uint32(count-1))
	binary.BigEndian.PutUint32(raw[57:], 0)
	return checksum(raw)
}

func TestDamagedBatchIsFetchedOnceMoreAndThenStopsTheWorker(t *testing.T) {
	t.Parallel()
	good := sealed(t, batch.None, rec{value: pingValue(1, "")}, rec{value: pingValue(2, "")})
	damaged := at(2, sealed(t, batch.None, rec{value: pingValue(3, "")}))
	damaged[len(damaged)-1] ^= 1
	w := newWorld(t)
	w.topic("t", 1, true)
	var asked atomic.Int64
	w.serve(func(offset int64) []byte {
		if offset == 2 {
			asked.Add(1)
		}
		return append(at(0, good), damaged...)
	})
	cfg := w.config("t")
	cfg.Policy.DeadLetter = true
	var got sink
	j := w.start(cfg, On(got.handle))
	failure := asError[*reader.CorruptError](t, j.wait())
	if failure.Location != (headrace.Location{Topic: "t", Partition: 0, Offset: 2}) {
		t.Errorf("got %+v", failure)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("fetched %d times", n)
	}
	if !slices.Equal(got.numbers(), []int64{1, 2}) || w.committed("t", 0) != 2 {
		t.Errorf("handled %v, committed %d", got.numbers(), w.committed("t", 0))
	}
}

func TestDamageOnTheWayIsMendedByFetchingAgain(t *testing.T) {
	t.Parallel()
	good := sealed(t, batch.None, rec{value: pingValue(1, "")})
	w := newWorld(t)
	w.topic("t", 1, false)
	var asked atomic.Int64
	w.serve(func(offset int64) []byte {
		if offset > 0 {
			return nil
		}
		raw := slices.Clone(good)
		if asked.Add(1) == 1 {
			raw[len(raw)-1] ^= 1
		}
		return raw
	})
	j := w.start(w.config("t"), On(new(sink).handle))
	eventually(t, "handled", func() bool { return w.committed("t", 0) == 1 })
	j.stop()
}

func TestRecordThatIsABombStopsTheWorkerWithItsOffset(t *testing.T) {
	t.Parallel()
	bomb := sealed(t, batch.Zstd, rec{value: make([]byte, 80<<20)})
	w := newWorld(t)
	w.topic("t", 1, false)
	w.serve(func(int64) []byte { return bomb })
	failure := asError[*reader.CorruptError](t, w.start(w.config("t"), On(new(sink).handle)).wait())
	if limit, ok := errors.AsType[*batch.LimitError](failure); !ok || failure.Location != (headrace.Location{Topic: "t", Partition: 0, Offset: 0}) {
		t.Errorf("got %+v, %v", failure, limit)
	}
}

func TestRecordThatIsABombIsDeadLetteredAlone(t *testing.T) {
	t.Parallel()
	bomb := sealed(t, batch.Zstd, rec{value: make([]byte, 80<<20)}, rec{value: pingValue(2, "")})
	w := newWorld(t)
	w.topic("t", 1, true)
	w.serveTopic("t", func(offset int64) []byte {
		switch offset {
		case 0:
			return slices.Concat(bomb, at(2, sealed(t, batch.None, rec{value: pingValue(1, "")})))
		}
		return nil
	})
	cfg := w.config("t")
	cfg.Policy.DeadLetter = true
	var got sink
	j := w.start(cfg, On(got.handle))
	eventually(t, "committed", func() bool { return w.committed("t", 0) == 3 })
	j.stop()
	dead := w.read("t.g.dead")
	if len(dead) != 1 || dead[0].Value != nil || header(dead[0], HeaderKind) != "record" || header(dead[0], HeaderReference) != "t/0@0" {
		t.Errorf("%d dead letters: %.2000v", len(dead), dead)
	}
	if got.len() != 2 {
		t.Errorf("%d events handled", got.len())
	}
}

// undecompressible is a batch that says it is compressed, and is not.
func undecompressible(t *testing.T, recs ...rec) []byte {
	t.Helper()
	raw := sealed(t, batch.None, recs...)
	raw[22] = byte(batch.Zstd)
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// TestBatchThatDoesNotDecompressIsDeadLetteredWhole has no way to tell its events apart.
func TestBatchThatDoesNotDecompressIsDeadLetteredWhole(t *testing.T) {
	t.Parallel()
	broken := undecompressible(t, rec{value: pingValue(1, "")}, rec{value: pingValue(2, "")})
	w := newWorld(t)
	w.topic("t", 1, true)
	w.serveTopic("t", func(offset int64) []byte {
		if offset > 0 {
			return nil
		}
		return broken
	})
	cfg := w.config("t")
	cfg.Policy.DeadLetter = true
	j := w.start(cfg, On(new(sink).handle))
	eventually(t, "committed", func() bool { return w.committed("t", 0) == 2 })
	j.stop()
	dead := w.read("t.g.dead")
	if len(dead) != 1 || !slices.Equal(dead[0].Value, broken) || header(dead[0], HeaderKind) != "batch" || header(dead[0], HeaderOffset) != "0" {
		t.Errorf("%d dead letters: %v", len(dead), dead)
	}
}

// TestEmptyBatchesAndGapsAreSteppedOver is row 24: what compaction leaves is neither handled nor stops the commit.
func TestEmptyBatchesAndGapsAreSteppedOver(t *testing.T) {
	t.Parallel()
	one := sealed(t, batch.None, rec{value: pingValue(1, "")})
	w := newWorld(t)
	w.topic("t", 1, false)
	w.serve(func(offset int64) []byte {
		switch {
		case offset < 5:
			return emptied(t, 0, 5)
		case offset < 20: // several, of the middle of which a fetch may ask
			return slices.Concat(emptied(t, 5, 5), emptied(t, 10, 5), emptied(t, 15, 5), at(30, one))
		case offset < 50: // the log goes on far behind
			return slices.Concat(at(40, one), emptied(t, 41, 9))
		}
		return nil
	})
	var got sink
	j := w.start(w.config("t"), On(got.handle))
	eventually(t, "committed", func() bool { return w.committed("t", 0) == 50 })
	j.stop()
	if got.len() != 2 || got.seen[0].Offset != 30 || got.seen[1].Offset != 40 {
		t.Errorf("handled %v", got.seen)
	}
}

// TestBatchLargerThanItsPartitionsShareIsFetched has batches of ten times the bytes that a partition is asked for.
func TestBatchLargerThanItsPartitionsShareIsFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 3, false)
	big := strings.Repeat("x", 400<<10)
	for p := range int32(3) {
		for n := range int64(4) {
			w.put("t", p, rec{value: pingValue(n, big)})
		}
	}
	cfg := w.config("t")
	cfg.Tuning.PartitionBytes = 40 << 10
	j := w.start(cfg, On(new(sink).handle))
	eventually(t, "all handled", func() bool { return j.Stats().Handled == 12 })
	j.stop()
}

// TestOneSlowPartitionHoldsUpNoOther is row 44: while a handler blocks, its partition takes no more memory, and the others go on.
func TestOneSlowPartitionHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 3, false)
	filler := strings.Repeat("x", 1000)
	for p := range int32(3) {
		for range 20 {
			recs := make([]rec, 50)
			for i := range recs {
				recs[i] = rec{value: pingValue(int64(i), filler)}
			}
			w.put("t", p, recs...)
		}
	}
	cfg := w.config("t")
	cfg.Tuning.PartitionBytes = 64 << 10
	release := make(chan struct{})
	j := w.start(cfg, On(func(ctx context.Context, _ ping) error {
		if InfoFrom(ctx).Partition == 1 {
			<-release
		}
		return nil
	}))
	eventually(t, "the other partitions are through", func() bool { return w.committed("t", 0) == 1000 && w.committed("t", 2) == 1000 })
	const perPartition = 20 * 50 * 1000
	if fetched := j.Stats().FetchedBytes; fetched > 2*perPartition+perPartition/3 {
		t.Errorf("fetched %d bytes while a partition of %d was stuck", fetched, perPartition)
	}
	close(release)
	eventually(t, "the slow one is through", func() bool { return w.committed("t", 1) == 1000 })
	j.stop()
}

// TestLeaderMoves is row 11: the partition's leader changes while it is consumed.
func TestLeaderMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kfake.NumBrokers(3))
	w.topic("t", 2, false)
	var got sink
	j := w.start(w.config("t"), On(got.handle))
	for i := range int64(12) {
		w.pings("t", 0, 5*i, 5)
		if err := w.kafka.MoveTopicPartition("t", 0, int32(i%3)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "60 events", func() bool { return got.len() >= 60 })
	j.stop()
	for i, n := range got.numbers() {
		if n != int64(i) {
			t.Fatalf("event %d is number %d", i, n)
		}
	}
}

// TestWorkerSeesCommittedTransactionsOnly: a worker sees what was committed, and nothing of aborted transactions or of their markers.
func TestWorkerSeesCommittedTransactionsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	id, err := w.client.InitProducerID(t.Context(), "tx", kafka.NoProducerID)
	if err != nil {
		t.Fatal(err)
	}
	sequence := int32(0)
	transaction := func(commit bool, ns ...int64) {
		t.Helper()
		node, err := w.client.Coordinator(t.Context(), kafka.TransactionCoordinator, "tx")
		if err != nil {
			t.Fatal(err)
		}
		add := kmsg.NewPtrAddPartitionsToTxnRequest()
		add.Version = 3
		add.TransactionalID, add.ProducerID, add.ProducerEpoch = "tx", id.ID, id.Epoch
		topic := kmsg.NewAddPartitionsToTxnRequestTopic()
		topic.Topic, topic.Partitions = "t", []int32{0}
		add.Topics = append(add.Topics, topic)
		if _, err := w.client.Request(t.Context(), node, add); err != nil {
			t.Fatal(err)
		}
		var recs []rec
		for _, n := range ns {
			recs = append(recs, rec{value: pingValue(n, "")})
		}
		raw := sealed(t, batch.None, recs...)
		batch.Stamp(raw, id.ID, id.Epoch, sequence, true)
		sequence += int32(len(ns))
		found, err := w.client.Topic(t.Context(), "t")
		if err != nil {
			t.Fatal(err)
		}
		answer, err := w.client.Produce(t.Context(), found.Partitions[0].Leader, &kafka.ProduceRequest{
			TransactionalID: "tx", Partitions: []kafka.ProduceBatch{{Topic: "t", Partition: 0, Batch: raw}},
		})
		if err != nil || answer.Partitions[0].Err != nil {
			t.Fatal(err, answer)
		}
		end := kmsg.NewPtrEndTxnRequest()
		end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = "tx", id.ID, id.Epoch, commit
		ended, err := w.client.Request(t.Context(), node, end)
		if err != nil {
			t.Fatal(err)
		}
		if e := ended.(*kmsg.EndTxnResponse); e.ErrorCode != 0 {
			t.Fatal(e)
		} else if e.ProducerID > 0 && e.ProducerEpoch > id.Epoch {
			id.ID, id.Epoch, sequence = e.ProducerID, e.ProducerEpoch, 0
		}
	}
	transaction(true, 1, 2)
	transaction(false, 100, 101)
	w.put("t", 0, rec{value: pingValue(3, "")})
	transaction(false, 102)
	transaction(true, 4)

	var got sink
	j := w.start(w.config("t"), On(got.handle))
	end := int64(2 + 1 + 2 + 1 + 1 + 1 + 1 + 1 + 1) // records and markers
	eventually(t, "committed over the last marker", func() bool { return w.committed("t", 0) == end })
	j.stop()
	if !slices.Equal(got.numbers(), []int64{1, 2, 3, 4}) {
		t.Errorf("handled %v", got.numbers())
	}
	for uncommitted, want := range map[bool][]int64{false: {0, 1, 6, 9}, true: {0, 1, 3, 4, 6, 7, 9}} {
		var read []int64
		cfg := reader.Config{Cluster: w.cluster, Topic: "t", Range: reader.Range{To: reader.AtEnd()}, ReadUncommitted: uncommitted}
		err := reader.Read(t.Context(), cfg, func(r reader.Record) error { read = append(read, r.Offset); return nil })
		if err != nil || !slices.Equal(read, want) {
			t.Errorf("Read, uncommitted %v: offsets %v, %v", uncommitted, read, err)
		}
	}
}

// TestEventsNeverShareReusedMemory keeps all that handlers were given, through many chunks of all codecs, and looks at it at the end.
func TestEventsNeverShareReusedMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2, false)
	name := func(n int64) string { return fmt.Sprintf("event-%06d", n) }
	n := int64(0)
	for _, codec := range []batch.Codec{batch.None, batch.Gzip, batch.Snappy, batch.LZ4, batch.Zstd} {
		for range 20 {
			var recs []rec
			for range 50 {
				recs = append(recs, rec{key: name(n), value: pingValue(n, name(n)), headers: []headrace.Header{{Key: name(n), Value: []byte(name(n))}}})
				n++
			}
			w.putRaw("t", int32(n/50%2), sealed(t, codec, recs...))
		}
	}
	type keep struct {
		event ping
		info  Info
	}
	kept := make(chan keep, n)
	cfg := w.config("t")
	cfg.Tuning.PartitionBytes = 16 << 10
	j := w.start(cfg, On(func(ctx context.Context, p ping) error {
		kept <- keep{p, InfoFrom(ctx)}
		return nil
	}))
	eventually(t, "all handled", func() bool { return j.Stats().Handled == n })
	j.stop()
	close(kept)
	for k := range kept {
		want := name(k.event.N)
		if k.event.Who != want || k.info.Key != want || k.info.Headers[0].Key != want || string(k.info.Headers[0].Value) != want {
			t.Fatalf("event %d became %+v", k.event.N, k)
		}
	}
}

// TestWorkerGoesOnAfterErrorsThatPass covers what a broker says while it, or the group, is not ready.
func TestWorkerGoesOnAfterErrorsThatPass(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]kfake.Fault{
		"offsets of a pending transaction (row 28)": {Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit},
		"a replica that is behind":                  {Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.OffsetOutOfRange},
		"no leader":                                 {Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition},
		"a fenced epoch":                            {Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.FencedLeaderEpoch},
		"a topic not known yet":                     {Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.UnknownTopicOrPartition},
		"a disk error":                              {Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.KafkaStorageError},
		"an unknown error":                          {Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.UnknownServerError},
		"a coordinator that loads":                  {Keys: []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat}, Err: kerr.CoordinatorLoadInProgress},
		"a coordinator that has moved":              {Keys: []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat}, Err: kerr.NotCoordinator},
		"no coordinator":                            {Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.CoordinatorNotAvailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.topic("t", 1, false)
			w.pings("t", 0, 0, 10)
			w.commit("t", 0, 4)
			fault.Count = 2
			handle := w.kafka.Fault(fault)
			var got sink
			j := w.start(w.config("t"), On(got.handle))
			eventually(t, "handled", func() bool { return j.Stats().Handled == 6 && handle.Hits() == 2 })
			j.stop()
			if at := w.committed("t", 0); at != 10 {
				t.Errorf("committed %d", at)
			}
			if !slices.Equal(got.numbers(), []int64{4, 5, 6, 7, 8, 9}) {
				t.Errorf("handled %v", got.numbers())
			}
		})
	}
}

func TestRefusedRightsToReadStopTheWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	err := w.start(w.config("t"), On(new(sink).handle)).wait()
	if !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.Contains(err.Error(), `"t"`) {
		t.Errorf("got %v", err)
	}
}

// TestBrokerOutageIsWaitedOut takes the only broker away for a while.
func TestBrokerOutageIsWaitedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.pings("t", 0, 0, 5)
	cfg := w.config("t")
	var got sink
	j := w.start(cfg, On(got.handle))
	eventually(t, "first events", func() bool { return w.committed("t", 0) == 5 })
	var refusing atomic.Bool
	refusing.Store(true)
	w.kafka.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		if refusing.Load() {
			return nil, errors.New("down"), true // closes the connection
		}
		return nil, nil, false
	})
	eventually(t, "heartbeats and fetches fail", func() bool {
		return w.logs.FilterMessageSnippet("heartbeat not confirmed").Len() > 2 && w.logs.FilterMessageSnippet("fetch got no answer").Len() > 0
	})
	refusing.Store(false)
	w.pings("t", 0, 5, 5)
	eventually(t, "the rest", func() bool { return w.committed("t", 0) == 10 })
	j.stop()
	for i, n := range got.numbers() {
		if n != int64(i) {
			t.Fatalf("event %d is number %d", i, n)
		}
	}
}
