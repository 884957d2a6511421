package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
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

func TestBadFramesAreTypedErrorsThatNameTheBroker(t *testing.T) {
	t.Parallel()
	size := func(n uint32, rest ...byte) []byte { return append(binary.BigEndian.AppendUint32(nil, n), rest...) }
	tests := map[string]struct {
		answer   func(good []byte) []byte
		says     string
		notKafka bool
	}{
		"web server":            {func([]byte) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }, "HTTP", true},
		"TLS alert":             {func([]byte) []byte { return []byte{0x15, 0x03, 0x03, 0, 2, 2, 70} }, "KAFKA_TLS_ENABLED", true},
		"size negative":         {func([]byte) []byte { return size(0xffffffff) }, "too short", false},
		"size zero":             {func([]byte) []byte { return size(0) }, "too short", false},
		"size huge":             {func([]byte) []byte { return size(0x7fffffff, 1, 2, 3) }, "over the limit", false},
		"other correlation":     {func(good []byte) []byte { g := bytes.Clone(good); g[7] ^= 0x55; return g }, "answers request", false},
		"header cut":            {func(good []byte) []byte { return append(size(4), good[4:8]...) }, "cut short", false},
		"header tags run away":  {func(good []byte) []byte { return append(append(size(6), good[4:8]...), 0xff, 0xff) }, "cut short", false},
		"body cut":              {func(good []byte) []byte { return append(append(size(7), good[4:8]...), 0, 0, 0) }, "does not parse", false},
		"flexible tags invalid": {func(good []byte) []byte { return append(append(size(5), good[4:8]...), 0x80) }, "cut short", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFakeBroker(t, answerTo(kmsg.Heartbeat, func(_ *fakeBroker, r fakeRequest) ([]byte, error) {
				return test.answer(r.reply(kmsg.NewPtrHeartbeatResponse())), nil
			}))
			client := testClient(t, b.cluster())
			_, err := client.Request(testContext(t), 1, heartbeat())
			var frame *FrameError
			if !errors.As(err, &frame) {
				t.Fatalf("error is %v, want a *FrameError", err)
			}
			if !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), b.addr()) {
				t.Errorf("error %q does not say %q and name %s", err, test.says, b.addr())
			}
			if frame.NotKafka != test.notKafka || Retriable(err) == test.notKafka {
				t.Errorf("NotKafka is %v and Retriable %v for %v", frame.NotKafka, Retriable(err), err)
			}
		})
	}
}

func TestConnectionAfterABadFrameIsAnotherOne(t *testing.T) {
	t.Parallel()
	var once sync.Once
	b := newFakeBroker(t, answerTo(kmsg.Heartbeat, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		answer, err := goodHeartbeat(b, r)
		once.Do(func() { answer[7] ^= 1 })
		return answer, err
	}))
	client, ctx := testClient(t, b.cluster()), testContext(t)
	if _, err := client.Request(ctx, 1, heartbeat()); err == nil {
		t.Fatal("answer with another request's correlation id was accepted")
	}
	if _, err := client.Request(ctx, 1, heartbeat()); err != nil {
		t.Errorf("next request: %v", err)
	}
}

func TestLargeAnswerArrivesWhole(t *testing.T) {
	t.Parallel()
	metadata := strings.Repeat("x", 5<<20)
	b := newFakeBroker(t, answerTo(kmsg.SyncGroup, func(_ *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.MemberAssignment = []byte(metadata)
		return r.reply(resp), nil
	}))
	client := testClient(t, b.cluster())
	resp, err := client.Request(testContext(t), 1, kmsg.NewPtrSyncGroupRequest())
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.(*kmsg.SyncGroupResponse).MemberAssignment; string(got) != metadata {
		t.Errorf("assignment of %d bytes, want %d", len(got), len(metadata))
	}
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
			client := testClient(t, b.cluster())
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
		})
	}
}

func TestRequestTimeoutBoundsACallWithoutDeadline(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.Heartbeat, func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil }))
	client := testClient(t, b.cluster(), WithRequestTimeout(150*time.Millisecond))
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
	ctx, cancel := context.WithTimeout(testContext(t), 4*time.Second)
	defer cancel()
	if _, err := client.Topic(ctx, "flights"); err != nil {
		t.Error(err)
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
	var sum byte
	for {
		for _, x := range b {
			sum += x
		}
		select {
		case <-c.gone:
			return int(sum) % 1, net.ErrClosed
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
