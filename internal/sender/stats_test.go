package sender

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka"
)

func TestStatsCountEveryRecordByItsOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		s := newSender(m, Config{DeliveryTimeout: time.Second})
		send := func(n int, script func(context.Context, int32, *kafka.ProduceRequest) (*kafka.ProduceResponse, error), want Outcome) {
			t.Helper()
			m.script = script
			for range n {
				if r := s.Send(t.Context(), s.Topic(topic), record("k", "value")); r.Outcome != want {
					t.Errorf("outcome is %v, want %v", r.Outcome, want)
				}
			}
		}
		send(3, nil, Acked)
		if got, want := s.Stats(), (Stats{Acked: 3, Batches: 3, Bytes: s.Stats().Bytes}); !cmp.Equal(got, want) || got.Bytes < 3*61 {
			t.Errorf("after three acknowledged: %+v", got)
		}
		send(1, refuse(kerr.InvalidRecord), Failed)
		send(2, func(context.Context, int32, *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
			return nil, errCut
		}, Unknown)
		got := s.Stats()
		if got.Acked != 3 || got.Failed != 1 || got.Unknown != 2 || got.Retries < 2 || got.Buffered != 0 {
			t.Errorf("after one refused and two without an answer: %+v", got)
		}
		m.script = nil
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
