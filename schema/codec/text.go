package codec

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

// valid reports whether p is UTF-8. Most text is short and ASCII, which whole words tell sooner than utf8.Valid does.
func valid(p []byte) bool { return ascii(p) || utf8.Valid(p) }

// bytesOf returns the bytes of v, which must not be written to.
func bytesOf(v string) []byte { return unsafe.Slice(unsafe.StringData(v), len(v)) }

// ascii reports whether no byte of p has its high bit set. The last word may overlap the one before, so that no byte is left over.
func ascii(p []byte) bool {
	const high = 0x8080808080808080
	le, last := binary.LittleEndian, len(p)-8
	if last < 0 {
		return shortASCII(p)
	}
	seen := le.Uint64(p[last:])
	for len(p) > 32 {
		seen |= le.Uint64(p) | le.Uint64(p[8:]) | le.Uint64(p[16:]) | le.Uint64(p[24:])
		p = p[32:]
	}
	for len(p) > 8 {
		seen |= le.Uint64(p)
		p = p[8:]
	}
	return seen&high == 0
}

func shortASCII(p []byte) bool {
	seen := byte(0)
	for _, b := range p {
		seen |= b
	}
	return seen < utf8.RuneSelf
}
