package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sessionLog records the partitions that Fetch requests name.
type sessionLog struct {
	mu       sync.Mutex
	requests []string
}

func (l *sessionLog) watch(fake *kfake.Cluster) {
	fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		f := req.(*kmsg.FetchRequest)
		var line strings.Builder
		fmt.Fprintf(&line, "epoch %d", f.SessionEpoch)
		for _, t := range f.Topics {
			for _, p := range t.Partitions {
				fmt.Fprintf(&line, " %d@%d", p.Partition, p.FetchOffset)
			}
		}
		for _, t := range f.ForgottenTopics {
			fmt.Fprintf(&line, " drop%d", t.Partitions)
		}
		l.mu.Lock()
		l.requests = append(l.requests, line.String())
		l.mu.Unlock()
		return nil, nil, false
	})
}

func (l *sessionLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.requests
	l.requests = nil
	return taken
}

func TestFetchSessionSendsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t, kfake.NumBrokers(1))
	client := testClient(t, plainCluster(fake))
	for p := range int32(3) {
		if _, err := produceOne(ctx, client, "flights", p, testBatch(0, fmt.Sprint("value ", p))); err != nil {
			t.Fatal(err)
		}
	}
	var log sessionLog
	log.watch(fake)
	var session FetchSession
	req := &FetchRequest{Session: &session, Partitions: want("flights", 0, 1, 2), MaxWait: 10 * time.Millisecond}
	fetch := func() map[int32][]byte {
		t.Helper()
		resp, err := client.Fetch(ctx, 0, req)
		if err != nil {
			t.Fatal(err)
		}
		return fetched(t, resp)
	}
	for p, records := range fetch() {
		if !bytes.Contains(records, fmt.Append(nil, "value ", p)) {
			t.Errorf("partition %d has records %q", p, records)
		}
	}
	req.Partitions[0].Offset, req.Partitions[2].Offset = 1, 1
	fetch()
	fetch()
	req.Partitions = req.Partitions[:1]
	if got := fetch(); len(got[0]) > 0 {
		t.Errorf("records at the end of the partition: %q", got)
	}
	session.Reset()
	fetch()
	if diff := cmp.Diff([]string{
		"epoch 0 0@0 1@0 2@0", "epoch 1 0@1 2@1", "epoch 2", "epoch 3 drop[1 2]", "epoch 0 0@1",
	}, normalDrops(log.take())); diff != "" {
		t.Error(diff)
	}
	if err := client.CloseFetchSession(ctx, 0, &session); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"epoch -1"}, log.take()); diff != "" {
		t.Error(diff)
	}
}

// normalDrops gives forgotten partitions one order; a map's is as good as any other on the wire.
func normalDrops(lines []string) []string {
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "drop[2 1]", "drop[1 2]")
	}
	return lines
}

func TestLostFetchSessionIsReplacedWithinTheCall(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.FetchSessionIDNotFound, kerr.InvalidFetchSessionEpoch} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			ctx, fake := testContext(t), testCluster(t, kfake.NumBrokers(1))
			client := testClient(t, plainCluster(fake))
			if _, err := produceOne(ctx, client, "flights", 0, testBatch(0, "one")); err != nil {
				t.Fatal(err)
			}
			req := &FetchRequest{Session: new(FetchSession), Partitions: want("flights", 0), MaxWait: 10 * time.Millisecond}
			for range 2 {
				resp, err := client.Fetch(ctx, 0, req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Release()
			}
			var log sessionLog
			log.watch(fake)
			fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, TopLevel: true, Err: code})
			resp, err := client.Fetch(ctx, 0, req)
			if err != nil {
				t.Fatal(err)
			}
			if got := fetched(t, resp); !bytes.Contains(got[0], []byte("one")) {
				t.Errorf("records are %q", got)
			}
			if diff := cmp.Diff([]string{"epoch 2", "epoch 0 0@0"}, log.take()); diff != "" {
				t.Error(diff)
			}
			fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, TopLevel: true, Err: code, Count: -1})
			if _, err := client.Fetch(ctx, 0, req); !errors.Is(err, code) || !Retriable(err) {
				t.Errorf("refused for good: %v", err)
			}
		})
	}
}

func TestFetchAfterALostAnswerStartsTheSessionAgain(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t, kfake.NumBrokers(1))
	client := testClient(t, plainCluster(fake))
	if _, err := client.Topic(ctx, "flights"); err != nil {
		t.Fatal(err)
	}
	req := &FetchRequest{Session: new(FetchSession), Partitions: want("flights", 0, 1)}
	if _, err := client.Fetch(ctx, 0, req); err != nil {
		t.Fatal(err)
	}
	req.MaxWait = 10 * time.Second
	caller, leave := context.WithCancel(ctx)
	defer leave()
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Observe: true, When: func(kmsg.Request) bool {
		leave() // the broker has the request, and its answer comes too late
		return true
	}})
	if _, err := client.Fetch(caller, 0, req); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	var log sessionLog
	log.watch(fake)
	req.MaxWait = 0
	if _, err := client.Fetch(ctx, 0, req); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"epoch 0 0@0 1@0"}, log.take()); diff != "" {
		t.Error(diff)
	}
}
