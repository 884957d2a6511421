// Package record is what every independent reader of the system tests returns: one record as it lies in the log.
package record

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
)

// Bytes is null when nil; an empty value is not null. In JSON it is a hex string or null.
type Bytes []byte

// MarshalJSON writes hex, or null.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if b == nil {
		return []byte("null"), nil
	}
	return json.Marshal(hex.EncodeToString(b))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Bytes) UnmarshalJSON(text []byte) error {
	var encoded *string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	*b = nil
	if encoded == nil {
		return nil
	}
	decoded, err := hex.DecodeString(*encoded)
	*b = append(Bytes{}, decoded...)
	return err
}

// Header is one header of a record; order and repetition count.
type Header struct {
	Key   string `json:"key"`
	Value Bytes  `json:"value"`
}

// Record is one record of a partition.
type Record struct {
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"timestamp"`
	Key       Bytes    `json:"key"`
	Value     Bytes    `json:"value"`
	Headers   []Header `json:"headers"`
}

// Digest is the fingerprint of a partition's records in offset order.
type Digest struct {
	Records int64
	SHA256  string
}

// Digester builds the digests of all partitions of a topic. The zero value is empty.
type Digester struct {
	partitions map[int32]*running
}

type running struct {
	records int64
	hash    hash.Hash
	buffer  []byte
}

// Add takes the next record of its partition.
func (d *Digester) Add(r Record) {
	if d.partitions == nil {
		d.partitions = map[int32]*running{}
	}
	p := d.partitions[r.Partition]
	if p == nil {
		p = &running{hash: sha256.New()}
		d.partitions[r.Partition] = p
	}
	p.records++
	p.buffer = appendRecord(p.buffer[:0], r)
	p.hash.Write(p.buffer)
}

// Sums returns the digest of every partition that has records.
func (d *Digester) Sums() map[int32]Digest {
	sums := map[int32]Digest{}
	for partition, p := range d.partitions {
		sums[partition] = Digest{Records: p.records, SHA256: hex.EncodeToString(p.hash.Sum(nil))}
	}
	return sums
}

// appendRecord lays out all that two readers must agree on; java/Digest.java writes the same layout.
func appendRecord(dst []byte, r Record) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Offset))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Timestamp))
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.Headers)))
	for _, h := range r.Headers {
		dst = appendBytes(dst, Bytes(h.Key))
		dst = appendBytes(dst, h.Value)
	}
	return dst
}

func appendBytes(dst []byte, b Bytes) []byte {
	if b == nil {
		return append(dst, 0xff, 0xff, 0xff, 0xff)
	}
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}
