// Package kafka speaks the Kafka protocol for the packages above it: one broker conversation per file.
//
// Messages are encoded by kmsg and carried over the pooled connections of a kafka-go Transport, one Transport per
// broker address, so that routing follows this package's own metadata and nothing else. Every exchange has a deadline;
// nothing in here waits for ever. No answer reaches a decoder before its lengths and counts are checked. Errors name the
// broker, the topic and the partition they are about.
package kafka
