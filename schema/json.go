package schema

// ToJSON renders one Avro value of schema s as JSON.
func ToJSON(s *Schema, avro []byte) ([]byte, error) { return nil, errUnbuilt }

// FromJSON encodes JSON as one Avro value of schema s.
func FromJSON(s *Schema, json []byte) ([]byte, error) { return nil, errUnbuilt }
