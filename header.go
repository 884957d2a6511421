package headrace

// Header is one header of a record. A record may have several with one key, and keeps their order. A nil Value is null, which Kafka keeps
// apart from an empty one.
type Header struct {
	Key   string
	Value []byte
}
