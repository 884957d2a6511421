// Package headers finds the headers of a record by their keys.
package headers

import "github.com/headrace/headrace"

// Find returns the value of the last header with the key, as Kafka's Java client does, and whether there is one.
func Find(headers []headrace.Header, key string) (value []byte, ok bool) {
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Key == key {
			return headers[i].Value, true
		}
	}
	return nil, false
}

// Last is the value of the last header with the key; nil when there is none.
func Last(headers []headrace.Header, key string) []byte {
	value, _ := Find(headers, key)
	return value
}
