package kafka

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestSilenceEndsByTheDeadline(t *testing.T) {
	t.Parallel()
	silent := func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil }
	tests := map[string]func(*fakeBroker, fakeRequest) ([]byte, error){
		"API versions":        silent,
		"kafka-go's metadata": answerTo(kmsg.Metadata, silent),
		"the request":         answerTo(kmsg.Heartbeat, silent),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newPipeBroker(t, answer)
				open := openConnections{dialer: dialPipes(b)}
				client := testClient(t, b.cluster(), WithDial(open.dial))
				const limit = 200 * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				started := time.Now()
				_, err := client.Request(ctx, 1, heartbeat())
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error is %v, want the context's", err)
				}
				if took := time.Since(started); took != limit {
					t.Errorf("returned after %v, not %v", took, limit)
				}
				open.closeAndCheck(t, client)
			})
		})
	}
}

func TestRequestTimeoutBoundsACallWithoutDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPipeBroker(t, answerTo(kmsg.Heartbeat, func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil }))
		client := testClient(t, b.cluster(), WithDial(dialPipes(b)), WithRequestTimeout(time.Second))
		started := time.Now()
		_, err := client.Request(context.Background(), 1, heartbeat())
		var conn *ConnError
		if !errors.As(err, &conn) || !conn.Sent || !errors.Is(err, os.ErrDeadlineExceeded) || !Retriable(err) {
			t.Errorf("error is %v, want a retriable *ConnError that was sent", err)
		}
		if took := time.Since(started); took != time.Second {
			t.Errorf("returned after %v, not a second", took)
		}
	})
}

func TestDialTimeoutBoundsTheWaitForAConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		const limit = 150 * time.Millisecond
		client := testClient(t, newPipeBroker(t, nil).cluster(), WithDialTimeout(limit), WithDial(hangs))
		started := time.Now()
		_, err := client.Request(context.Background(), AnyNode, heartbeat())
		var conn *ConnError
		if !errors.As(err, &conn) || conn.Sent || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error is %v, want a *ConnError that was not sent", err)
		}
		if took := time.Since(started); took != limit {
			t.Errorf("returned after %v, not %v", took, limit)
		}
	})
}

func TestSecondBrokerAnswersForASilentOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		silent := newPipeBroker(t, func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil })
		silent.address = "127.0.0.1:2"
		b := newPipeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) { return b.standard(r) })
		cluster := b.cluster()
		cluster.Brokers = []string{silent.addr(), b.addr()}
		client := testClient(t, cluster, WithDial(dialPipes(silent, b)))
		started := time.Now()
		if _, err := client.Topic(testContext(t), "flights"); err != nil {
			t.Error(err)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("the silent broker got %v", took)
		}
	})
}

// kafka-go asks for metadata of its own, with a deadline of minutes, before it lends a new connection.
func TestSilenceToKafkaGoHoldsNobodyUpForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPipeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
			switch req := r.req.(type) {
			case *kmsg.MetadataRequest:
				if len(req.Topics) == 0 {
					return nil, nil
				}
			case *kmsg.HeartbeatRequest:
				return goodHeartbeat(b, r)
			}
			return b.standard(r)
		})
		client := testClient(t, b.cluster(), WithDial(dialPipes(b)), WithDialTimeout(150*time.Millisecond))
		err := client.Retry(testContext(t), func(ctx context.Context) error {
			_, err := client.Request(ctx, AnyNode, heartbeat())
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
