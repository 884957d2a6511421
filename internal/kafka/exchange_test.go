package kafka

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// answerTo scripts the answers to one API and leaves the others to standard.
func answerTo(key kmsg.Key, answer func(b *fakeBroker, r fakeRequest) ([]byte, error)) func(*fakeBroker, fakeRequest) ([]byte, error) {
	return func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		if r.key == int16(key) {
			return answer(b, r)
		}
		return b.standard(r)
	}
}

func heartbeat() *kmsg.HeartbeatRequest {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID = "delays", "m1"
	return req
}

func goodHeartbeat(_ *fakeBroker, r fakeRequest) ([]byte, error) {
	return r.reply(kmsg.NewPtrHeartbeatResponse()), nil
}

func TestLostAnswerIsSentAndLostDialIsNot(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.Heartbeat, func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, io.EOF }))
	client, ctx := testClient(t, b.cluster()), testContext(t)
	_, err := client.Request(ctx, 1, heartbeat())
	var conn *ConnError
	if !errors.As(err, &conn) || !conn.Sent || !errors.Is(err, io.EOF) || !Retriable(err) {
		t.Errorf("closed instead of an answer: %v, want a retriable *ConnError that was sent", err)
	}
	b.close()
	_, err = client.Request(ctx, 1, heartbeat())
	if !errors.As(err, &conn) || conn.Sent || !Retriable(err) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens: %v, want a retriable *ConnError that was not sent", err)
	}
}

// idleConn is a connection that may be closed while nobody uses it.
type idleConn struct {
	net.Conn
	closed *atomic.Bool
}

func (c idleConn) SetDeadline(t time.Time) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	return c.Conn.SetDeadline(t)
}

// TestConnectionThatWasClosedWhileIdleIsNotTheRequestsFault has the pooled connection closed between two requests, as another request does
// whose broker seems to have gone.
func TestConnectionThatWasClosedWhileIdleIsNotTheRequestsFault(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.Heartbeat, goodHeartbeat))
	var mu sync.Mutex
	var open []*atomic.Bool
	client := testClient(t, b.cluster(), WithDial(func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		open = append(open, new(atomic.Bool))
		return idleConn{c, open[len(open)-1]}, nil
	}))
	for range 2 {
		if _, err := client.Request(testContext(t), 1, heartbeat()); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		for _, closed := range open {
			closed.Store(true)
		}
		mu.Unlock()
	}
}

// The race detector sees a write to the batch while kafka-go's goroutine still sends it.
func TestCancelledProduceLetsGoOfTheBatch(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	b := newFakeBroker(t, nil)
	b.answer = func(b *fakeBroker, r fakeRequest) ([]byte, error) { return b.standard(r) }
	// A peer that stops reading in mid-request, so that the write is what hangs.
	client := testClient(t, b.cluster(), WithDial(func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &stickyConn{Conn: c, after: 1 << 20, stuck: stuck, gone: make(chan struct{})}, nil
	}))
	batch := bytes.Repeat([]byte{1}, 8<<20)
	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		<-stuck
		cancel()
	}()
	_, err := client.Produce(ctx, 1, &ProduceRequest{Partitions: []ProduceBatch{{Topic: "flights", Batch: batch}}})
	for i := range batch {
		batch[i] = 2
	}
	var conn *ConnError
	if !errors.Is(err, context.Canceled) || !errors.As(err, &conn) || !conn.Sent {
		t.Errorf("error is %v, want the cancellation in a *ConnError that was sent", err)
	}
}

// stickyConn reads what it is given to write and hangs when a single write is larger than after.
type stickyConn struct {
	net.Conn
	after int
	once  sync.Once
	stuck chan struct{}
	close sync.Once
	gone  chan struct{}
}

func (c *stickyConn) Write(b []byte) (int, error) {
	if len(b) < c.after {
		return c.Conn.Write(b)
	}
	c.once.Do(func() { close(c.stuck) })
	for {
		if bytes.IndexByte(b, 0xee) >= 0 { // reads all of it, and never finds it
			return 0, nil
		}
		select {
		case <-c.gone:
			return 0, net.ErrClosed
		default:
		}
	}
}

func (c *stickyConn) Close() error {
	c.close.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

func TestCloseEndsCallsInProgress(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	b := newFakeBroker(t, answerTo(kmsg.Heartbeat, func(*fakeBroker, fakeRequest) ([]byte, error) {
		asked <- struct{}{}
		return nil, nil
	}))
	client := testClient(t, b.cluster())
	go func() {
		<-asked
		client.Close()
	}()
	if _, err := client.Request(context.Background(), 1, heartbeat()); !errors.Is(err, ErrClosed) {
		t.Errorf("call in progress: %v, want ErrClosed", err)
	}
	if _, err := client.Request(context.Background(), AnyNode, heartbeat()); !errors.Is(err, ErrClosed) {
		t.Errorf("call after Close: %v, want ErrClosed", err)
	}
	if _, err := client.Topic(context.Background(), "flights"); !errors.Is(err, ErrClosed) {
		t.Errorf("Topic after Close: %v, want ErrClosed", err)
	}
	client.Close()
}

func TestManyRequestsAtOnceEachGetTheirOwnAnswer(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.SyncGroup, func(_ *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.MemberAssignment = []byte(r.req.(*kmsg.SyncGroupRequest).MemberID)
		return r.reply(resp), nil
	}))
	client, ctx := testClient(t, b.cluster()), testContext(t)
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 50 {
				req := kmsg.NewPtrSyncGroupRequest()
				req.MemberID = strings.Repeat("m", worker*50+i)
				resp, err := client.Request(ctx, 1, req)
				if err != nil {
					t.Error(err)
					return
				}
				if got := string(resp.(*kmsg.SyncGroupResponse).MemberAssignment); got != req.MemberID {
					t.Errorf("got the answer to another request")
				}
			}
		})
	}
	wait.Wait()
}
