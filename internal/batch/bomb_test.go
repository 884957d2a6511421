package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

const bombSize = 32 << 20

// bombs are small batches that become 32 MiB, or say so.
func bombs(t testing.TB) map[string][]byte {
	t.Helper()
	zeros := make([]byte, bombSize)
	var zipped, streamed bytes.Buffer
	z := gzip.NewWriter(&zipped)
	s, err := zstd.NewWriter(&streamed, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for p := zeros; len(p) > 0; p = p[1<<20:] {
		if _, err := z.Write(p[:1<<20]); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(p[:1<<20]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	whole := s.EncodeAll(zeros, nil)
	var c compressor
	if err := c.compressLZ4(zeros); err != nil {
		t.Fatal(err)
	}
	frame := bytes.Clone(c.out)
	c.compressSnappy(zeros)
	var wide bytes.Buffer
	l := lz4.NewWriter(&wide)
	if err := l.Apply(lz4.BlockSizeOption(lz4.Block4Mb)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Write(zeros); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	// Frames and blocks that claim what they do not hold.
	claim := binary.AppendUvarint(nil, 1<<31)
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x03, 0x00, 0x00, 'x'} // 128 MiB of window, one byte repeated no times
	fcs := append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0}, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0)
	blocks := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58}
	for range 1000 {
		blocks = append(blocks, 0x14, 0, 0, 0, 0) // an empty compressed block that could be 128 KiB
	}
	blocks = append(blocks, 1, 0, 0)
	return map[string][]byte{
		"gzip":                       forge(Gzip, 1, 0, zipped.Bytes()),
		"zstd":                       forge(Zstd, 1, 0, whole),
		"zstd stream":                forge(Zstd, 1, 0, streamed.Bytes()),
		"zstd claiming a window":     forge(Zstd, 1, 0, window),
		"zstd claiming a size":       forge(Zstd, 1, 0, fcs),
		"zstd of empty blocks":       forge(Zstd, 1, 0, blocks),
		"lz4":                        forge(LZ4, 1, 0, frame),
		"lz4 of 4 MiB blocks":        forge(LZ4, 1, 0, wide.Bytes()),
		"lz4 claiming a size":        forge(LZ4, 1, 0, []byte("\x04\x22\x4d\x18\x68\x70\xff\xff\xff\xff\xff\xff\xff\x7f\x00")),
		"lz4 claiming large blocks":  forge(LZ4, 1, 0, []byte("\x04\x22\x4d\x18\x60\x70\x00\x02\x00\x00\x00\x10a\x00\x00\x00\x00")),
		"xerial":                     forge(Snappy, 1, 0, bytes.Clone(c.out)),
		"raw snappy":                 forge(Snappy, 1, 0, s2.EncodeSnappy(nil, zeros)),
		"raw snappy claiming a size": forge(Snappy, 1, 0, append(claim, make([]byte, 30)...)),
		"xerial claiming a size":     forge(Snappy, 1, 0, append([]byte(xerialHeader+"\x00\x00\x00\x0a"), append(claim, 0, 0, 0, 0, 0)...)),
		"xerial claiming a chunk":    forge(Snappy, 1, 0, []byte(xerialHeader+"\x7f\xff\xff\xff\x00")),
		"a million records":          forge(None, 1<<20, 1<<20, make([]byte, 100)),
		"two billion records":        forge(None, 1<<31-1, 1<<31-2, make([]byte, 100)),
		"two billion headers":        forge(None, 1, 0, body([]byte{0, 0, 0, 1, 1}, vint(1<<31), make([]byte, 100))),
	}
}

// Bytes are counted, so this test runs alone.
func TestBombsAreRefusedWithLittleMemory(t *testing.T) {
	const limit = 1 << 20
	for name, raw := range bombs(t) {
		b, _, err := Next(raw)
		if err != nil {
			t.Fatal(name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = decode(new(Reader), b, Limits{DecompressedBytes: limit, RecordBytes: limit})
		runtime.ReadMemStats(&after)
		spent := after.TotalAlloc - before.TotalAlloc
		t.Logf("%-27s %6d bytes, %8d allocated: %v", name, len(raw), spent, err)
		if err == nil {
			t.Errorf("%s: went through", name)
		}
		most := uint64(3*limit + streamWindow + 1<<20)
		if name == "raw snappy" { // which cannot be decompressed in parts
			most = UnstreamedBytes
		}
		if spent > most {
			t.Errorf("%s: %d bytes allocated under a limit of %d", name, spent, limit)
		}
	}
}

func TestCompressedRubbishIsCorrupt(t *testing.T) {
	t.Parallel()
	for codec := Gzip; codec <= Zstd; codec++ {
		whole := golden(t, "large-"+codec.String())
		for n := HeaderSize; n < len(whole); n += 1 + n/20 {
			bad := sound(bytes.Clone(whole[:n]))
			b, _, err := Next(bad)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decode(new(Reader), b, Limits{}); err == nil {
				t.Errorf("%v cut at %d of %d went through", codec, n, len(whole))
			}
		}
		b, _, err := Next(sound(append(bytes.Clone(whole), 7)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = decode(new(Reader), b, Limits{})
		wantCorrupt(t, err, 0, codec.String())
	}
}
