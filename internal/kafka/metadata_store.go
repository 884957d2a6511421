package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

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

// keepNewer keeps from old the partitions whose leader epoch is ahead: a broker that lags must not undo what another
// one said.
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
