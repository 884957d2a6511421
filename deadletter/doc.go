// Package deadletter lists the events that consumers have given up, shows them, returns them to the topics that they came from, edits and
// discards them. It reads the dead letters of package consumer, and those of Kafka Connect, Kafka Streams, Spring Kafka and share groups.
//
// [Read] calls a function with each dead letter of topics. [PlanRedrive] and [PlanDiscard] read and change nothing; what they return names
// every offset, can be shown, and is done by [ApplyRedrive]. Dead letters stay in their topics: [MarksTopic] remembers which of them were
// returned or discarded, and by whom. Every call opens its own connections and closes them before it returns. All functions are safe for
// concurrent use.
package deadletter
