package sender

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/kafka"
)

// stuck is a model whose broker never answers, until released.
func stuck(m *model) (release func()) {
	released := make(chan struct{})
	m.script = func(ctx context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
		select {
		case <-released:
			return m.answer(node, req, true), nil
		case <-ctx.Done():
			return nil, &kafka.ConnError{Request: "Produce", Sent: true, Err: ctx.Err()}
		}
	}
	return func() { close(released) }
}

func TestAFullBufferBlocksUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 2, 0, 1<<20)
		release := stuck(m)
		s := newSender(m, Config{BatchBytes: 4 << 10, BufferBytes: 16 << 10})
		to := s.Topic(topic)
		appended := 0
		for ; ; appended++ {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			began := time.Now()
			err := s.Append(ctx, to, &Record{Partition: int32(appended % 2), Value: Bytes(strconv.Itoa(appended) + strings.Repeat("x", 100))}, nil)
			cancel()
			if err == nil {
				continue
			}
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				t.Fatalf("record %d, after %v: %v", appended, time.Since(began), err)
			}
			break
		}
		if least := 3 * 4 << 10 / 120; appended < least || appended > 16<<10/100 {
			t.Errorf("%d records fill 16 KiB", appended)
		}
		// Blocked callers are served as the buffer empties, and those of one goroutine in order.
		done := make(chan error)
		go func() {
			for i := range 500 {
				r := &Record{Partition: int32((appended + i) % 2), Value: Bytes(strconv.Itoa(appended+i) + "x")}
				if err := s.Append(context.Background(), to, r, nil); err != nil {
					done <- fmt.Errorf("record %d: %w", i, err)
					return
				}
			}
			done <- nil
		}()
		synctest.Wait()
		release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n := len(m.logs[0].values) + len(m.logs[1].values); n != appended+500 {
			t.Errorf("%d records are there instead of %d", n, appended+500)
		}
		for _, l := range m.logs {
			last := -1
			for _, v := range l.values {
				n, _ := strconv.Atoi(strings.TrimRight(v, "x"))
				if n <= last {
					t.Fatalf("%d after %d", n, last)
				}
				last = n
			}
		}
		if s.memory.free != s.cfg.BufferBytes {
			t.Errorf("%d bytes of the buffer are still taken", s.cfg.BufferBytes-s.memory.free)
		}
	})
}

func TestAFullBufferFailsAtOnceWhenAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		release := stuck(m)
		s := newSender(m, Config{BatchBytes: 4 << 10, BufferBytes: 8 << 10, FailWhenFull: true})
		to := s.Topic(topic)
		began := time.Now()
		var err error
		taken := 0
		for ; err == nil; taken++ {
			err = s.Append(context.Background(), to, record("k", strings.Repeat("x", 100)+strconv.Itoa(taken)), nil)
		}
		if !errors.Is(err, ErrBufferFull) || time.Since(began) > 10*time.Millisecond {
			t.Errorf("record %d, after %v: %v", taken, time.Since(began), err)
		}
		release()
		if err := s.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := s.Append(context.Background(), to, record("k", "room again"), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestBlockedCallersHurryLingeringBatches: with a long linger the buffer would otherwise stay full of open batches.
func TestBlockedCallersHurryLingeringBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 8, 0, 1<<20)
		s := newSender(m, Config{BatchBytes: 4 << 10, BufferBytes: 16 << 10, Linger: time.Minute})
		to := s.Topic(topic)
		began := time.Now()
		for i := range 8 {
			if err := s.Append(context.Background(), to, &Record{Partition: int32(i), Value: Bytes(strconv.Itoa(i))}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestGrowingAndOversizeBuffersAreAccountedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		s := newSender(m, Config{BatchBytes: 100 << 10, BufferBytes: 400 << 10, Linger: time.Minute})
		to := s.Topic(topic)
		for i := range 3000 { // small ones, some of which outgrow any guess
			size := i % 50
			if i%100 == 99 {
				size = 60 << 10
			}
			if err := s.Append(context.Background(), to, record("k", strconv.Itoa(i)+strings.Repeat("x", size)), nil); err != nil {
				t.Fatal(err)
			}
			s.memory.mu.Lock()
			if over := -s.memory.free; over > 200<<10 {
				t.Fatalf("record %d: %d bytes above the bound", i, over)
			}
			s.memory.mu.Unlock()
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(m.logs[0].values) != 3000 || s.memory.free != s.cfg.BufferBytes {
			t.Errorf("%d records, %d bytes still taken", len(m.logs[0].values), s.cfg.BufferBytes-s.memory.free)
		}
	})
}

