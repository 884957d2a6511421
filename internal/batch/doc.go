// Package batch reads and writes Kafka record batches, format v2 (magic 2), the unit in which records travel to a
// broker, lie in its log and come back. It does no I/O and knows no topics.
//
// Writing: a Builder encodes each value in place into the batch it will be sent in, Seal compresses and closes the
// batch, Stamp gives it its place in a producer's sequence.
//
// Reading: Next cuts a fetch response into batches and checks their CRC-32C, an AbortedFilter drops what a
// read-committed consumer must not see, a Reader walks the records. Every byte is taken as hostile: a length is checked
// against what is there before anything is allocated by it, and decompression stops at a limit.
//
// The format is that of org.apache.kafka.common.record.DefaultRecordBatch (KIP-98, KIP-534 for the delete horizon).
package batch
