package devserver

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// process is a member of a group whose connections can be cut for good, as those of a process that is killed.
type process struct {
	*kgo.Client
	mu     sync.Mutex
	conns  []net.Conn
	killed bool
}

func startProcess(t *testing.T, s *Server) *process {
	t.Helper()
	p := &process{}
	var err error
	p.Client, err = kgo.NewClient(kgo.SeedBrokers(s.KafkaAddr), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"),
		kgo.SessionTimeout(6*time.Second), kgo.RebalanceTimeout(time.Minute), kgo.Dialer(p.dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		p.CloseAllowingRebalance()
	})
	return p
}

func (p *process) dial(ctx context.Context, network, address string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return nil, errors.New("killed")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		p.conns = append(p.conns, conn)
	}
	return conn, err
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	for _, conn := range p.conns {
		_ = conn.Close()
	}
}

// TestMembersThatDieWhileTheyJoinLeaveTheirGroup kills a member that has partitions, and others that wait for them. kfake makes any of those
// that wait the leader, so that the group waits for a dead one most of the time.
func TestMembersThatDieWhileTheyJoinLeaveTheirGroup(t *testing.T) {
	t.Parallel()
	s, err := Start(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Broker().CreateTopic("t", 1, nil); err != nil {
		t.Fatal(err)
	}
	members := func(count int, state string) {
		t.Helper()
		for {
			info := s.Broker().GroupInfo("g")
			if info != nil && len(info.Members) == count && info.State == state {
				return
			}
			select {
			case <-t.Context().Done():
				t.Fatalf("group is %+v, want %d members, %s", info, count, state)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	first := startProcess(t, s)
	members(1, "Stable")
	first.kill()
	const died = 7
	for i := range died - 1 {
		p := startProcess(t, s)
		members(2+i, "PreparingRebalance")
		p.kill()
	}
	last := startProcess(t, s)
	members(1+died, "PreparingRebalance")
	began := time.Now()
	if err := last.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if fetched := last.PollFetches(ctx); fetched.NumRecords() != 1 {
		t.Fatalf("fetched %d records, %v", fetched.NumRecords(), fetched.Err())
	}
	if took := time.Since(began); took > 30*time.Second { // half a rebalance timeout
		t.Errorf("the group waited %v for members that had died", took)
	}
	members(1, "Stable")
}