// TestAnEncoderThatPanicsLeavesTheSenderUsable since a server may well recover from it.
func TestAnEncoderThatPanicsLeavesTheSenderUsable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		s := newSender(m, Config{})
		to := s.Topic(topic)
		for i, v := range numbered(3) {
			if err := s.Append(context.Background(), to, record("", v), nil); err != nil {
				t.Fatal(i, err)
			}
			func() {
				defer func() { _ = recover() }()
				_ = s.Append(context.Background(), to, &Record{Partition: AnyPartition, Value: broken{}}, nil)
			}()
			if err := s.Append(context.Background(), to, &Record{Partition: AnyPartition, Value: broken{errBroken}}, nil); !errors.Is(err, errBroken) {
				t.Fatal(err)
			}
			if err := s.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { _ = recover() }()
				_ = s.Append(context.Background(), to, &Record{Partition: AnyPartition, Value: broken{}}, nil)
			}()
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(m.logs[0].values, " "); got != "0 1 2" {
			t.Errorf("the partition holds %q", got)
		}
		if s.memory.free != s.cfg.BufferBytes {
			t.Errorf("%d bytes of the buffer are still taken", s.cfg.BufferBytes-s.memory.free)
		}
	})
}

var errBroken = errors.New("field tail_number: not a string")

// broken is a value that does not encode, after it has written a part of itself.
type broken struct{ err error }

func (b broken) AppendTo(dst []byte) ([]byte, error) {
	dst = append(dst, "half"...)
	if b.err == nil {
		panic("encoder")
	}
	return dst, b.err
}

// TestWaitingForRoomEndsInTheOrderOfArrival, when a context ends, and with the sender.
func TestWaitingForRoomEndsInTheOrderOfArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(10, 10)
		if err := m.take(t.Context(), nil, 8, nil); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		short, cancel := context.WithCancel(t.Context())
		var got []string
		var order sync.Mutex
		take := func(ctx context.Context, name string, size int) {
			go func() {
				err := m.take(ctx, ended, size, func() {})
				order.Lock()
				defer order.Unlock()
				got = append(got, fmt.Sprintf("%s: %v", name, err))
			}()
			synctest.Wait()
		}
		take(short, "leaves", 7)
		take(t.Context(), "small", 2)
		if m.try(1) {
			t.Error("room was given past those who wait")
		}
		cancel() // what stood in front of the small one
		synctest.Wait()
		take(t.Context(), "first", 5)
		take(t.Context(), "second", 3)
		take(t.Context(), "too late", 9)
		m.force(-8)
		synctest.Wait()
		close(ended)
		synctest.Wait()
		want := []string{"leaves: context canceled", "small: <nil>", "first: <nil>", "second: <nil>", "too late: " + ErrClosed.Error()}
		slices.Sort(got[2:4]) // granted together
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if m.free != 0 {
			t.Errorf("%d bytes are free", m.free)
		}
	})
}

func TestCloseEndsTheWaitForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(1, 1, 0, 1<<20)
		_ = stuck(m)
		s := newSender(m, Config{BatchBytes: 4 << 10, BufferBytes: 8 << 10})
		blocked := make(chan error)
		go func() {
			for {
				if err := s.Append(context.Background(), s.Topic(topic), record("k", strings.Repeat("x", 100)), nil); err != nil {
					blocked <- err
					return
				}
			}
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := <-blocked; !errors.Is(err, ErrClosed) {
			t.Errorf("the blocked caller got %v", err)
		}
		synctest.Wait()
		if s.memory.free != s.cfg.BufferBytes {
			t.Errorf("%d bytes of the buffer are still taken", s.cfg.BufferBytes-s.memory.free)
		}
	})
}

func TestReleasedBuffersServeTheirClassAgain(t *testing.T) {
	t.Parallel()
	for _, largest := range []int{1 << 10, 4 << 10, 5 << 10, 64 << 10, 256 << 10, 300 << 10, 1 << 20, 8 << 20} {
		m := newMemory(64<<20, largest)
		for _, size := range m.classes {
			if got, want := m.keptClass(size), m.class(size); got != want {
				t.Errorf("batches of up to %d bytes: a buffer of %d lies where nobody looks, in class %d instead of %d", largest, size, got, want)
			}
			if got := m.keptClass(size + 1); m.classes[got] != size {
				t.Errorf("batches of up to %d bytes: a buffer of %d that has grown is kept as one of %d", largest, size, m.classes[got])
			}
		}
	}
}
