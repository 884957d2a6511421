// Package producer sends typed events to Kafka.
//
// One [Producer] per process, one [Topic] per event type and topic, got from [For]:
//
//	p, err := producer.New(producer.Config{Cluster: cluster, Registry: registry})
//	arrivals := producer.For[events.FlightArrived](p, "flights")
//	at, err := arrivals.Send(ctx, f.TailNumber, f) // where it lies
//	err = p.Close(ctx)
//
// # What an answer means
//
// An event whose Send returned nil is on every in-sync replica, once, and no earlier event of the same partition that was
// acknowledged comes after it. Any other answer is an [*Error] whose Outcome is [Failed] (certainly not written) or [Unknown]
// (it may have been written, or may still be). A leader change, a broker restart or a lost answer costs time, up to
// Config.DeliveryTimeout; it does not cost an event, its order, or a duplicate.
//
// The producer is idempotent in Kafka's sense (KIP-98): sequence numbers per partition, all in-sync replicas (acks=all), one
// batch in flight per partition, the same bytes on every retry.
//
// # Which partition
//
// Events with a key go to the partition that Kafka's Java client chooses for the same key bytes: murmur2, modulo the number of
// partitions. Events without one stay on one partition until its batch is closed and then move to another (KIP-480).
package producer
