// Package headers finds the headers of a record by their keys.
package headers

import "github.com/headrace/headrace"

// Lookup looks headers up by their keys; it is nil when there are none. The last of a key counts, as in Kafka's Java client.
func Lookup(headers []headrace.Header) func(key string) (value []byte, ok bool) {
	if len(headers) == 0 {
		return nil
	}
	return func(key string) ([]byte, bool) {
		for i := len(headers) - 1; i >= 0; i-- {
			if headers[i].Key == key {
				return headers[i].Value, true
			}
		}
		return nil, false
	}
}

// Last is the last value of a header; nil when there is none.
func Last(headers []headrace.Header, key string) []byte {
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Key == key {
			return headers[i].Value
		}
	}
	return nil
}
