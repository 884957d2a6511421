package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// store takes an answer up, as far as it is about topics somebody asked for.
func (m *metadataCache) store(resp *kmsg.MetadataResponse, asked map[string]struct{}) {
	now := time.Now()
	m.mu.Lock()
	m.storeBrokers(resp, now)
	for i := range resp.Topics {
		if resp.Topics[i].Topic == nil {
			continue
		}
		name := *resp.Topics[i].Topic
		if _, ok := asked[name]; !ok {
			continue
		}
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
	brokers, unreachable := listed(resp)
	if len(brokers) > 0 {
		m.brokers = brokers
	}
	m.unreachable, m.misled = unreachable, nil
	m.controller, m.clusterID, m.brokersAt, m.doubted = resp.ControllerID, text(resp.ClusterID), now, false
}

func convertTopic(t *kmsg.MetadataResponseTopic) (Topic, error) {
	name := text(t.Topic)
	topic := Topic{Name: name, ID: t.TopicID, Internal: t.IsInternal}
	if err := codeError(t.ErrorCode); err != nil {
		return topic, &BrokerError{Request: "Metadata", Node: AnyNode, Topic: name, Partition: -1, Err: err}
	}
	topic.Partitions = make([]Partition, len(t.Partitions))
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
	if !topic.numbered() {
		topic.Partitions = nil
		return topic, &BrokerError{Request: "Metadata", Node: AnyNode, Topic: name, Partition: -1, Err: errNumbering}
	}
	return topic, nil
}

var errNumbering = fmt.Errorf("its partitions are not numbered from 0 on: %w", ErrNoAnswer)

// numbered reports whether partitions are those from 0 to n-1. Callers count them to choose one, and index by their ids.
func (t *Topic) numbered() bool {
	for i := range t.Partitions {
		if t.Partitions[i].ID != int32(i) {
			return false
		}
	}
	return len(t.Partitions) > 0
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
	switch why := m.unreachable[node]; {
	case err != nil:
	case why != nil:
		err = fmt.Errorf("broker %d cannot be reached: %w: correct its advertised.listeners", node, why)
	default:
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
	broker, err := advertised(node, host, port, nil)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.brokers[node]; !ok && len(m.brokers) < maxBrokers {
		brokers := make(map[int32]Broker, len(m.brokers)+1)
		for id, b := range m.brokers {
			brokers[id] = b
		}
		brokers[node] = broker
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
