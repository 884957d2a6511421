package sender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/kafka"
)

// model is a cluster that keeps to Kafka's rules for idempotent producers (ProducerAppendInfo, ProducerStateEntry) and is
// as unlucky as its script says: requests and answers get lost, copies land late, partitions refuse before and after
// they have appended.
type model struct {
	mu       sync.Mutex
	rand     *rand.Rand
	trouble  float64 // share of batches that something happens to
	maxBatch int     // bytes; larger ones are refused
	nodes    int32
	ids      int64
	epoch    int16 // that ids begin with
	noID     bool  // nobody answers who asks for an id
	strict   bool  // refuses an unknown producer that does not begin at 0, as brokers before 2.5 did
	logs     []*modelLog
	script   func(ctx context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) // nil, or in place of fate
	errs     []error                                                                                          // what no client could have caused if it kept to the rules
}

// modelLog is one partition.
type modelLog struct {
	leader    int32
	epoch     int32
	values    []string
	offsets   map[string]int64
	producers map[int64]*modelProducer
	late      int  // copies that are still to land
	doubtful  bool // the last request had no certain answer
}

// modelProducer is what a partition knows of a producer id.
type modelProducer struct {
	epoch  int16
	next   int32
	recent []modelBatch // the last five
}

type modelBatch struct {
	first, count int32
	offset       int64
}

func newModel(seed uint64, partitions int, trouble float64, maxBatch int) *model {
	m := &model{rand: rand.New(rand.NewPCG(seed, 1)), trouble: trouble, nodes: 3, maxBatch: maxBatch}
	m.strict = m.rand.IntN(2) == 0
	if m.rand.IntN(2) == 0 {
		m.epoch = retireEpoch - 2 // ids are used up all the time
	}
	for range partitions {
		m.logs = append(m.logs, &modelLog{leader: m.rand.Int32N(m.nodes), offsets: map[string]int64{}, producers: map[int64]*modelProducer{}})
	}
	return m
}

func (m *model) Invalidate(...string) {}

func (m *model) Topic(_ context.Context, name string) (kafka.Topic, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rand.Float64() < m.trouble/2 {
		return kafka.Topic{}, &kafka.ConnError{Request: "Metadata", Err: errors.New("cut")}
	}
	t := kafka.Topic{Name: name}
	for i, l := range m.logs {
		t.Partitions = append(t.Partitions, kafka.Partition{ID: int32(i), Leader: l.leader, LeaderEpoch: l.epoch})
	}
	return t, nil
}

func (m *model) InitProducerID(_ context.Context, _ string, current kafka.ProducerID) (kafka.ProducerID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if current != kafka.NoProducerID {
		m.errs = append(m.errs, fmt.Errorf("asked for an epoch above %v, which a broker answers with another id", current))
	}
	if m.noID || m.rand.Float64() < m.trouble {
		return kafka.NoProducerID, &kafka.ConnError{Request: "InitProducerID", Sent: true, Err: errModelCut}
	}
	m.ids++
	return kafka.ProducerID{ID: m.ids, Epoch: m.epoch}, nil
}

var errModelCut = errors.New("cut")

func (m *model) Produce(ctx context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error) {
	if m.script != nil {
		return m.script(ctx, node, req)
	}
	m.mu.Lock()
	for _, p := range req.Partitions {
		if m.rand.Float64() < m.trouble/10 { // the leader moves
			l := m.logs[p.Partition]
			l.leader, l.epoch = (l.leader+1)%m.nodes, l.epoch+1
		}
	}
	fate := m.rand.Float64()
	m.mu.Unlock()
	cut := func(sent bool, err error) error {
		return &kafka.ConnError{Request: "Produce", Node: node, Sent: sent, Err: err}
	}
	switch {
	case fate < m.trouble/8: // refused connection
		return nil, cut(false, errors.New("refused"))
	case fate < m.trouble*2/8: // lost on the way
		m.doubt(req)
		return nil, cut(true, errors.New("request lost"))
	case fate < m.trouble*3/8: // held up on the way, and so long that the connection is given up
		m.doubt(req)
		m.later(node, req)
		return nil, cut(true, errors.New("request late"))
	case fate < m.trouble*4/8: // written, answer lost
		m.doubt(req)
		m.answer(node, req, false)
		return nil, cut(true, errors.New("answer lost"))
	case fate < m.trouble*5/8: // no answer at all
		m.doubt(req)
		if fate > m.trouble*4.5/8 {
			m.answer(node, req, false)
		}
		<-ctx.Done()
		return nil, cut(true, ctx.Err())
	}
	pause := time.Duration(m.draw(int64(20 * time.Millisecond)))
	if wait(ctx, pause) != nil {
		m.doubt(req)
		m.later(node, req)
		return nil, cut(true, ctx.Err())
	}
	return m.answer(node, req, true), nil
}

func (m *model) draw(n int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rand.Int64N(n)
}

func (m *model) doubt(req *kafka.ProduceRequest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range req.Partitions {
		m.logs[p.Partition].doubtful = true
	}
}

// later has copies of the request's batches land after a while.
func (m *model) later(node int32, req *kafka.ProduceRequest) {
	held := &kafka.ProduceRequest{}
	for _, p := range req.Partitions {
		p.Batch = bytes.Clone(p.Batch)
		held.Partitions = append(held.Partitions, p)
	}
	m.mu.Lock()
	for _, p := range held.Partitions {
		m.logs[p.Partition].late++
	}
	m.mu.Unlock()
	time.AfterFunc(time.Duration(m.draw(int64(10*time.Second))), func() {
		m.answer(node, held, false)
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, p := range held.Partitions {
			m.logs[p.Partition].late--
		}
	})
}

