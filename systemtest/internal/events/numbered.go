// Package events holds the event type of the fault tests.
package events

// Numbered is an event that can be told from every other: its key and its number within the key, as check.Log counts.
type Numbered struct {
	Key     string `avro:"key"`
	Number  int64  `avro:"number"`
	Payload []byte `avro:"payload"`
}

// AvroSchema is the same for every value.
func (Numbered) AvroSchema() string {
	return `{
  "type": "record", "name": "Numbered", "namespace": "systemtest",
  "fields": [
    {"name": "key", "type": "string"},
    {"name": "number", "type": "long"},
    {"name": "payload", "type": "bytes"}
  ]
}`
}
