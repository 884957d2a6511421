package schema

import (
	"encoding/hex"
	"errors"
)

var errUUID = errors.New("it is not a UUID (8-4-4-4-12 hexadecimal digits)")

// parseUUID reads the text form of RFC 9562, in either case.
func parseUUID(text string) (id [16]byte, err error) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, errUUID
	}
	digits := text[0:8] + text[9:13] + text[14:18] + text[19:23] + text[24:36]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return id, errUUID
	}
	return id, nil
}

func uuidText(id [16]byte) string { return GUID(id).String() }
