package codec

import (
	"encoding/hex"
	"errors"
)

var errUUID = errors.New("not a UUID of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")

// UUID is the 16 bytes of an RFC 9562 UUID, of any version. The zero value is
// the nil UUID.
type UUID [16]byte

const uuidLength = 36

// ParseUUID parses the 36-character form, in either case.
func ParseUUID(s string) (UUID, error) { return parseUUID([]byte(s)) }

func parseUUID(s []byte) (UUID, error) {
	var u UUID
	if len(s) != uuidLength || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UUID{}, errUUID
	}
	at := 0
	for _, part := range [...][]byte{s[:8], s[9:13], s[14:18], s[19:23], s[24:]} {
		n, err := hex.Decode(u[at:], part)
		if err != nil {
			return UUID{}, errUUID
		}
		at += n
	}
	return u, nil
}

// String returns the 36-character form in lower case.
func (u UUID) String() string { return string(u.append(make([]byte, 0, uuidLength))) }

// MarshalText returns the 36-character form in lower case; it never fails.
func (u UUID) MarshalText() ([]byte, error) { return u.append(nil), nil }

// UnmarshalText parses the 36-character form.
func (u *UUID) UnmarshalText(text []byte) error {
	v, err := parseUUID(text)
	if err == nil {
		*u = v
	}
	return err
}

func (u UUID) append(dst []byte) []byte {
	for i, part := range [...][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// AppendUUID appends u as the string that Avro's uuid on string is.
func AppendUUID(dst []byte, u UUID) []byte { return u.append(AppendLong(dst, uuidLength)) }

// UUID reads a string and refuses one that is not a UUID.
func (r *Reader) UUID() UUID {
	b := r.view()
	if r.err != nil {
		return UUID{}
	}
	u, err := parseUUID(b)
	if err != nil {
		r.pos -= len(b)
		r.Fail(err.Error())
	}
	return u
}
