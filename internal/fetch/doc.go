// Package fetch brings record batches from brokers to the goroutines that work on them, within bounds of memory.
//
// A [Fetcher] runs one loop per broker, for every partition that broker leads, and moves a partition to another loop when its leader
// moves. A [Feed] is one partition: it has at most one [Chunk] waiting beside the one its reader works on, and is left out
// of requests while one waits. So a slow partition holds up no other, and what is in memory is bounded by the number of partitions
// and the bytes asked of each.
package fetch
