// Package sender is the record path out: it gathers records into one open batch per partition and sends the batches,
// idempotent and in order, to the brokers that lead the partitions.
//
// A record's value is encoded in place into the open batch of its partition, under that partition's lock and no other. A batch is
// ready when it is full, when its linger is over, or when somebody waits for it; what is ready for one broker leaves in
// one request, at most two requests at once per broker and at most one batch at once per partition.
//
// # Why nothing is lost, doubled or reordered
//
// A broker accepts a batch of a producer id in a partition when its epoch is the one it knows and its first sequence number
// follows the last it has (or when the epoch is newer and the number is 0), answers a repetition of the last five batches as a
// duplicate, and refuses everything else (KIP-98, KIP-360).
//
// Order: the next batch of a partition leaves only when the one before it is settled: acknowledged, certainly absent, or
// given up as unknown. A retry sends the same bytes with the same numbers, so that a copy which had arrived is
// recognised.
//
// Certainty: an attempt leaves a doubt when it had no answer, or one that a broker can also give after it has appended: on the
// leader, NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION and KAFKA_STORAGE_ERROR end the wait for the replicas as
// well as the request that comes too late, and REQUEST_TIMED_OUT and NOT_ENOUGH_REPLICAS_AFTER_APPEND say it outright. A
// doubt is never forgotten: only an acknowledgement, a duplicate among them, settles a doubtful batch well. All other ends of it
// are reported as unknown, even when the last answer was a clear refusal.
//
// Sequence numbers: a number is spent when its batch is acknowledged. A batch that is certainly absent leaves its number
// to the next one. After an unknown batch no number of the epoch can be trusted, since the broker may or may not have moved
// on, and a next batch of the same length and number would be taken for its duplicate: the partition goes on in the next
// epoch from 0. The epoch is raised here and told to the broker by the batch itself, as Java's producer does for producers
// without transactions: asking InitProducerID, a broker would answer with a new id, and a new id fences nothing. The raised epoch
// fences: a late copy of the unknown batch lands either before the first batch of the new epoch, in its place and once, or
// is refused for its old epoch.
//
// Recovery: OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID and INVALID_PRODUCER_EPOCH say that the broker's state is not ours, by a
// truncated log or one whose records are gone, and that the batch at hand was not appended. When no attempt of the batch left
// a doubt, it is stamped again with the next epoch and number 0, and sent. When one did, sending it under other numbers could
// double it, so it is reported as unknown and the batches behind it go on in the next epoch.
//
// A topic that was deleted and created again is known by its id in metadata. Leader epochs begin anew in it, and it may have fewer
// partitions. Until it has acknowledged a batch, an answer of that kind says that the batch was never in it, in doubt or not: what the
// doubt was about is gone, and the batch is stamped again and sent.
package sender
