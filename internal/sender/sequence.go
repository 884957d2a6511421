package sender

import (
	"math"

	"github.com/headrace/headrace/internal/kafka"
)

// stamp is what a broker recognises a batch by.
type stamp struct {
	id       kafka.ProducerID
	sequence int32
}

// sequence gives the batches of one partition their stamps. One batch is out at a time, so that next is what the broker
// expects whenever nothing is in doubt.
type sequence struct {
	id   kafka.ProducerID
	next int32
	// fencing is set from bumpEpoch until a batch of the raised epoch is acknowledged: until then only a higher epoch of the same id
	// keeps a late copy of the abandoned batch out.
	fencing bool
	// newTopic is set from when the topic turns out to be another one of the same name until it has acknowledged a batch: what was
	// acknowledged before, or left in doubt, was so in the topic that is gone.
	newTopic bool
}

// assign returns the stamp of the next batch. current is the sender's identity, taken over when that is safe: everything before is
// settled, or fenced by it as well.
func (n *sequence) assign(current kafka.ProducerID) stamp {
	if n.id != current && (!n.fencing || n.id.ID == current.ID && n.id.Epoch < current.Epoch) {
		n.id, n.next = current, 0
	}
	return stamp{id: n.id, sequence: n.next}
}

// acked spends the numbers of an acknowledged batch.
func (n *sequence) acked(records int) {
	n.next = advance(n.next, records)
	n.fencing, n.newTopic = false, false
}

// bumpEpoch moves to a higher epoch, which the caller got for n.id.
func (n *sequence) bumpEpoch(id kafka.ProducerID) {
	*n = sequence{id: id, fencing: true}
}

// advance adds to a sequence number, which wraps from 2^31-1 to 0 (KIP-98).
func advance(sequence int32, records int) int32 {
	return int32((int64(sequence) + int64(records)) & math.MaxInt32) // 31 bits
}
