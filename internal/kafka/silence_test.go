package kafka

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
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
			b := newFakeBroker(t, answer)
			var open openConnections
			client := testClient(t, b.cluster(), WithDial(open.dial))
			ctx, cancel := context.WithTimeout(testContext(t), 200*time.Millisecond)
			defer cancel()
			started := time.Now()
			_, err := client.Request(ctx, 1, heartbeat())
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error is %v, want the context's", err)
			}
			if took := time.Since(started); took > 2*time.Second {
				t.Errorf("returned after %v", took)
			}
			open.closeAndCheck(t, client)
		})
	}
}

func TestRequestTimeoutBoundsACallWithoutDeadline(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.Heartbeat, func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil }))
	client := testClient(t, b.cluster(), WithRequestTimeout(time.Second))
	_, err := client.Request(context.Background(), 1, heartbeat())
	var conn *ConnError
	if !errors.As(err, &conn) || !conn.Sent || !errors.Is(err, os.ErrDeadlineExceeded) || !Retriable(err) {
		t.Errorf("error is %v, want a retriable *ConnError that was sent", err)
	}
}

func TestDialTimeoutBoundsTheWaitForAConnection(t *testing.T) {
	t.Parallel()
	hangs := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b := newFakeBroker(t, nil)
	client := testClient(t, b.cluster(), WithDialTimeout(150*time.Millisecond), WithDial(hangs))
	started := time.Now()
	_, err := client.Request(context.Background(), AnyNode, heartbeat())
	var conn *ConnError
	if !errors.As(err, &conn) || conn.Sent || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error is %v, want a *ConnError that was not sent", err)
	}
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("returned after %v", took)
	}
}

func TestSecondBrokerAnswersForASilentOne(t *testing.T) {
	t.Parallel()
	silent := newFakeBroker(t, func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil })
	b := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) { return b.standard(r) })
	cluster := b.cluster()
	cluster.Brokers = []string{silent.addr(), b.addr()}
	client := testClient(t, cluster)
	if client.options.patience > 5*time.Second {
		t.Errorf("patience with one of several brokers is %v", client.options.patience)
	}
	client.options.patience = 100 * time.Millisecond
	if _, err := client.Topic(testContext(t), "flights"); err != nil {
		t.Error(err)
	}
}

// kafka-go asks for metadata of its own, with a deadline of minutes, before it lends a new connection.
func TestSilenceToKafkaGoHoldsNobodyUpForLong(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
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
	client := testClient(t, b.cluster(), WithDialTimeout(150*time.Millisecond))
	err := client.Retry(testContext(t), func(ctx context.Context) error {
		_, err := client.Request(ctx, AnyNode, heartbeat())
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
