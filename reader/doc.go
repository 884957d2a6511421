// Package reader reads Kafka topics without a consumer group: it joins none and commits nothing.
//
// [Read] calls a function with the records of a [Range], such as one that [ParseRange] read from a command line. A range begins and ends
// at a [Position]: an offset, a distance from either end of the log, or a time. [Resolve] turns it into the offsets of each partition.
// [Scan] counts the schemas that the events of a topic were written with, and [SchemaScan.Check] says whether a consumer can read them.
package reader
