package schema

import "github.com/headrace/headrace/schema/codec"

// avroBuffer is Avro as it is written, of which what a branch has written can be dropped when it does not fit.
type avroBuffer struct{ dst []byte }

func (b *avroBuffer) raw(v []byte)         { b.dst = append(b.dst, v...) }
func (b *avroBuffer) boolean(v bool)       { b.dst = codec.AppendBoolean(b.dst, v) }
func (b *avroBuffer) long(v int64)         { b.dst = codec.AppendLong(b.dst, v) }
func (b *avroBuffer) float(v float32)      { b.dst = codec.AppendFloat(b.dst, v) }
func (b *avroBuffer) double(v float64)     { b.dst = codec.AppendDouble(b.dst, v) }
func (b *avroBuffer) bytes(v []byte)       { b.dst = codec.AppendBytes(b.dst, v) }
func (b *avroBuffer) text(v string)        { b.dst = append(codec.AppendLong(b.dst, int64(len(v))), v...) }
func (b *avroBuffer) dropAfter(length int) { b.dst = b.dst[:length] }
