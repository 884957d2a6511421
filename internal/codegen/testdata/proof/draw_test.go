package proof

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"

	"github.com/hamba/avro/v2"
	"pgregory.net/rapid"
)

// draw draws a value of s as Avro, its blocks in any of the forms that a writer may choose. Maps have one entry at most, as no two
// writers agree on the order of more.
func draw(t *rapid.T, s avro.Schema, dst []byte, depth int) []byte {
	if ref, ok := s.(*avro.RefSchema); ok {
		s = ref.Schema()
	}
	long := func(v int64) []byte { return binary.AppendVarint(dst, v) }
	if l, ok := s.(avro.LogicalTypeSchema); ok && l.Logical() != nil {
		switch l.Logical().Type() {
		case avro.Decimal:
			return drawDecimal(t, s, l.Logical().(*avro.DecimalLogicalSchema), dst)
		case avro.UUID:
			if s.Type() == avro.String {
				b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")
				return append(long(36), fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])...)
			}
		case avro.TimeMillis, avro.TimeMicros:
			return long(rapid.Int64Range(0, 86399999).Draw(t, "time"))
		case avro.TimestampMillis, avro.LocalTimestampMillis:
			return long(rapid.Int64Range(-1<<47, 1<<47).Draw(t, "time"))
		case avro.TimestampMicros, avro.LocalTimestampMicros:
			return long(rapid.Int64Range(-1<<57, 1<<57).Draw(t, "time"))
		case avro.Date:
			return long(rapid.Int64Range(-100000, 100000).Draw(t, "date"))
		}
	}
	switch s := s.(type) {
	case *avro.RecordSchema:
		for _, f := range s.Fields() {
			dst = draw(t, f.Type(), dst, depth+1)
		}
		return dst
	case *avro.EnumSchema:
		return long(int64(rapid.IntRange(0, len(s.Symbols())-1).Draw(t, "symbol")))
	case *avro.FixedSchema:
		return append(dst, rapid.SliceOfN(rapid.Byte(), s.Size(), s.Size()).Draw(t, "fixed")...)
	case *avro.UnionSchema:
		i := rapid.IntRange(0, len(s.Types())-1).Draw(t, "branch")
		if depth > 8 {
			i = leaf(s)
		}
		return draw(t, s.Types()[i], long(int64(i)), depth+1)
	case *avro.ArraySchema:
		return drawBlocks(t, s.Items(), false, dst, depth)
	case *avro.MapSchema:
		return drawBlocks(t, s.Values(), true, dst, depth)
	}
	switch s.Type() {
	case avro.Boolean:
		return append(dst, rapid.SampledFrom([]byte{0, 1}).Draw(t, "boolean"))
	case avro.Int:
		return long(int64(rapid.Int32().Draw(t, "int")))
	case avro.Long:
		return long(rapid.Int64().Draw(t, "long"))
	case avro.Float:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(rapid.Float32().Draw(t, "float")))
	case avro.Double:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(rapid.Float64().Draw(t, "double")))
	case avro.Bytes:
		b := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")
		return append(long(int64(len(b))), b...)
	case avro.String:
		text := rapid.String().Draw(t, "string")
		return append(long(int64(len(text))), text...)
	}
	return dst
}

// leaf is the branch of a union that leads back to where it stands least likely.
func leaf(s *avro.UnionSchema) int {
	for i, branch := range s.Types() {
		if kind := branch.Type(); kind != avro.Record && kind != avro.Ref && kind != avro.Array && kind != avro.Map {
			return i
		}
	}
	return len(s.Types()) - 1
}

func drawBlocks(t *rapid.T, items avro.Schema, keyed bool, dst []byte, depth int) []byte {
	left := rapid.IntRange(0, 3).Draw(t, "items")
	if depth > 4 {
		left = 0
	}
	if keyed {
		left = min(left, 1)
	}
	for left > 0 {
		n := rapid.IntRange(1, left).Draw(t, "block")
		left -= n
		var block []byte
		for range n {
			if keyed {
				block = append(binary.AppendVarint(block, 3), "kéy"[:3]...)
			}
			block = draw(t, items, block, depth+1)
		}
		if rapid.Bool().Draw(t, "sized") {
			dst = binary.AppendVarint(binary.AppendVarint(dst, -int64(n)), int64(len(block)))
		} else {
			dst = binary.AppendVarint(dst, int64(n))
		}
		dst = append(dst, block...)
	}
	return append(dst, 0)
}

// drawDecimal draws digits that fit, as few bytes as they take: padding would not be written again.
func drawDecimal(t *rapid.T, s avro.Schema, decimal *avro.DecimalLogicalSchema, dst []byte) []byte {
	v := big.NewInt(rapid.Int64().Draw(t, "unscaled"))
	v.Rem(v, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimal.Precision())), nil))
	size := v.BitLen()/8 + 1
	fixed, ok := s.(*avro.FixedSchema)
	if ok {
		size = fixed.Size()
		v.Rem(v, new(big.Int).Lsh(big.NewInt(1), uint(8*size-1)))
	} else {
		dst = binary.AppendVarint(dst, int64(size))
	}
	if v.Sign() < 0 {
		v.Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return append(dst, v.FillBytes(make([]byte, size))...)
}
