package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// text compresses; noise does not.
func text() []byte { return javaLargeRecords()[4].Value }

func noise() []byte {
	var all []byte
	for _, v := range events(3000) {
		all = append(all, v[120:]...)
	}
	return all
}

// frames are what other clients write, in the forms their libraries have.
func frames(t *testing.T, content []byte) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for name, options := range map[string][]lz4.Option{
		"lz4 with checksums":      {lz4.BlockChecksumOption(true), lz4.ChecksumOption(true)},
		"lz4 with its size":       {lz4.SizeOption(uint64(len(content))), lz4.ChecksumOption(false)},
		"lz4 of 4 MiB blocks":     {lz4.BlockSizeOption(lz4.Block4Mb)},
		"lz4 compressed the most": {lz4.CompressionLevelOption(lz4.Level9)},
	} {
		var out bytes.Buffer
		w := lz4.NewWriter(&out)
		if err := w.Apply(options...); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		all[name] = out.Bytes()
	}
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedBestCompression} {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(true))
		if err != nil {
			t.Fatal(err)
		}
		frame := w.EncodeAll(content, nil)
		skip := append([]byte{0x50, 0x2a, 0x4d, 0x18, 5, 0, 0, 0}, "skip!"...)
		half := w.EncodeAll(content[:len(content)/2], nil)
		all["zstd "+level.String()] = frame
		all["zstd of several frames "+level.String()] = append(append(skip, half...), w.EncodeAll(content[len(content)/2:], nil)...)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	all["snappy block"] = s2.EncodeSnappy(nil, content)
	return all
}

func codecOf(name string) Codec {
	for codec := Gzip; codec <= Zstd; codec++ {
		if name[:3] == codec.String()[:3] {
			return codec
		}
	}
	return None
}

func TestFramesOfOtherWritersAreRead(t *testing.T) {
	t.Parallel()
	for _, content := range [][]byte{text(), noise(), []byte("short")} {
		for name, frame := range frames(t, content) {
			got, err := decompress(codecOf(name), nil, frame, len(content))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s of %d bytes: %v", name, len(content), err)
			}
			if _, err := decompress(codecOf(name), nil, frame, len(content)-1); !errors.Is(err, errOverLimit) {
				t.Errorf("%s of %d bytes, a byte over the limit: %v", name, len(content), err)
			}
			for n := 0; n < len(frame); n += 1 + len(frame)/100 {
				if got, err := decompress(codecOf(name), nil, frame[:n], len(content)); err == nil && len(got) == len(content) {
					t.Errorf("%s of %d bytes, cut at %d: went through", name, len(content), n)
				}
			}
		}
	}
}

func TestLZ4FramesAreHeldToTheirFormat(t *testing.T) {
	t.Parallel()
	const end = "\x00\x00\x00\x00"
	stored := "\x08\x00\x00\x80abcdefgh"
	// Four bytes from eight back, then five literals.
	match := "\x09\x00\x00\x00\x00\x08\x00\x50vwxyz"
	tests := []struct {
		name, frame, want string
		err               error
	}{
		{"stored block", lz4Header + stored + end, "abcdefgh", nil},
		{"linked blocks", "\x04\x22\x4d\x18\x40\x40\x00" + stored + match + end, "abcdefghabcdvwxyz", nil},
		{"no end", lz4Header + stored, "", errLZ4Frame},
		{"bytes behind the end", lz4Header + stored + end + "x", "", errLZ4Frame},
		{"other magic", "\x05\x22\x4d\x18\x60\x40\x82" + stored + end, "", errLZ4Frame},
		{"other version", "\x04\x22\x4d\x18\xa0\x40\x82" + stored + end, "", errLZ4Frame},
		{"dictionary", "\x04\x22\x4d\x18\x61\x40\x82\x00\x00\x00\x00" + stored + end, "", errLZ4Frame},
		{"block size of its own", "\x04\x22\x4d\x18\x60\x30\x82" + stored + end, "", errLZ4Frame},
		{"block over its size", lz4Header + "\x01\x00\x01\x80" + string(make([]byte, 1<<16+1)) + end, "", errLZ4Frame},
		{"size kept", "\x04\x22\x4d\x18\x68\x40\x08\x00\x00\x00\x00\x00\x00\x00\x82" + stored + end, "abcdefgh", nil},
		{"size not kept", "\x04\x22\x4d\x18\x68\x40\x07\x00\x00\x00\x00\x00\x00\x00\x82" + stored + end, "", errLZ4Frame},
		{"size not reached", "\x04\x22\x4d\x18\x68\x40\x09\x00\x00\x00\x00\x00\x00\x00\x82" + stored + end, "", errLZ4Frame},
		{"size over the limit", "\x04\x22\x4d\x18\x68\x40\x00\x00\x20\x00\x00\x00\x00\x00\x82" + stored + end, "", errOverLimit},
		{"block checksum missing", "\x04\x22\x4d\x18\x70\x40\x82" + stored, "", errLZ4Frame},
		{"content checksum missing", "\x04\x22\x4d\x18\x64\x40\x82" + stored + end + "\x00\x00\x00", "", errLZ4Frame},
	}
	for _, test := range tests {
		got, err := decompress(LZ4, nil, []byte(test.frame), 1<<20)
		if !errors.Is(err, test.err) || err == nil && string(got) != test.want {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
	independent := lz4Header + stored + match + end
	if got, err := decompress(LZ4, nil, []byte(independent), 1<<20); err == nil {
		t.Errorf("a block reached into the one before, of which it is independent: %q", got)
	}
}

func TestSnappyFramingIsHeldToItsFormat(t *testing.T) {
	t.Parallel()
	chunk := func(block []byte) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(block)))) + string(block)
	}
	abc := chunk(s2.EncodeSnappy(nil, []byte("abc")))
	tests := []struct {
		name, framed, want string
		ok                 bool
	}{
		{"two chunks", xerialHeader + abc + abc, "abcabc", true},
		{"no chunk", xerialHeader, "", true},
		{"version 0", xerialMagic + "\x00\x00\x00\x00\x00\x00\x00\x01" + abc, "", false},
		{"a later version", xerialMagic + "\x00\x00\x00\x02\x00\x00\x00\x01" + abc, "abc", true},
		{"half a length", xerialHeader + abc + "\x00\x00", "", false},
		{"half a chunk", xerialHeader + abc[:len(abc)-1], "", false},
		{"empty", "", "", false},
	}
	for _, test := range tests {
		got, err := decompress(Snappy, nil, []byte(test.framed), 1<<20)
		if (err == nil) != test.ok || test.ok && string(got) != test.want {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
}

// Bytes are counted, so this test runs alone.
func TestClaimedSizesAreNotBelieved(t *testing.T) {
	tests := []struct {
		name  string
		codec Codec
		src   []byte
	}{
		{"snappy block of 60 MiB", Snappy, append(binary.AppendUvarint(nil, 60<<20), "little"...)},
		{"lz4 blocks of 4 MiB", LZ4, []byte("\x04\x22\x4d\x18\x60\x70\x00\x02\x00\x00\x00\x10a\x00\x00\x00\x00")},
	}
	for _, test := range tests {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := decompress(test.codec, nil, test.src, 64<<20)
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<16 {
			t.Errorf("%s: %d bytes allocated for %d: %v", test.name, spent, len(got), err)
		}
	}
}
