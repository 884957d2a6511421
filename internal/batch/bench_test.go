package batch

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

// events are values that compress about as events do: fields that repeat, numbers that do not.
func events(n int) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	values := make([][]byte, n)
	for i := range values {
		v := append([]byte{0, 0, 0, 0, 9}, bytes.Repeat([]byte("carrier=UA tail=N14228 "), 4)...)
		for len(v) < 150 {
			v = append(v, byte(random.Uint32()))
		}
		values[i] = v
	}
	return values
}

const benchRecords = 6000 // nearly a batch of 1 MiB

// BenchmarkBuild reports the time per record, the CRC in it. BenchmarkCRC is what of that the CRC takes.
func BenchmarkBuild(b *testing.B) {
	values := events(benchRecords)
	var builder Builder
	buf := make([]byte, 0, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		builder.Reset(buf)
		for i, v := range values {
			if _, err := builder.End(append(builder.Begin(javaTime+int64(i), v[:8]), v...), nil); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := builder.Seal(None); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b)
}

func BenchmarkCRC(b *testing.B) {
	raw := sealed(b, None)
	var crc uint32
	for b.Loop() {
		crc ^= crc32.Checksum(raw[attributesAt:], castagnoli)
	}
	perRecord(b)
}

func BenchmarkStamp(b *testing.B) {
	raw := sealed(b, None)
	for b.Loop() {
		Stamp(raw, 1, 2, int32(b.N), false)
	}
	perRecord(b)
}

// BenchmarkRead reports the time per record, CRC and decompression in it.
func BenchmarkRead(b *testing.B) {
	for codec := None; codec <= Zstd; codec++ {
		b.Run(codec.String(), func(b *testing.B) {
			raw := sealed(b, codec)
			var reader Reader
			b.ReportAllocs()
			for b.Loop() {
				if n, err := count(&reader, raw); n != benchRecords || err != nil {
					b.Fatal(n, err)
				}
			}
			perRecord(b)
		})
	}
}

func BenchmarkCompress(b *testing.B) {
	raw := sealed(b, None)
	records := make([]byte, len(raw)-HeaderSize)
	for codec := Gzip; codec <= Zstd; codec++ {
		b.Run(codec.String(), func(b *testing.B) {
			b.ReportAllocs()
			var size int
			var err error
			for b.Loop() {
				copy(records, raw[HeaderSize:])
				if size, err = compressInPlace(codec, records); err != nil {
					b.Fatal(err)
				}
			}
			perRecord(b)
			b.ReportMetric(float64(len(records))/float64(size), "ratio")
		})
	}
}

func sealed(b *testing.B, codec Codec) []byte {
	b.Helper()
	var builder Builder
	for i, v := range events(benchRecords) {
		add(b, &builder, record{Timestamp: javaTime + int64(i), Key: v[:8], Value: v})
	}
	raw, err := builder.Seal(codec)
	if err != nil {
		b.Fatal(err)
	}
	return raw
}

func perRecord(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
}
