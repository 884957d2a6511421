package schema

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"time"

	"github.com/headrace/headrace/schema/codec"
)

const (
	// sampleDepth is how deep values nest where the schema leaves a choice.
	sampleDepth = 6
	// sampleWeight bounds a value of a wide schema, about in bytes; beyond it lists stay empty and unions take their smallest branch.
	sampleWeight = 128 << 10
)

// Sample returns a random value of s as Avro: valid, of moderate size, with short words for strings and the years around now for
// times. The same source gives the same value. A schema that has no finite value, such as a record that contains itself directly, is
// an [*InvalidSchemaError].
func Sample(s *Schema, r *rand.Rand) ([]byte, error) {
	g := sampler{r: r, least: leastWeights(s.root)}
	switch g.planned = g.least.of(s.root); {
	case g.planned >= endless:
		return nil, &InvalidSchemaError{Reason: s.FullName() + " contains itself with no union, array or map in between: it has no finite value"}
	case g.planned > MaxValueBytes:
		return nil, &InvalidSchemaError{Reason: fmt.Sprintf("every value of %s is large: the smallest has about %d parts or bytes, and %d are the limit", s.FullName(), g.planned, MaxValueBytes)}
	}
	body := g.value(nil, s.root, 0)
	if err := s.Check(body); err != nil {
		return nil, err // beyond the limits: nests too deep, or is too large, whatever is drawn
	}
	return body, nil
}

// sampler draws one value.
type sampler struct {
	r       *rand.Rand
	least   weights
	planned int // weight of the value, what is still to be drawn at its least
}

func (g *sampler) value(dst []byte, n *node, depth int) []byte {
	switch n.kind {
	case kindRecord:
		for i := range n.fields {
			dst = g.value(dst, n.fields[i].typ, depth+1)
		}
		return dst
	case kindUnion:
		i := g.branch(n, depth)
		return g.value(codec.AppendLong(dst, int64(i)), n.branches[i], depth)
	case kindArray, kindMap:
		count := g.r.IntN(4)
		for count > 0 && !g.affords(depth, count*(g.least.of(n.items)+scalarWeight)) {
			count--
		}
		g.planned += count * (g.least.of(n.items) + scalarWeight)
		dst = codec.AppendBlock(dst, count)
		for i := range count {
			if n.kind == kindMap {
				dst = g.text(dst, words[(i+1)*7%len(words)]) // distinct
			}
			dst = g.value(dst, n.items, depth+1)
		}
		return codec.AppendEnd(dst)
	default:
		return g.scalar(dst, n)
	}
}

// affords reports whether the value may become larger by so much.
func (g *sampler) affords(depth, weight int) bool {
	return depth < sampleDepth && weight < endless && g.planned+weight <= sampleWeight
}

func (g *sampler) branch(n *node, depth int) int {
	best := 0
	for i, branch := range n.branches {
		if g.least.of(branch) < g.least.of(n.branches[best]) {
			best = i
		}
	}
	least := g.least.of(n.branches[best])
	for range 8 {
		i := g.r.IntN(len(n.branches))
		if more := g.least.of(n.branches[i]) - least; g.affords(depth, more) {
			g.planned += more
			return i
		}
	}
	return best
}

func (g *sampler) scalar(dst []byte, n *node) []byte {
	if n.logical != logicalNone {
		return g.logical(dst, n)
	}
	switch n.kind {
	case kindBoolean:
		return codec.AppendBoolean(dst, g.r.IntN(2) == 1)
	case kindInt:
		return codec.AppendLong(dst, int64(g.r.IntN(1000)))
	case kindLong:
		return codec.AppendLong(dst, g.r.Int64N(1_000_000))
	case kindFloat:
		return codec.AppendFloat(dst, float32(g.r.IntN(100_000))/100)
	case kindDouble:
		return codec.AppendDouble(dst, float64(g.r.IntN(100_000))/100)
	case kindString:
		text := g.word()
		for range g.r.IntN(3) {
			text += " " + g.word()
		}
		return g.text(dst, text)
	case kindBytes:
		return codec.AppendBytes(dst, g.bytes(nil, g.r.IntN(9)))
	case kindFixed:
		return g.bytes(dst, n.size)
	case kindEnum:
		return codec.AppendLong(dst, int64(g.r.IntN(len(n.symbols))))
	default:
		return dst // null takes no bytes
	}
}

func (g *sampler) logical(dst []byte, n *node) []byte {
	const day = 24 * time.Hour
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(g.r.Int64N(int64(10 * 365 * day))))
	switch n.logical {
	case logicalDecimal:
		return g.decimal(dst, n)
	case logicalUUID:
		var id [16]byte
		g.bytes(id[:0], len(id))
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4
		if n.kind == kindFixed {
			return append(dst, id[:]...)
		}
		return codec.AppendUUID(dst, codec.UUID(id))
	case logicalDuration:
		for _, limit := range []uint32{24, 30, 86_400_000} {
			dst = binary.LittleEndian.AppendUint32(dst, g.r.Uint32N(limit))
		}
		return dst
	case logicalDate:
		return codec.AppendLong(dst, at.Unix()/int64(day/time.Second))
	case logicalTimeMillis:
		return codec.AppendLong(dst, g.r.Int64N(day.Milliseconds()))
	case logicalTimeMicros:
		return codec.AppendLong(dst, g.r.Int64N(day.Microseconds()))
	case logicalTimestampMillis, logicalLocalMillis:
		return codec.AppendLong(dst, at.UnixMilli())
	case logicalTimestampMicros, logicalLocalMicros:
		return codec.AppendLong(dst, at.UnixMicro())
	default: // nanoseconds
		return codec.AppendLong(dst, at.UnixNano())
	}
}

// decimal draws up to six digits: an amount somebody would pay.
func (g *sampler) decimal(dst []byte, n *node) []byte {
	unscaled := big.NewInt(g.r.Int64N(int64(math.Pow10(min(n.precision, 6)))))
	bytes := unscaled.Bytes()
	if len(bytes) == 0 || bytes[0] >= 0x80 {
		bytes = append([]byte{0}, bytes...) // two's complement, positive
	}
	if n.kind == kindFixed {
		return append(append(dst, make([]byte, max(0, n.size-len(bytes)))...), bytes[max(0, len(bytes)-n.size):]...)
	}
	return codec.AppendBytes(dst, bytes)
}

func (g *sampler) bytes(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, byte(g.r.Uint32()))
	}
	return dst
}

func (g *sampler) word() string { return words[g.r.IntN(len(words))] }

func (g *sampler) text(dst []byte, text string) []byte {
	return append(codec.AppendLong(dst, int64(len(text))), text...)
}

// words are what random text is made of.
var words = [...]string{
	"amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "harbor", "indigo", "juniper", "kestrel", "lagoon", "maple",
	"nectar", "onyx", "pebble", "quartz", "river", "saffron", "tundra", "umber", "violet", "willow", "xenon", "yarrow", "zephyr",
}
