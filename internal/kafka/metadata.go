package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadataCache is what the cluster last said of its brokers and of the topics somebody asked for.
type metadataCache struct {
	client *Client

	mu         sync.Mutex
	topics     map[string]*topicEntry
	brokers    map[int32]Broker
	controller int32
	doubted    bool          // the brokers' addresses may have changed
	brokersAt  time.Time     // when the last answer came
	next       *metadataRead // what the next read is to cover; nil when nobody waits for one
	reading    bool
}

type topicEntry struct {
	topic Topic
	err   error // why there is no topic
	at    time.Time
	stale bool
}

// metadataRead is one request that any number of callers wait for.
type metadataRead struct {
	topics map[string]struct{}
	done   chan struct{}
	err    error
}

// refreshPause is how long an answer about a topic stands before the topic is asked for again, so that a storm of
// invalidations stays a trickle of requests.
const refreshPause = 100 * time.Millisecond

func newMetadataCache(c *Client) *metadataCache {
	return &metadataCache{client: c, topics: make(map[string]*topicEntry), brokers: make(map[int32]Broker), controller: AnyNode}
}

// fresh returns the entry of a topic while it can be believed.
func (m *metadataCache) fresh(name string) (*topicEntry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.topics[name]
	if e == nil || e.stale || e.err != nil || time.Since(e.at) > m.client.options.metadataMaxAge {
		return nil, false
	}
	return e, true
}

// topic returns the entry of a topic, from the cluster when memory does not do. Entries are never changed once stored,
// except for stale.
func (m *metadataCache) topic(ctx context.Context, name string) (*topicEntry, error) {
	if e, ok := m.fresh(name); ok {
		return e, nil
	}
	if err := m.read(ctx, name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.topics[name]
	if e == nil {
		return nil, &BrokerError{Request: "Metadata", Node: AnyNode, Topic: name, Partition: -1, Err: ErrNoAnswer}
	}
	return e, nil
}

// read joins the next metadata request, or starts it, and waits for its end.
func (m *metadataCache) read(ctx context.Context, topics ...string) error {
	m.mu.Lock()
	if m.next == nil {
		m.next = &metadataRead{topics: make(map[string]struct{}), done: make(chan struct{})}
	}
	round := m.next
	for _, name := range topics {
		round.topics[name] = struct{}{}
	}
	if !m.reading {
		m.reading = m.client.goBackground(m.loop)
		if !m.reading {
			m.mu.Unlock()
			return ErrClosed
		}
	}
	m.mu.Unlock()
	select {
	case <-round.done:
		return round.err
	case <-ctx.Done():
		return &ConnError{Request: "Metadata", Node: AnyNode, Err: context.Cause(ctx)}
	}
}

// loop performs reads, one at a time, as long as somebody waits for one.
func (m *metadataCache) loop() {
	for {
		m.mu.Lock()
		pause := m.pause()
		m.mu.Unlock()
		if pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-m.client.ctx.Done():
			}
			timer.Stop()
		}
		m.mu.Lock()
		round := m.next
		m.next = nil
		if round == nil {
			m.reading = false
			m.mu.Unlock()
			return
		}
		m.mu.Unlock()
		round.err = m.perform(round)
		close(round.done)
	}
}

// pause is how long the next read has to wait, called with mu held.
func (m *metadataCache) pause() time.Duration {
	if m.next == nil {
		return 0
	}
	var last time.Time
	for name := range m.next.topics {
		if e := m.topics[name]; e != nil && e.at.After(last) {
			last = e.at
		}
	}
	if len(m.next.topics) == 0 {
		last = m.brokersAt
	}
	return refreshPause - time.Since(last)
}

func (m *metadataCache) perform(round *metadataRead) error {
	// Nobody's own context: the answer is for all who wait.
	ctx, cancel := context.WithTimeout(m.client.ctx, m.client.options.requestTimeout)
	defer cancel()
	names := make([]string, 0, len(round.topics))
	for name := range round.topics {
		names = append(names, name)
	}
	resp, err := m.ask(ctx, names, false)
	if err != nil {
		return err
	}
	m.store(resp)
	return nil
}

// ask sends one Metadata request; all asks for every topic there is.
func (m *metadataCache) ask(ctx context.Context, names []string, all bool) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	if !all {
		req.Topics = make([]kmsg.MetadataRequestTopic, 0, len(names))
	}
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, topic)
	}
	resp, err := m.client.Request(ctx, AnyNode, req)
	if err != nil {
		return nil, err
	}
	answer := resp.(*kmsg.MetadataResponse)
	if err := codeError(answer.ErrorCode); err != nil {
		return nil, &BrokerError{Request: "Metadata", Node: AnyNode, Partition: -1, Err: err}
	}
	return answer, nil
}

