package schema

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// HeaderValueSchemaID is the record header that carries the GUID of a value's schema in the newer of the two Confluent framings:
// 0x01 and the 16 bytes of the GUID. The value is then plain Avro.
const HeaderValueSchemaID = "__value_schema_id"

// IDPrefixLen is the number of bytes [AppendID] writes.
const IDPrefixLen = 5

const (
	magicID   = 0x00
	magicGUID = 0x01

	guidPrefixLen = 1 + 16
)

// ErrTombstone is what [ParseWire] answers for a null value. A null value deletes its key in a compacted topic and has no schema;
// it is not malformed.
var ErrTombstone = errors.New("null value: a tombstone has no schema")

// GUID is the identifier that a schema has in every registry of an organisation, where an id belongs to one registry.
type GUID [16]byte

// String returns the GUID in its canonical text, 8-4-4-4-12 hexadecimal digits.
func (g GUID) String() string {
	var text [36]byte
	hex.Encode(text[0:8], g[0:4])
	hex.Encode(text[9:13], g[4:6])
	hex.Encode(text[14:18], g[6:8])
	hex.Encode(text[19:23], g[8:10])
	hex.Encode(text[24:36], g[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// Ref names the schema a value was written with: by registry id, or by GUID when ByGUID is set. It is comparable.
type Ref struct {
	ID     int
	GUID   GUID
	ByGUID bool
}

// RefID is the reference by registry id.
func RefID(id int) Ref { return Ref{ID: id} }

// String returns "schema id 7" or "schema guid 6ba7…", as error messages use it.
func (r Ref) String() string {
	if r.ByGUID {
		return "schema guid " + r.GUID.String()
	}
	return fmt.Sprintf("schema id %d", r.ID)
}

// WireError says that a value is not in the Confluent wire format. No retry mends it.
type WireError struct {
	Reason string // what is wrong, without the value's bytes
	Len    int    // length of the value
}

func (e *WireError) Error() string {
	return fmt.Sprintf("value of %d bytes is not in the schema registry's wire format: %s", e.Len, e.Reason)
}

// apicurioPrefixLen is the length of what Apicurio's serializers write before the Avro by default: 0x00 and an 8-byte id.
const apicurioPrefixLen = 9

// noID says why a value names schema id 0, which no registry gives: it begins with the upper half of an 8-byte id, most likely.
func noID(value []byte) string {
	if len(value) < apicurioPrefixLen {
		return "its schema id is 0, which no registry gives"
	}
	return fmt.Sprintf("its schema id is 0, which no registry gives; it looks like the 8-byte id %d of an Apicurio serializer: "+
		"set apicurio.registry.as-confluent=true (or a 4-byte id handler) where it is written", binary.BigEndian.Uint64(value[1:apicurioPrefixLen]))
}

// AppendID appends the Confluent wire header: 0x00 and the id, 4 bytes, big-endian. Ids are 1 to 2147483647 in a registry.
func AppendID(dst []byte, id int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, magicID), uint32(id))
}

// ParseWire splits a record's value into the reference to its schema and the Avro bytes, which are a view into value.
//
// It reads the three Confluent framings: the header __value_schema_id (0x01 and a GUID; value without prefix), which wins when it
// is well formed; the prefix 0x00 and a 4-byte id; and the prefix 0x01 and a 16-byte GUID. As Confluent's own dual deserializer
// does, an absent, empty or malformed header falls back to the prefix. header returns a record header's value by key; nil when
// there are none.
//
// A nil value is [ErrTombstone]; everything else that does not fit is a [*WireError].
func ParseWire(value []byte, header func(key string) ([]byte, bool)) (ref Ref, body []byte, err error) {
	if value == nil {
		return Ref{}, nil, ErrTombstone
	}
	if header != nil {
		if h, ok := header(HeaderValueSchemaID); ok && len(h) == guidPrefixLen && h[0] == magicGUID {
			return Ref{GUID: GUID(h[1:]), ByGUID: true}, value, nil
		}
	}
	if len(value) == 0 {
		return Ref{}, nil, &WireError{Reason: "it is empty"}
	}
	switch value[0] {
	case magicID:
		if len(value) < IDPrefixLen {
			return Ref{}, nil, &WireError{Reason: "it ends within the 4-byte schema id", Len: len(value)}
		}
		id := binary.BigEndian.Uint32(value[1:IDPrefixLen])
		if id == 0 {
			return Ref{}, nil, &WireError{Reason: noID(value), Len: len(value)}
		}
		if id > 1<<31-1 {
			return Ref{}, nil, &WireError{Reason: fmt.Sprintf("schema id %d is negative as an int32", id), Len: len(value)}
		}
		return Ref{ID: int(id)}, value[IDPrefixLen:], nil
	case magicGUID:
		if len(value) < guidPrefixLen {
			return Ref{}, nil, &WireError{Reason: "it ends within the 16-byte schema guid", Len: len(value)}
		}
		return Ref{GUID: GUID(value[1:guidPrefixLen]), ByGUID: true}, value[guidPrefixLen:], nil
	default:
		return Ref{}, nil, &WireError{Reason: fmt.Sprintf("magic byte is 0x%02x, not 0x00 or 0x01", value[0]), Len: len(value)}
	}
}
