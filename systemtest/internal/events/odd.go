package events

// Renumbered has the full name of Numbered and a new field without a default: no reader of it can read what was
// written as Numbered.
type Renumbered struct {
	Key    string `avro:"key"`
	Serial string `avro:"serial"`
}

// AvroSchema is the same for every value.
func (Renumbered) AvroSchema() string {
	return `{
  "type": "record", "name": "Numbered", "namespace": "systemtest",
  "fields": [{"name": "key", "type": "string"}, {"name": "serial", "type": "string"}]
}`
}

// Colored can be given a value that its schema does not allow.
type Colored struct {
	Color string `avro:"color"`
}

// AvroSchema is the same for every value.
func (Colored) AvroSchema() string {
	return `{
  "type": "record", "name": "Colored", "namespace": "systemtest",
  "fields": [{"name": "color", "type": {"type": "enum", "name": "Color", "symbols": ["RED", "GREEN"]}}]
}`
}
