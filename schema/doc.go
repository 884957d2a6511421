// Package schema says what an event is and how it becomes bytes.
//
// It parses Avro schemas, frames values in the Confluent wire format, encodes and decodes Go types, turns Avro into JSON and back, and
// tells whether one schema can read what another wrote. It knows nothing of Kafka, and does no I/O: package schema/registry speaks to a
// schema registry. Everything read from outside (wire bytes, schemas themselves) is treated as hostile: sizes and counts are checked
// before memory is taken for them.
package schema
