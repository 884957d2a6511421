package stack

import (
	"github.com/headrace/headrace/reader"

	"github.com/headrace/headrace/systemtest/internal/record"
)

// Record copies what reader.Read hands over into the form that all readers share.
func Record(r reader.Record) record.Record {
	copied := record.Record{
		Partition: r.Partition, Offset: r.Offset, Timestamp: r.Time.UnixMilli(),
		Key: clone(r.Key), Value: clone(r.Value),
	}
	for _, h := range r.Headers {
		copied.Headers = append(copied.Headers, record.Header{Key: h.Key, Value: clone(h.Value)})
	}
	return copied
}

// clone keeps null and empty apart.
func clone(b []byte) record.Bytes {
	if b == nil {
		return nil
	}
	return append(record.Bytes{}, b...)
}