func (m *metadataCache) store(resp *kmsg.MetadataResponse) {
	now := time.Now()
	m.mu.Lock()
	m.storeBrokers(resp, now)
	for i := range resp.Topics {
		if resp.Topics[i].Topic == nil {
			continue
		}
		name := *resp.Topics[i].Topic
		topic, err := convertTopic(&resp.Topics[i])
		if old := m.topics[name]; old != nil && err == nil {
			topic.keepNewer(old.topic)
		}
		m.topics[name] = &topicEntry{topic: topic, err: err, at: now}
	}
	known := m.brokers
	m.mu.Unlock()
	m.client.keepBrokers(known)
}

func (m *metadataCache) storeBrokers(resp *kmsg.MetadataResponse, now time.Time) {
	brokers := make(map[int32]Broker, len(resp.Brokers))
	for _, b := range resp.Brokers {
		brokers[b.NodeID] = Broker{Node: b.NodeID, Addr: net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))), Rack: text(b.Rack)}
	}
	if len(brokers) > 0 {
		m.brokers = brokers
	}
	m.controller, m.brokersAt, m.doubted = resp.ControllerID, now, false
}

func convertTopic(t *kmsg.MetadataResponseTopic) (Topic, error) {
	name := text(t.Topic)
	topic := Topic{Name: name, ID: t.TopicID, Internal: t.IsInternal, Partitions: make([]Partition, len(t.Partitions))}
	if err := codeError(t.ErrorCode); err != nil {
		return topic, &BrokerError{Request: "Metadata", Node: AnyNode, Topic: name, Partition: -1, Err: err}
	}
	for i, p := range t.Partitions {
		partition := Partition{ID: p.Partition, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, Replicas: p.Replicas, ISR: p.ISR}
		code := codeError(p.ErrorCode)
		switch {
		case p.Leader < 0 && code == nil:
			code = kerr.LeaderNotAvailable
		case p.Leader >= 0 && errors.Is(code, kerr.ReplicaNotAvailable):
			code = nil // a follower is down, which is nothing to us
		}
		if code != nil {
			partition.Err = &BrokerError{Request: "Metadata", Node: AnyNode, Topic: name, Partition: p.Partition, Err: code}
		}
		topic.Partitions[i] = partition
	}
	slices.SortFunc(topic.Partitions, func(a, b Partition) int { return cmp.Compare(a.ID, b.ID) })
	return topic, nil
}

// keepNewer keeps from old the partitions whose leader epoch is ahead: a broker that lags must not undo what another one said.
func (t *Topic) keepNewer(old Topic) {
	if t.ID != old.ID {
		return // deleted and created again: epochs start over
	}
	for i, p := range t.Partitions {
		if known, ok := old.Partition(p.ID); ok && p.LeaderEpoch >= 0 && known.LeaderEpoch > p.LeaderEpoch {
			t.Partitions[i] = known
		}
	}
}

// address returns where a node is, reading metadata first when it is not known or in doubt.
func (m *metadataCache) address(ctx context.Context, node int32) (string, error) {
	m.mu.Lock()
	b, ok := m.brokers[node]
	doubted := m.doubted
	m.mu.Unlock()
	if ok && !doubted {
		return b.Addr, nil
	}
	err := m.read(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if now, known := m.brokers[node]; known {
		return now.Addr, nil
	}
	if err == nil {
		err = fmt.Errorf("the cluster lists no broker with node id %d at the moment", node)
	}
	return "", err
}

// lost notes that a node does not answer: its partitions may have new leaders, and itself a new address.
func (m *metadataCache) lost(node int32) {
	if node == AnyNode {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubted = true
	for _, e := range m.topics {
		for _, p := range e.topic.Partitions {
			if p.Leader == node {
				e.stale = true
				break
			}
		}
	}
}

func (m *metadataCache) invalidate(topics []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range topics {
		if e := m.topics[name]; e != nil {
			e.stale = true
		}
	}
}

// noteBroker takes up an address that another answer mentioned.
func (m *metadataCache) noteBroker(node int32, host string, port int32) {
	if node < 0 || host == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.brokers[node]; !ok {
		brokers := make(map[int32]Broker, len(m.brokers)+1)
		for id, b := range m.brokers {
			brokers[id] = b
		}
		brokers[node] = Broker{Node: node, Addr: net.JoinHostPort(host, strconv.Itoa(int(port)))}
		m.brokers = brokers
	}
}

func (m *metadataCache) brokerList() []Broker {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Broker, 0, len(m.brokers))
	for _, b := range m.brokers {
		list = append(list, b)
	}
	return list
}
