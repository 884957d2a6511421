package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// walkTransaction goes past the answers about transactions.
func (a *answer) walkTransaction(key kmsg.Key) bool {
	switch key {
	case kmsg.AddPartitionsToTxn: // up to the last version that is for clients
		a.skip(4)
		array[kmsg.AddPartitionsToTxnResponseTopic](a, func() {
			a.text()
			array[kmsg.AddPartitionsToTxnResponseTopicPartition](a, func() { a.skip(4 + 2) })
		})
	case kmsg.TxnOffsetCommit:
		a.skip(4)
		array[kmsg.TxnOffsetCommitResponseTopic](a, func() {
			if a.version < 6 {
				a.text()
			}
			a.since(6, 16)
			array[kmsg.TxnOffsetCommitResponseTopicPartition](a, func() { a.skip(4 + 2) })
		})
	case kmsg.EndTxn:
		a.skip(4 + 2)
		a.since(5, 8+2)
	default:
		return false
	}
	return true
}
