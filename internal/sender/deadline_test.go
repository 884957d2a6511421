package sender

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
)

// silent dials connections that take all that is written, and never say a word.
func silent(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		_, _ = io.Copy(io.Discard, server)
		_ = server.Close()
	}()
	return client, nil
}

// TestEveryCallEndsByItsDeadline though the only broker takes connections and never says a word.
func TestEveryCallEndsByItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, err := kafka.Open(headrace.Cluster{Brokers: []string{"127.0.0.1:1"}}, kafka.WithDial(silent))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		s, err := New(client, Config{})
		if err != nil {
			t.Fatal(err)
		}
		to := s.Topic(topic)
		const limit = 200 * time.Millisecond
		for name, call := range map[string]func(ctx context.Context) error{
			"Send":   func(ctx context.Context) error { return s.Send(ctx, to, record("k", "v")).Err },
			"Append": func(ctx context.Context) error { return s.Append(ctx, to, record("k", "v"), nil) },
		} {
			began := time.Now()
			err := call(within(t, limit))
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != limit {
				t.Errorf("%s took %v: %v", name, took, err)
			}
		}
		if err := s.Close(within(t, limit)); err != nil {
			t.Errorf("Close with nothing to flush: %v", err)
		}
	})
}

// TestCloseGivesUpByItsDeadline: what is on its way is unknown, what never left has failed, and no goroutine stays.
func TestCloseGivesUpByItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		_ = stuck(m)
		s := newSender(m, Config{Linger: -1})
		to := s.Topic(topic)
		flying, waiting := make(results, 1), make(results, 1)
		if err := s.Append(context.Background(), to, record("k", "flying"), flying); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // until it is in flight
		if err := s.Append(context.Background(), to, record("k", "waiting"), waiting); err != nil {
			t.Fatal(err)
		}
		const limit = 100 * time.Millisecond
		flushed := make(chan error)
		go func() { flushed <- s.Flush(context.Background()) }()
		began := time.Now()
		err := s.Close(within(t, limit))
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != limit {
			t.Errorf("Close took %v: %v", took, err)
		}
		if r := flying.next(t); r.Outcome != Unknown || !errors.Is(r.Err, ErrClosed) {
			t.Errorf("in flight: %v", r)
		}
		if r := waiting.next(t); r.Outcome != Failed || !errors.Is(r.Err, ErrClosed) {
			t.Errorf("waiting: %v", r)
		}
		if err := <-flushed; err != nil {
			t.Errorf("Flush, with all outcomes told: %v", err)
		}
		if err := s.Append(context.Background(), to, record("k", "v"), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Append after Close: %v", err)
		}
		if r := s.Send(context.Background(), to, record("k", "v")); r.Outcome != Failed || !errors.Is(r.Err, ErrClosed) {
			t.Errorf("Send after Close: %v", r)
		}
		if err := s.Append(context.Background(), s.Topic("another"), record("k", "v"), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Append to a new topic after Close: %v", err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

// TestNothingSetsOutWhenTheSenderHasEnded: the end of a flight is the turn of the next batch, which Close gives up only a moment later.
func TestNothingSetsOutWhenTheSenderHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		_ = stuck(m)
		s := newSender(m, Config{Linger: -1})
		to := s.Topic(topic)
		flying, waiting := make(results, 1), make(results, 1)
		if err := s.Append(context.Background(), to, record("k", "flying"), flying); err != nil {
			t.Fatal(err)
		}
		p, err := to.pick(context.Background(), record("k", ""))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // until it is in flight
		if err := s.Append(context.Background(), to, record("k", "waiting"), waiting); err != nil {
			t.Fatal(err)
		}
		s.cancel(ErrClosed)
		if r := flying.next(t); r.Outcome != Unknown {
			t.Errorf("in flight: %v", r)
		}
		<-s.tasks.end() // whoever would take the batch has had the time to
		p.giveUp()
		p.report() // no goroutine does any more
		if r := waiting.next(t); r.Outcome != Failed || !errors.Is(r.Err, ErrClosed) {
			t.Errorf("waiting: %v", r)
		}
	})
}

func TestACancelledSendIsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		release := stuck(m)
		s := newSender(m, Config{})
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if r := s.Send(ctx, s.Topic(topic), record("k", "v")); r.Outcome != Unknown || !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Errorf("got %v", r)
		}
		if r := s.Send(ctx, s.Topic(topic), record("k", "v")); r.Outcome != Failed || !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Errorf("with a context that had ended: %v", r)
		}
		release()
		if err := s.Close(within(t, time.Second)); err != nil {
			t.Error(err)
		}
		if len(m.logs[0].values) != 1 {
			t.Errorf("the partition holds %q", m.logs[0].values)
		}
	})
}
