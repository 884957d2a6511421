package batch

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCopyIsNextOfACopy compares the two over batches of every size around the pieces that are copied at once, whole, damaged at
// each end and in the middle, and cut off.
func TestCopyIsNextOfACopy(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 100, copied - HeaderSize, copied, copied + 1, 3*copied + 17} {
		var b Builder
		if _, err := b.End(append(b.Begin(7, []byte("key")), make([]byte, size)...), nil); err != nil {
			t.Fatal(err)
		}
		whole, err := b.Seal(None)
		if err != nil {
			t.Fatal(err)
		}
		data := append(bytes.Clone(whole), "what follows"...)
		spoil := func(at int) []byte {
			d := bytes.Clone(data)
			d[at] ^= 0x55
			return d
		}
		for name, data := range map[string][]byte{
			"whole": data, "cut": whole[:len(whole)-1], "empty": nil, "magic": spoil(magicAt), "length": spoil(lengthAt), "crc": spoil(crcAt),
			"attributes": spoil(attributesAt), "middle": spoil(len(whole) / 2), "last": spoil(len(whole) - 1), "short": data[:frameSize+3],
		} {
			source := bytes.Clone(data)
			want, wantRest, wantErr := Next(data)
			got, rest, grown, err := Copy([]byte("before"), source)
			clear(source) // of which nothing may be in use
			if !bytes.Equal(got.raw, want.raw) || string(grown) != "before"+string(want.raw) || len(rest) != len(wantRest) {
				t.Errorf("%d bytes, %s: %d bytes and %d more, want %d and %d", size, name, len(got.raw), len(rest), len(want.raw), len(wantRest))
			}
			got.raw, want.raw = nil, nil
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(Batch{})); diff != "" {
				t.Errorf("%d bytes, %s: %s", size, name, diff)
			}
			if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Errorf("%d bytes, %s: %v, want %v", size, name, err, wantErr)
			}
		}
	}
}
