// Package sample draws random values of schemas: what `headrace schema sample` prints.
package sample

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"time"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/codec"
)

const (
	// maxDepth is how deep values nest where the schema leaves a choice.
	maxDepth = 6
	// maxWeight bounds a value of a wide schema, about in bytes; beyond it lists stay empty and unions take their smallest branch.
	maxWeight = 128 << 10
)

// Value returns a random value of s as Avro: valid, of moderate size, with short words for strings and the years around now for
// times. The same source gives the same value. A schema that has no finite value, such as a record that contains itself directly, is
// a [*schema.InvalidSchemaError].
func Value(s *schema.Schema, r *rand.Rand) ([]byte, error) {
	root := graph(s)
	g := sampler{r: r, least: leastWeights(root)}
	switch g.planned = g.least.of(root); {
	case g.planned >= endless:
		return nil, &schema.InvalidSchemaError{Reason: s.FullName() + " contains itself with no union, array or map in between: it has no finite value"}
	case g.planned > schema.MaxValueBytes:
		return nil, &schema.InvalidSchemaError{
			Reason: fmt.Sprintf("every value of %s is large: the smallest has about %d parts or bytes, and %d are the limit", s.FullName(), g.planned, schema.MaxValueBytes),
		}
	}
	body := g.value(nil, root, 0)
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

func (g *sampler) value(dst []byte, t *schema.Type, depth int) []byte {
	switch t.Is {
	case "record":
		for i := range t.Fields {
			dst = g.value(dst, t.Fields[i].Type, depth+1)
		}
		return dst
	case "union":
		i := g.branch(t, depth)
		return g.value(codec.AppendLong(dst, int64(i)), t.Branches[i], depth)
	case "array", "map":
		count := g.r.IntN(4)
		for count > 0 && !g.affords(depth, count*(g.least.of(t.Items)+scalarWeight)) {
			count--
		}
		g.planned += count * (g.least.of(t.Items) + scalarWeight)
		dst = codec.AppendBlock(dst, count)
		for i := range count {
			if t.Is == "map" {
				dst = g.text(dst, words[(i+1)*7%len(words)]) // distinct
			}
			dst = g.value(dst, t.Items, depth+1)
		}
		return codec.AppendEnd(dst)
	default:
		return g.scalar(dst, t)
	}
}

// affords reports whether the value may become larger by so much.
func (g *sampler) affords(depth, weight int) bool {
	return depth < maxDepth && weight < endless && g.planned+weight <= maxWeight
}

func (g *sampler) branch(t *schema.Type, depth int) int {
	best := 0
	for i, branch := range t.Branches {
		if g.least.of(branch) < g.least.of(t.Branches[best]) {
			best = i
		}
	}
	least := g.least.of(t.Branches[best])
	for range 8 {
		i := g.r.IntN(len(t.Branches))
		if more := g.least.of(t.Branches[i]) - least; g.affords(depth, more) {
			g.planned += more
			return i
		}
	}
	return best
}

func (g *sampler) scalar(dst []byte, t *schema.Type) []byte {
	if t.Logical != "" {
		return g.logical(dst, t)
	}
	switch t.Is {
	case "boolean":
		return codec.AppendBoolean(dst, g.r.IntN(2) == 1)
	case "int":
		return codec.AppendLong(dst, int64(g.r.IntN(1000)))
	case "long":
		return codec.AppendLong(dst, g.r.Int64N(1_000_000))
	case "float":
		return codec.AppendFloat(dst, float32(g.r.IntN(100_000))/100)
	case "double":
		return codec.AppendDouble(dst, float64(g.r.IntN(100_000))/100)
	case "string":
		text := g.word()
		for range g.r.IntN(3) {
			text += " " + g.word()
		}
		return g.text(dst, text)
	case "bytes":
		return codec.AppendBytes(dst, g.bytes(nil, g.r.IntN(9)))
	case "fixed":
		return g.bytes(dst, t.Size)
	case "enum":
		return codec.AppendLong(dst, int64(g.r.IntN(len(t.Symbols))))
	default:
		return dst // null takes no bytes
	}
}

func (g *sampler) logical(dst []byte, t *schema.Type) []byte {
	const day = 24 * time.Hour
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(g.r.Int64N(int64(10 * 365 * day))))
	switch t.Logical {
	case "decimal":
		return g.decimal(dst, t)
	case "uuid":
		var id [16]byte
		g.bytes(id[:0], len(id))
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4
		if t.Is == "fixed" {
			return append(dst, id[:]...)
		}
		return codec.AppendUUID(dst, codec.UUID(id))
	case "duration":
		for _, limit := range []uint32{24, 30, 86_400_000} {
			dst = binary.LittleEndian.AppendUint32(dst, g.r.Uint32N(limit))
		}
		return dst
	case "date":
		return codec.AppendLong(dst, at.Unix()/int64(day/time.Second))
	case "time-millis":
		return codec.AppendLong(dst, g.r.Int64N(day.Milliseconds()))
	case "time-micros":
		return codec.AppendLong(dst, g.r.Int64N(day.Microseconds()))
	case "timestamp-millis", "local-timestamp-millis":
		return codec.AppendLong(dst, at.UnixMilli())
	case "timestamp-micros", "local-timestamp-micros":
		return codec.AppendLong(dst, at.UnixMicro())
	default: // nanoseconds
		return codec.AppendLong(dst, at.UnixNano())
	}
}

// decimal draws up to six digits: an amount somebody would pay.
func (g *sampler) decimal(dst []byte, t *schema.Type) []byte {
	unscaled := big.NewInt(g.r.Int64N(int64(math.Pow10(min(t.Precision, 6)))))
	bytes := unscaled.Bytes()
	if len(bytes) == 0 || bytes[0] >= 0x80 {
		bytes = append([]byte{0}, bytes...) // two's complement, positive
	}
	if t.Is == "fixed" {
		return append(append(dst, make([]byte, max(0, t.Size-len(bytes)))...), bytes[max(0, len(bytes)-t.Size):]...)
	}
	return codec.AppendBytes(dst, bytes)
}

func (g *sampler) bytes(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, byte(g.r.Uint32()&0xff))
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