// answer does what a broker does with a request. heard says whether the client will hear of it.
func (m *model) answer(node int32, req *kafka.ProduceRequest, heard bool) *kafka.ProduceResponse {
	m.mu.Lock()
	defer m.mu.Unlock()
	resp := &kafka.ProduceResponse{}
	for _, p := range req.Partitions {
		l := m.logs[p.Partition]
		result := kafka.ProduceResult{Topic: p.Topic, Partition: p.Partition, BaseOffset: -1, Leader: -1, LeaderEpoch: -1}
		offset, err := m.store(l, node, p, heard)
		if err != nil {
			result.Err = &kafka.BrokerError{Request: "Produce", Node: node, Topic: p.Topic, Partition: p.Partition, Err: err}
		} else {
			result.BaseOffset = offset
		}
		if errors.Is(err, kerr.NotLeaderForPartition) && m.rand.IntN(2) == 0 {
			result.Leader, result.LeaderEpoch = l.leader, l.epoch
		}
		resp.Partitions = append(resp.Partitions, result)
	}
	return resp
}

var (
	before = []*kerr.Error{kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.KafkaStorageError, kerr.UnknownTopicOrPartition, kerr.TopicAuthorizationFailed, kerr.InvalidRecord, kerr.UnknownServerError}
	after  = []*kerr.Error{kerr.NotLeaderForPartition, kerr.NotEnoughReplicasAfterAppend, kerr.KafkaStorageError, kerr.RequestTimedOut, kerr.UnknownServerError}
)

func (m *model) store(l *modelLog, node int32, p kafka.ProduceBatch, heard bool) (int64, error) {
	if node != l.leader {
		return -1, kerr.NotLeaderForPartition
	}
	if heard && m.rand.Float64() < m.trouble/3 {
		return -1, before[m.rand.IntN(len(before))]
	}
	if len(p.Batch) > m.maxBatch {
		return -1, kerr.MessageTooLarge
	}
	if l.forgettable(m.strict) && m.rand.Float64() < m.trouble/10 {
		clear(l.producers)
	}
	offset, err := m.append(l, p.Batch)
	if !heard {
		return offset, err
	}
	if err == nil && m.rand.Float64() < m.trouble/3 {
		l.doubtful = true
		return -1, after[m.rand.IntN(len(after))]
	}
	l.doubtful = l.doubtful && err != nil
	return offset, err
}

// forgettable reports whether the partition may forget its producers, as one does whose records have aged out, without
// breaking a promise: no copy under way may depend on what it forgets to be known for one.
func (l *modelLog) forgettable(strict bool) bool {
	if l.late > 0 || l.doubtful && !strict {
		return false
	}
	for _, state := range l.producers {
		if n := len(state.recent); l.doubtful && n > 0 && state.recent[n-1].first == 0 {
			return false
		}
	}
	return true
}

// append accepts or refuses a batch by its producer's sequence.
func (m *model) append(l *modelLog, raw []byte) (int64, error) {
	b, _, err := batch.Next(raw)
	if err != nil {
		m.errs = append(m.errs, err)
		return -1, kerr.CorruptMessage
	}
	state, known := l.producers[b.ProducerID]
	switch {
	case b.ProducerID < 0:
		m.errs = append(m.errs, errors.New("batch without producer id"))
	case !known:
		if b.BaseSequence != 0 && m.strict {
			return -1, kerr.UnknownProducerID
		}
		state = &modelProducer{epoch: b.ProducerEpoch}
		l.producers[b.ProducerID] = state
	case b.ProducerEpoch < state.epoch:
		return -1, kerr.InvalidProducerEpoch
	case b.ProducerEpoch > state.epoch:
		if b.BaseSequence != 0 {
			return -1, kerr.OutOfOrderSequenceNumber
		}
		*state = modelProducer{epoch: b.ProducerEpoch}
	default:
		for _, r := range state.recent {
			if r.first == b.BaseSequence && r.count == int32(b.Count) {
				return r.offset, nil
			}
		}
		if b.BaseSequence != state.next {
			return -1, kerr.OutOfOrderSequenceNumber
		}
	}
	offset := int64(len(l.values))
	state.next = advance(b.BaseSequence, b.Count)
	state.recent = append(state.recent, modelBatch{b.BaseSequence, int32(b.Count), offset})
	if len(state.recent) > 5 {
		state.recent = state.recent[1:]
	}
	var reader batch.Reader
	if err := reader.Open(b, batch.Limits{}); err != nil {
		m.errs = append(m.errs, err)
	}
	for {
		var rec batch.Record
		more, err := reader.Next(&rec)
		if err != nil {
			m.errs = append(m.errs, err)
		}
		if !more {
			return offset, nil
		}
		if at, twice := l.offsets[string(rec.Value)]; twice {
			m.errs = append(m.errs, fmt.Errorf("%s doubled: at %d and %d", rec.Value, at, len(l.values)))
		}
		l.offsets[string(rec.Value)] = int64(len(l.values))
		l.values = append(l.values, string(rec.Value))
	}
}
