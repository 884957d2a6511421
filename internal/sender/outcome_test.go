package sender

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka"
)

var errCut = &kafka.ConnError{Request: "Produce", Sent: true, Err: io.ErrUnexpectedEOF}

// refuse answers every batch with code, without appending.
func refuse(code *kerr.Error) func(context.Context, int32, *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
	return func(_ context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
		resp := &kafka.ProduceResponse{}
		for _, p := range req.Partitions {
			resp.Partitions = append(resp.Partitions, kafka.ProduceResult{
				Topic: p.Topic, Partition: p.Partition, BaseOffset: -1, Leader: -1,
				Err: &kafka.BrokerError{Request: "Produce", Node: node, Topic: p.Topic, Partition: p.Partition, Err: code},
			})
		}
		return resp, nil
	}
}

// TestTheOutcomeAtTheDeliveryDeadline: what never left or was always refused is Failed, what may have arrived is Unknown.
func TestTheOutcomeAtTheDeliveryDeadline(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrange func(m *model)
		want    Outcome
		says    error
	}{
		"no leader": {func(m *model) { m.logs[0].leader = -1 }, Failed, errNoLeader},
		"no connection": {func(m *model) {
			m.script = func(context.Context, int32, *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
				return nil, &kafka.ConnError{Request: "Produce", Err: io.ErrClosedPipe}
			}
		}, Failed, io.ErrClosedPipe},
		"no producer id":   {func(m *model) { m.noID = true }, Failed, errModelCut},
		"too few replicas": {func(m *model) { m.script = refuse(kerr.NotEnoughReplicas) }, Failed, kerr.NotEnoughReplicas},
		"answers lost": {func(m *model) {
			m.script = func(context.Context, int32, *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
				return nil, errCut
			}
		}, Unknown, io.ErrUnexpectedEOF},
		"no answer": {func(m *model) {
			m.script = func(ctx context.Context, _ int32, _ *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
				<-ctx.Done()
				return nil, &kafka.ConnError{Request: "Produce", Sent: true, Err: ctx.Err()}
			}
		}, Unknown, context.DeadlineExceeded},
		"replicas behind": {func(m *model) { m.script = refuse(kerr.NotEnoughReplicasAfterAppend) }, Unknown, kerr.NotEnoughReplicasAfterAppend},
		"not the leader":  {func(m *model) { m.script = refuse(kerr.NotLeaderForPartition) }, Unknown, kerr.NotLeaderForPartition},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newModel(1, 1, 0, 1<<20)
				c.arrange(m)
				s := newSender(m, Config{DeliveryTimeout: 10 * time.Second})
				began := time.Now()
				r := s.Send(context.Background(), s.Topic(topic), record("", "v"))
				if took := time.Since(began); took < 9*time.Second || took > 11*time.Second {
					t.Errorf("given up after %v instead of 10s", took)
				}
				if r.Outcome != c.want || !errors.Is(r.Err, ErrDelivery) || !errors.Is(r.Err, c.says) {
					t.Errorf("got %v, want %v with %v", r, c.want, c.says)
				}
				if err := s.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestAfterAnUnknownBatchTheNextOneFencesIt: the epoch rises, so that a late copy is refused and the next batch is no duplicate.
func TestAfterAnUnknownBatchTheNextOneFencesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		m.epoch = 0
		var late *kafka.ProduceRequest
		m.script = func(ctx context.Context, _ int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
			late = req
			late.Partitions[0].Batch = append([]byte(nil), req.Partitions[0].Batch...)
			<-ctx.Done()
			return nil, errCut
		}
		s := newSender(m, Config{DeliveryTimeout: time.Second})
		to := s.Topic(topic)
		if r := s.Send(context.Background(), to, record("", "first")); r.Outcome != Unknown {
			t.Fatalf("first: %v", r)
		}
		m.script = nil
		if r := s.Send(context.Background(), to, record("", "second")); r.Outcome != Acked {
			t.Fatalf("second: %v", r)
		}
		resp := m.answer(m.logs[0].leader, late, true)
		if !errors.Is(resp.Partitions[0].Err, kerr.InvalidProducerEpoch) {
			t.Errorf("the late copy was answered with %v", resp.Partitions[0].Err)
		}
		if got := strings.Join(m.logs[0].values, " "); got != "second" {
			t.Errorf("the partition holds %q", got)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestARefusalInDoubtIsNotSentUnderOtherNumbers: the answer was lost, then the broker forgot the producer. Sending again under a new
// epoch would double the record.
func TestARefusalInDoubtIsNotSentUnderOtherNumbers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		m.epoch = 0
		s := newSender(m, Config{})
		to := s.Topic(topic)
		if r := s.Send(context.Background(), to, record("", "0")); r.Outcome != Acked {
			t.Fatal(r)
		}
		attempts := 0
		m.script = func(ctx context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
			attempts++
			if attempts == 1 {
				m.answer(node, req, false)
				return nil, errCut
			}
			return refuse(kerr.UnknownProducerID)(ctx, node, req)
		}
		if r := s.Send(context.Background(), to, record("", "1")); r.Outcome != Unknown || !errors.Is(r.Err, kerr.UnknownProducerID) {
			t.Errorf("the doubtful record ended as %v", r)
		}
		m.script = nil
		if r := s.Send(context.Background(), to, record("", "2")); r.Outcome != Acked {
			t.Error(r)
		}
		if got := strings.Join(m.logs[0].values, " "); got != "0 1 2" || attempts != 2 {
			t.Errorf("after %d attempts the partition holds %q", attempts, got)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestARecordTheBrokerBlamesFailsAlone is KIP-467: the others of its batch go again without it.
func TestARecordTheBrokerBlamesFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		first := true
		m.script = func(ctx context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
			if !first {
				return m.answer(node, req, true), nil
			}
			first = false
			resp, err := refuse(kerr.InvalidTimestamp)(ctx, node, req)
			resp.Partitions[0].RecordErrors = []kafka.RecordError{{Index: 1, Message: "too old"}}
			return resp, err
		}
		s := newSender(m, Config{})
		outcomes := make([]outcome, 4)
		for i, v := range numbered(4) {
			if err := s.Append(context.Background(), s.Topic(topic), record("", v), &outcomes[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if got := strings.Join(m.logs[0].values, " "); got != "0 2 3" {
			t.Errorf("the partition holds %q", got)
		}
		for i := range outcomes {
			r := outcomes[i].result
			if blamed := i == 1; blamed != errors.Is(r.Err, kerr.InvalidTimestamp) || blamed != (r.Outcome == Failed) {
				t.Errorf("record %d: %v", i, r)
			}
		}
	})
}

// A broker that blames records the batch does not have says nothing about those it has: all of them are refused, once.
func TestBlameForRecordsThatAreNotThereDividesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		attempts := 0
		m.script = func(ctx context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
			attempts++
			resp, err := refuse(kerr.InvalidTimestamp)(ctx, node, req)
			resp.Partitions[0].RecordErrors = []kafka.RecordError{{Index: -1}, {Index: 1 << 30}}
			return resp, err
		}
		s := newSender(m, Config{DeliveryTimeout: time.Minute})
		outcomes := make([]outcome, 4)
		for i, v := range numbered(4) {
			if err := s.Append(context.Background(), s.Topic(topic), record("", v), &outcomes[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		for i := range outcomes {
			if r := outcomes[i].result; r.Outcome != Failed || !errors.Is(r.Err, kerr.InvalidTimestamp) {
				t.Errorf("record %d: %v", i, r)
			}
		}
		if attempts != 1 {
			t.Errorf("the batch was sent %d times", attempts)
		}
	})
}

func TestSendDoesNotLingerAndAppendDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSender(newModel(1, 1, 0, 1<<20), Config{Linger: time.Minute})
		to := s.Topic(topic)
		began := time.Now()
		if r := s.Send(context.Background(), to, record("", "sent")); r.Outcome != Acked {
			t.Fatal(r)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("Send took %v", took)
		}
		began = time.Now()
		done := make(results, 1)
		if err := s.Append(context.Background(), to, record("", "appended"), done); err != nil {
			t.Fatal(err)
		}
		<-done
		if took := time.Since(began); took < time.Minute || took > 61*time.Second {
			t.Errorf("an appended record took %v", took)
		}
		began = time.Now()
		if err := s.Append(context.Background(), to, record("", "flushed"), nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(context.Background()); err != nil || time.Since(began) > time.Second {
			t.Errorf("Flush took %v: %v", time.Since(began), err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestABrokerThatHangsIsLeftForTheNewLeader long before the request would time out, with the same bytes.
func TestABrokerThatHangsIsLeftForTheNewLeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		m.epoch = 0
		m.logs[0].leader = 0
		m.script = func(ctx context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
			if node != 0 {
				return m.answer(node, req, true), nil
			}
			m.answer(node, req, false) // appended and replicated, and then it hung
			<-ctx.Done()
			return nil, &kafka.ConnError{Request: "Produce", Sent: true, Err: ctx.Err()}
		}
		s := newSender(m, Config{})
		began := time.Now()
		time.AfterFunc(9*time.Second, func() { // as a controller that misses a broker's heartbeats
			m.mu.Lock()
			defer m.mu.Unlock()
			m.logs[0].leader, m.logs[0].epoch = 1, 1
		})
		r := s.Send(context.Background(), s.Topic(topic), record("", "v"))
		if took := time.Since(began); r.Outcome != Acked || took > 11*time.Second {
			t.Errorf("after %v: %v", took, r)
		}
		if got := m.logs[0].values; len(got) != 1 {
			t.Errorf("the partition holds %q", got)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
