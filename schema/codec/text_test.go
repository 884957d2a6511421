package codec

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// TestEveryByteOfTextIsChecked puts a byte that makes or breaks UTF-8 at each place of texts of each length around a word's.
func TestEveryByteOfTextIsChecked(t *testing.T) {
	t.Parallel()
	for length := range 70 {
		text := bytes.Repeat([]byte{'a'}, length)
		if !ascii(text) || !valid(text) {
			t.Fatalf("%d letters are refused", length)
		}
		for at := range text {
			for _, put := range []string{"\x80", "\xff", "\u00e9", "\u20ac", "\U0001f600", "\xed\xa0\x80", "\xc3", "\x7f", "\x00"} {
				p := append(append(bytes.Clone(text[:at]), put...), text[at:]...)
				if got, want := valid(p), utf8.Valid(p); got != want {
					t.Errorf("%q: valid says %t, utf8.Valid %t", p, got, want)
				}
				if got, want := ascii(p), bytes.IndexFunc(p, func(r rune) bool { return r >= utf8.RuneSelf }) < 0; got != want {
					t.Errorf("%q: ascii says %t", p, got)
				}
			}
		}
	}
}

// TestTextOfEveryLengthIsAppended with room for it in dst, short of it, and with more than ASCII at each place.
func TestTextOfEveryLengthIsAppended(t *testing.T) {
	t.Parallel()
	for length := range 70 {
		text := make([]byte, length)
		for i := range text {
			text[i] = byte('0' + i%64)
		}
		for at := -1; at < length; at++ {
			for _, put := range []byte{0x7f, 0x80, 0xff} {
				if at >= 0 {
					text[at] = put
				}
				sound := utf8.Valid(text)
				want := append(AppendLong([]byte("kept"), int64(length)), text...)
				for room := range length + 4 {
					dst := append(make([]byte, 0, 4+room), "kept"...)
					got, err := AppendString(dst, string(text))
					if !sound {
						want = []byte("kept")
					}
					if (err == nil) != sound || !bytes.Equal(got, want) {
						t.Fatalf("%q, room for %d bytes: %q, %v", text, room, got, err)
					}
				}
			}
			if at >= 0 {
				text[at] = byte('0' + at%64)
			}
		}
	}
}
