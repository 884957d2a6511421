package kafka

import (
	"context"
	"errors"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FetchSession remembers what one broker already knows about the partitions fetched from it (KIP-227). The zero value
// is ready. It belongs to one broker and to one goroutine at a time.
type FetchSession struct {
	id    int32
	epoch int32 // of the next request; 0 asks for a new session
	known map[sessionKey]FetchPartition
}

// sessionKey is what a broker knows a partition of a session by.
type sessionKey struct {
	TopicPartition
	topicID [16]byte
}

func (p *FetchPartition) sessionKey() sessionKey {
	return sessionKey{TopicPartition{p.Topic, p.Partition}, p.TopicID}
}

// Epochs with a meaning of their own.
const (
	sessionNew   int32 = 0
	sessionFinal int32 = -1 // close the session; with id 0: no session at all
)

// fill writes into w the partitions the broker does not know about yet, or knows otherwise. A nil session writes all of
// them.
func (s *FetchSession) fill(w *kmsg.FetchRequest, wanted []FetchPartition) {
	var topics topicGrouper
	if s == nil {
		w.SessionID, w.SessionEpoch = 0, sessionFinal
		for _, p := range wanted {
			topics.add(w, p)
		}
		return
	}
	w.SessionID, w.SessionEpoch = s.id, s.epoch
	if s.epoch == sessionNew {
		s.known = make(map[sessionKey]FetchPartition, len(wanted))
	}
	for _, p := range wanted {
		key := p.sessionKey()
		if known, ok := s.known[key]; !ok || known != p {
			topics.add(w, p)
			s.known[key] = p
		}
	}
	if len(s.known) > len(wanted) {
		s.drop(w, wanted)
	}
}

// drop lists what the broker still knows and nobody wants any more.
func (s *FetchSession) drop(w *kmsg.FetchRequest, wanted []FetchPartition) {
	keep := make(map[sessionKey]struct{}, len(wanted))
	for _, p := range wanted {
		keep[p.sessionKey()] = struct{}{}
	}
	index := make(map[topicKey]int)
	for key := range s.known {
		if _, ok := keep[key]; ok {
			continue
		}
		delete(s.known, key)
		topic := topicKey{key.Topic, key.topicID}
		at, ok := index[topic]
		if !ok {
			at = len(w.ForgottenTopics)
			index[topic] = at
			forgotten := kmsg.NewFetchRequestForgottenTopic()
			forgotten.Topic, forgotten.TopicID = key.Topic, key.topicID
			w.ForgottenTopics = append(w.ForgottenTopics, forgotten)
		}
		w.ForgottenTopics[at].Partitions = append(w.ForgottenTopics[at].Partitions, key.Partition)
	}
}

type topicKey struct {
	name string
	id   [16]byte
}

// topicGrouper gathers partitions under their topics, as the request lists them.
type topicGrouper struct {
	index map[topicKey]int
	last  topicKey
	at    int
}

func (g *topicGrouper) add(w *kmsg.FetchRequest, p FetchPartition) {
	if key := (topicKey{p.Topic, p.TopicID}); len(w.Topics) == 0 || g.last != key {
		if g.index == nil {
			g.index = make(map[topicKey]int)
		}
		at, ok := g.index[key]
		if !ok {
			at = len(w.Topics)
			g.index[key] = at
			topic := kmsg.NewFetchRequestTopic()
			topic.Topic, topic.TopicID = p.Topic, p.TopicID
			w.Topics = append(w.Topics, topic)
		}
		g.last, g.at = key, at
	}
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition = p.Partition
	partition.FetchOffset = p.Offset
	partition.CurrentLeaderEpoch = p.LeaderEpoch
	partition.PartitionMaxBytes = p.MaxBytes
	if p.MaxBytes <= 0 {
		partition.PartitionMaxBytes = defaultPartitionBytes
	}
	w.Topics[g.at].Partitions = append(w.Topics[g.at].Partitions, partition)
}

// accept moves on after an answer without error.
func (s *FetchSession) accept(id int32) {
	switch {
	case s == nil:
	case s.epoch == sessionNew:
		// An id of 0 is a broker without room for another session: the next request is a full one again.
		if s.id = id; id != 0 {
			s.epoch = 1
		}
	case s.epoch == math.MaxInt32:
		s.epoch = 1
	default:
		s.epoch++
	}
}

// Reset makes the next request a full one; the broker is told to drop the old session with it. It is for after a fetch
// whose fate is unknown, and Fetch calls it by itself.
func (s *FetchSession) Reset() {
	if s != nil {
		s.epoch, s.known = sessionNew, nil
	}
}

// forget takes note of an error on the whole answer.
func (s *FetchSession) forget(err error) {
	if s == nil {
		return
	}
	s.Reset()
	if errors.Is(err, kerr.FetchSessionIDNotFound) {
		s.id = 0
	}
}

// CloseFetchSession frees the session's place on the broker, which has a limited number of them and otherwise keeps it
// until others push it out. The session is as new afterwards, whatever the error.
func (c *Client) CloseFetchSession(ctx context.Context, node int32, s *FetchSession) error {
	if s == nil || s.id == 0 {
		return nil
	}
	req := kmsg.NewPtrFetchRequest()
	req.SessionID, req.SessionEpoch = s.id, sessionFinal
	*s = FetchSession{}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return err
	}
	if err := codeError(resp.(*kmsg.FetchResponse).ErrorCode); err != nil {
		return &BrokerError{Request: "Fetch", Node: node, Partition: -1, Err: err}
	}
	return nil
}
