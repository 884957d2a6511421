package kafka

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestSilenceEndsByTheDeadline(t *testing.T) {
	t.Parallel()
	silent := func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil }
	tests := map[string]func(*fakeBroker, fakeRequest) ([]byte, error){
		"API versions": silent,
		"metadata":     answerTo(kmsg.Metadata, silent),
		"the request":  answerTo(kmsg.Heartbeat, silent),
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

// kafka-go's decoder believes the counts it reads, so a broker must never get to answer its requests.
func TestBrokerGetsNoRequestOfKafkaGos(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []int16
		b := newPipeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
			mu.Lock()
			seen = append(seen, r.key)
			mu.Unlock()
			if r.key == int16(kmsg.Heartbeat) {
				return goodHeartbeat(b, r)
			}
			return b.standard(r)
		})
		client := testClient(t, b.cluster(), WithDial(dialPipes(b)))
		if _, err := client.Request(testContext(t), AnyNode, heartbeat()); err != nil {
			t.Fatal(err)
		}
		<-time.After(3 * transportRefresh) // kafka-go connects again for requests that come with time
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		heartbeats := 0
		for _, key := range seen {
			switch kmsg.Key(key) {
			case kmsg.ApiVersions:
			case kmsg.Heartbeat:
				heartbeats++
			default:
				t.Errorf("the broker got %s", requestName(key))
			}
		}
		if connections := len(seen) - heartbeats; heartbeats != 1 || connections < 2 {
			t.Errorf("the broker got %d heartbeats on %d connections, want one, and more than one connection", heartbeats, connections)
		}
	})
}
