package batch

import "github.com/headrace/headrace"

// Record is one record of a batch, as a Reader finds it. Its bytes are views that are good until the Reader is opened
// again or the data given to Next is reused, whichever comes first.
type Record struct {
	Offset    int64
	Timestamp int64  // ms since 1970; -1 when its writer gave none
	Key       []byte // nil is null, which is not the same as empty
	Value     []byte // nil is null: a tombstone on a compacted topic

	headers     []byte
	headerCount int
}

// HeaderCount returns the number of headers.
func (r *Record) HeaderCount() int { return r.headerCount }

// Headers appends the record's headers to dst and returns it. It allocates each key; values are views like Value.
func (r *Record) Headers(dst []headrace.Header) []headrace.Header {
	p := r.headers
	for range r.headerCount {
		var key, value []byte
		key, value, p = cutHeader(p)
		dst = append(dst, headrace.Header{Key: string(key), Value: value})
	}
	return dst
}

// Header returns the value of the last header with the key, as Java's Headers.lastHeader does, without allocating. The
// value is a view like Value, and nil when it is null.
func (r *Record) Header(key string) (value []byte, ok bool) {
	p := r.headers
	for range r.headerCount {
		var k, v []byte
		k, v, p = cutHeader(p)
		if string(k) == key {
			value, ok = v, true
		}
	}
	return value, ok
}

// cutHeader splits the first header off p, which checkHeaders has found to be sound.
func cutHeader(p []byte) (key, value, rest []byte) {
	key, p = cutBytes(p)
	value, p = cutBytes(p)
	return key, value, p
}

func cutBytes(p []byte) (b, rest []byte) {
	n, size := varint(p)
	if n < 0 {
		return nil, p[size:]
	}
	end := size + int(n)
	return p[size:end:end], p[end:]
}

// Clone returns the record with memory of its own, which nothing reuses.
func (r *Record) Clone() Record {
	c := *r
	memory := make([]byte, 0, r.Size())
	take := func(view []byte) []byte {
		if view == nil {
			return nil
		}
		from := len(memory)
		memory = append(memory, view...)
		return memory[from:len(memory):len(memory)]
	}
	c.Key, c.Value, c.headers = take(r.Key), take(r.Value), take(r.headers)
	return c
}

// Size returns the bytes of the record's key, value and headers.
func (r *Record) Size() int { return len(r.Key) + len(r.Value) + len(r.headers) }
