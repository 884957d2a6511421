package schema

import (
	"encoding/binary"
	"unicode/utf8"
)

// highBits has the high bit of each byte, which ASCII and the last byte of a number lack.
const highBits = 0x8080808080808080

// validUTF8 is utf8.Valid with a short way for short ASCII, which most strings are.
func validUTF8(b []byte) bool {
	if len(b) < 8 {
		for _, c := range b {
			if c >= utf8.RuneSelf {
				return utf8.Valid(b)
			}
		}
		return true
	}
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&highBits != 0 {
			return utf8.Valid(b[i:])
		}
	}
	// What is left of a last word has been seen in part already.
	if binary.LittleEndian.Uint64(b[len(b)-8:])&highBits != 0 {
		return utf8.Valid(b[i:])
	}
	return true
}
