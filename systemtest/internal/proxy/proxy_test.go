package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/headrace/headrace/systemtest/internal/ports"
	"github.com/headrace/headrace/systemtest/internal/proxy"
)

// request is an empty request of an API with correlation id 7.
func request(api byte) []byte { return []byte{0, 0, 0, 8, 0, api, 0, 0, 0, 0, 0, 7} }

var answer = []byte{0, 0, 0, 4, 0, 0, 0, 7}

// broker answers every request and counts them.
func broker(t *testing.T) (address string, answered chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	answered = make(chan struct{}, 16)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				for in := make([]byte, 12); ; {
					if _, err := io.ReadFull(conn, in); err != nil {
						return
					}
					answered <- struct{}{}
					if _, err := conn.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String(), answered
}

func dial(t *testing.T, p *proxy.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func exchange(conn net.Conn, api byte, limit time.Duration) error {
	if _, err := conn.Write(request(api)); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	got := make([]byte, len(answer))
	_, err := io.ReadFull(conn, got)
	return err
}

func TestCutAnswersOnlyOfTheAPIAndOnlyAfterTheBrokerAnswered(t *testing.T) {
	t.Parallel()
	upstream, answered := broker(t)
	var faults proxy.Faults
	p := proxy.Start(t, fmt.Sprintf("127.0.0.1:%d", ports.Free(t)), upstream, &faults)
	faults.CutAnswers(proxy.Produce, 1, 1)

	conn := dial(t, p)
	if err := exchange(conn, byte(proxy.Fetch), 5*time.Second); err != nil {
		t.Fatalf("fetch: %v", err)
	}
	<-answered
	if err := exchange(conn, byte(proxy.Produce), 5*time.Second); err == nil || isTimeout(err) {
		t.Fatalf("produce: %v, want a closed connection", err)
	}
	<-answered
	if err := exchange(dial(t, p), byte(proxy.Produce), 5*time.Second); err != nil {
		t.Fatalf("second produce: %v", err)
	}
	if faults.Cuts() != 1 {
		t.Errorf("Cuts = %d, want 1", faults.Cuts())
	}
}

func TestSwallowAnswersLeavesTheConnectionOpen(t *testing.T) {
	t.Parallel()
	upstream, answered := broker(t)
	var faults proxy.Faults
	p := proxy.Start(t, fmt.Sprintf("127.0.0.1:%d", ports.Free(t)), upstream, &faults)
	faults.SwallowAnswers(proxy.SyncGroup, 1)
	conn := dial(t, p)
	if err := exchange(conn, byte(proxy.Fetch), 5*time.Second); err != nil {
		t.Fatalf("fetch: %v", err)
	}
	if err := exchange(conn, byte(proxy.SyncGroup), 100*time.Millisecond); !isTimeout(err) {
		t.Fatalf("sync group: %v, want a timeout", err)
	}
	<-answered
	<-answered
	if err := exchange(conn, byte(proxy.SyncGroup), 5*time.Second); err != nil {
		t.Errorf("the next answer on the same connection: %v", err)
	}
	if faults.Cuts() != 1 {
		t.Errorf("Cuts = %d, want 1", faults.Cuts())
	}
}

func TestBlackHoleSwallowsAndHangUpCloses(t *testing.T) {
	t.Parallel()
	upstream, _ := broker(t)
	var faults proxy.Faults
	p := proxy.Start(t, fmt.Sprintf("127.0.0.1:%d", ports.Free(t)), upstream, &faults)
	conn := dial(t, p)
	faults.BlackHole()
	if err := exchange(conn, byte(proxy.Fetch), 100*time.Millisecond); !isTimeout(err) {
		t.Fatalf("in the black hole: %v, want a timeout", err)
	}
	faults.Clear()
	faults.BlackHole("another broker")
	if err := exchange(dial(t, p), byte(proxy.Fetch), 5*time.Second); err != nil {
		t.Errorf("while another broker is in the black hole: %v", err)
	}
	if open := faults.Connections(); open != 2 {
		t.Errorf("Connections = %d, want 2", open)
	}
	if closed := faults.HangUp(); closed != 2 {
		t.Errorf("HangUp closed %d connections, want 2", closed)
	}
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

func TestBadLineIsSlowAndBreaksNothing(t *testing.T) {
	t.Parallel()
	upstream, _ := broker(t)
	var faults proxy.Faults
	p := proxy.Start(t, fmt.Sprintf("127.0.0.1:%d", ports.Free(t)), upstream, &faults)
	faults.Worsen(proxy.Line{Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, Rate: 1000, Slice: 3})
	conn, start := dial(t, p), time.Now()
	for range 5 {
		if err := exchange(conn, byte(proxy.Fetch), 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	// 5 exchanges of 20 bytes at 1,000 bytes a second, and 10 ms at least for each answer.
	if took := time.Since(start); took < 150*time.Millisecond {
		t.Errorf("5 exchanges took %s on a line that cannot do them in 150ms", took)
	}
}
