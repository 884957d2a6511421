package kafka

import "errors"

var errUnasked = errors.New("fetch response is about more partitions than were asked for")

// parse reads a FetchResponse of version 11 to 13 (Kafka's FetchResponse.json). It is written by hand, and not left to
// kmsg, for what comes with every fetch: no copy of a topic's name that the request already holds, no allocation on the
// peer's word, one flat list.
func (m *fetchMessage) parse(version int16, body []byte) error {
	compact := version >= 12
	r := &wireReader{src: body}
	m.throttle = r.int32()
	m.errorCode = r.int16()
	m.sessionID = r.int32()
	m.parsed = make([]FetchedPartition, 0, len(m.req.Partitions))
	m.codes = make([]int16, 0, len(m.req.Partitions))
	const minTopic, minPartition = 3, 30
	// A broker has something to say at most once on each partition asked for. Anything beyond would cost memory and
	// time that no request allows for.
	left := len(m.req.Partitions)
	topics := r.count(compact, minTopic)
	if topics > left {
		return errUnasked
	}
	for range topics {
		var topic string
		if version >= fetchByID {
			topic = m.topicNameOf(r.take(16))
		} else {
			topic = m.topicName(r.string(compact))
		}
		partitions := r.count(compact, minPartition)
		if left -= partitions; left < 0 {
			return errUnasked
		}
		for range partitions {
			m.parsePartition(r, topic, compact)
		}
		if compact {
			r.skipTags()
		}
		if r.bad {
			break
		}
	}
	if compact {
		r.skipTags()
	}
	if r.bad {
		return errors.New("fetch response is cut short, or counts more than it holds")
	}
	return nil
}

func (m *fetchMessage) parsePartition(r *wireReader, topic string, compact bool) {
	p := FetchedPartition{Topic: topic, Partition: r.int32(), Leader: -1, LeaderEpoch: -1}
	code := r.int16()
	p.HighWatermark = r.int64()
	p.LastStableOffset = r.int64()
	p.LogStartOffset = r.int64()
	const aborted = 16
	if n := r.count(compact, aborted); n > 0 {
		p.Aborted = make([]AbortedTransaction, n)
		for i := range p.Aborted {
			p.Aborted[i] = AbortedTransaction{ProducerID: r.int64(), FirstOffset: r.int64()}
			if compact {
				r.skipTags()
			}
		}
	}
	p.PreferredReplica = r.int32()
	p.Records = r.bytes(compact)
	if compact {
		r.fetchTags(&p)
	}
	if r.bad {
		return
	}
	m.parsed = append(m.parsed, p)
	m.codes = append(m.codes, code)
}

// fetchTags reads a partition's tagged fields, of which only the current leader (tag 1) is of use here.
func (r *wireReader) fetchTags(p *FetchedPartition) {
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		tag := r.uvarint()
		field := wireReader{src: r.take(int(r.uvarint()))}
		if tag == 1 {
			p.Leader, p.LeaderEpoch = field.int32(), field.int32()
		}
	}
}

// topicName returns the request's own string for a topic of the answer, so that none is made per fetch.
func (m *fetchMessage) topicName(name []byte) string {
	for i := range m.req.Partitions {
		if m.req.Partitions[i].Topic == string(name) {
			return m.req.Partitions[i].Topic
		}
	}
	return string(name)
}

// topicNameOf is topicName for an answer that names topics by id. A topic that was not asked for has none.
func (m *fetchMessage) topicNameOf(id []byte) string {
	if len(id) != 16 {
		return ""
	}
	for i := range m.req.Partitions {
		if m.req.Partitions[i].TopicID == [16]byte(id) {
			return m.req.Partitions[i].Topic
		}
	}
	return ""
}
