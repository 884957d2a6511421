// Package consumer runs workers: members of a Kafka consumer group that hand typed events to plain functions.
//
// A worker's offset commit is the acknowledgment of an event. It is made only when the event's handler returned nil or [Skip], or when
// the event's copy in a retry topic or the dead-letter topic is acknowledged by Kafka. An event that was being handled when the process died is handled again, so
// handlers must be idempotent. The events of a partition are handled in the order of its log.
//
// The full name of the schema an event was written with is its message type, and picks the handler. Functions become handlers by
// [On]; what happens when one fails is its [Policy], or what it says itself by [Permanent], [RetryAfter], [Snooze] or [Skip]. A handler learns about the event's surroundings from [InfoFrom].
//
// Package reader reads topics outside of any group.
package consumer
