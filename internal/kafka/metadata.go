package kafka

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadataCache is what the cluster last said of its brokers and of the topics somebody asked for.
type metadataCache struct {
	client *Client

	mu         sync.Mutex
	topics     map[string]*topicEntry
	brokers    map[int32]Broker
	controller int32
	clusterID  string        // empty when unknown
	doubted    bool          // the brokers' addresses may have changed
	brokersAt  time.Time     // when the last answer came
	next       *metadataRead // what the next read is to cover; nil when nobody waits for one
	reading    bool

	unreachable map[int32]error // brokers that advertise what is no address
	misled      map[int32]error // brokers whose addresses led to others since the last answer
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
		return &ConnError{Request: "Metadata", Node: AnyNode, Addr: strings.Join(m.client.cluster.Brokers, ","), Err: context.Cause(ctx)}
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
	m.store(resp, round.topics)
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
	if n := len(answer.Brokers); n > maxBrokers {
		reason := fmt.Sprintf("it lists %d brokers, which is no cluster's list", n)
		return nil, &FrameError{Request: "Metadata", Addr: strings.Join(m.client.cluster.Brokers, ","), Reason: reason}
	}
	return answer, nil
}
