package batch

import (
	"errors"
	"fmt"
)

var (
	// ErrTruncated reports that the data ends inside a batch. It is the normal end of a fetch response, which a broker
	// cuts at the size asked for; the batch comes whole when the next fetch starts at it.
	ErrTruncated = errors.New("record batch is cut off at the end of the data")

	// ErrEmpty reports that a batch without records was to be sealed.
	ErrEmpty = errors.New("record batch has no records")

	// ErrFull reports that a record would take a batch over the 2 GiB or the 2^31-1 records that its header can tell.
	ErrFull = errors.New("record does not fit into the record batch: size over 2 GiB")

	// ErrNotBegun reports a record ended that was not begun, or ended with a buffer that does not continue the one
	// that Begin returned.
	ErrNotBegun = errors.New("record ended without the buffer it was begun with")
)

// CorruptError reports a batch or record whose bytes break the format. It is the same on every read of these bytes.
type CorruptError struct {
	Offset int64  // of the record, or of the batch's first record, as the batch's header tells it
	Reason string // what is wrong
	Err    error  // what a decompressor said, or nil
}

// Error names the offset and the reason.
func (e *CorruptError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("corrupt record batch at offset %d: %s: %v", e.Offset, e.Reason, e.Err)
	}
	return fmt.Sprintf("corrupt record batch at offset %d: %s", e.Offset, e.Reason)
}

// Unwrap returns what a decompressor said.
func (e *CorruptError) Unwrap() error { return e.Err }

// LimitError reports a record, or a batch that can only be decompressed at once, that is larger than is read. No memory was spent on it
// beyond the limit.
type LimitError struct {
	Offset int64  // of the record, or of the batch's first record
	Limit  string // its name in the table of limits
	Max    int    // what it allows
}

// Error names the offset and the limit.
func (e *LimitError) Error() string {
	switch e.Limit {
	case "Headers":
		return fmt.Sprintf("record at offset %d has more than %d headers", e.Offset, e.Max)
	case "RecordBytes":
		return fmt.Sprintf("record at offset %d is larger than %d bytes", e.Offset, e.Max)
	}
	return fmt.Sprintf("record batch at offset %d becomes larger than %d bytes, and cannot be decompressed in parts", e.Offset, e.Max)
}

// MagicError reports a message format other than v2: 0 and 1 are what clients before Kafka 0.11 wrote, and what a
// broker may still hold or convert to.
type MagicError struct {
	Offset int64
	Magic  int8
}

// Error names the offset, the format and the way out.
func (e *MagicError) Error() string {
	return fmt.Sprintf("message at offset %d has format v%d, only v2 is read, which clients write since Kafka 0.11: "+
		"write the topic again with a current client", e.Offset, e.Magic)
}
