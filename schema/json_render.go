package schema

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hamba/avro/v2"
)

// jsonRenderer writes the JSON of a value that the guard has passed, so it does not check again.
type jsonRenderer struct {
	r      *avro.Reader
	dst    []byte
	tagged bool // unions name their branches always
}

func (j *jsonRenderer) text(text string) { j.dst = append(j.dst, text...) }

func (j *jsonRenderer) render(n *node) *DataError {
	if len(j.dst) > maxJSONBytes {
		return &DataError{Offset: -1, Reason: "it is more JSON than the " + strconv.Itoa(maxJSONBytes) + " bytes allowed"}
	}
	switch n.kind {
	case kindRecord:
		j.text("{")
		for i := range n.fields {
			if i > 0 {
				j.text(",")
			}
			j.str(n.fields[i].name)
			j.text(":")
			if err := j.render(n.fields[i].typ); err != nil {
				return err.within(n.fields[i].name)
			}
		}
		j.text("}")
		return nil
	case kindArray:
		return j.items(n, "[", "]")
	case kindMap:
		return j.items(n, "{", "}")
	case kindUnion:
		return j.union(n)
	default:
		j.scalar(n)
		return nil
	}
}

func (j *jsonRenderer) items(n *node, open, closing string) *DataError {
	j.text(open)
	for first := true; ; {
		count, _ := j.r.ReadBlockHeader()
		if count == 0 {
			j.text(closing)
			return nil
		}
		for range count {
			if !first {
				j.text(",")
			}
			first = false
			if n.kind == kindMap {
				j.str(j.r.ReadString())
				j.text(":")
			}
			if err := j.render(n.items); err != nil {
				return err
			}
		}
	}
}

func (j *jsonRenderer) union(n *node) *DataError {
	i := int(j.r.ReadLong())
	branch := n.branches[i]
	if branch.kind == kindNull {
		j.text("null")
		return nil
	}
	start := len(j.dst)
	tag := `{"` + branch.typeName() + `":`
	named := j.tagged || !n.bare(i)
	if named {
		j.text(tag)
	}
	if err := j.render(branch); err != nil {
		return err
	}
	if !named && j.ambiguous(n, branch, start) {
		named, j.dst = true, slices.Insert(j.dst, start, []byte(tag)...)
	}
	if named {
		j.text("}")
	}
	return nil
}

// ambiguous catches what only a value shows: "NaN", and a map whose one key is the name of a branch.
func (j *jsonRenderer) ambiguous(n, branch *node, start int) bool {
	switch branch.kind {
	case kindFloat, kindDouble:
		return j.dst[start] == '"'
	case kindMap:
		// Names need no escapes, so that what has some is none.
		if key, _, ok := bytes.Cut(j.dst[start+1:], []byte{':'}); ok && len(key) > 2 && len(key) <= maxName+2 {
			_, ok = n.named[string(key[1:len(key)-1])]
			return ok
		}
	}
	return false
}

func (j *jsonRenderer) scalar(n *node) {
	switch n.kind {
	case kindNull:
		j.text("null")
	case kindBoolean:
		j.dst = strconv.AppendBool(j.dst, j.r.ReadBool())
	case kindInt:
		j.integer(n, int64(j.r.ReadInt()))
	case kindLong:
		j.integer(n, j.r.ReadLong())
	case kindFloat:
		j.float(float64(j.r.ReadFloat()), 32)
	case kindDouble:
		j.float(j.r.ReadDouble(), 64)
	case kindString:
		j.str(j.r.ReadString())
	case kindEnum:
		j.str(n.symbols[j.r.ReadInt()])
	case kindBytes:
		j.binary(n, j.r.ReadBytes())
	case kindFixed:
		b := make([]byte, n.size)
		j.r.Read(b)
		j.binary(n, b)
	}
}

func (j *jsonRenderer) integer(n *node, v int64) {
	if n.logical.temporal() {
		if text, ok := temporalText(n.logical, v); ok {
			j.str(text)
			return
		}
	}
	j.dst = strconv.AppendInt(j.dst, v, 10)
}

func (j *jsonRenderer) binary(n *node, b []byte) {
	switch n.logical {
	case logicalDecimal:
		j.str(new(big.Rat).SetFrac(fromTwosComplement(b), powerOfTen(n.scale)).FloatString(n.scale))
	case logicalUUID:
		j.str(uuidText([16]byte(b)))
	case logicalDuration:
		j.str(durationText(durationOf(b)))
	default:
		text := make([]byte, 0, 2*len(b))
		for _, c := range b {
			text = utf8.AppendRune(text, rune(c))
		}
		j.str(string(text))
	}
}

func (j *jsonRenderer) float(f float64, bits int) {
	switch {
	case math.IsNaN(f):
		j.text(`"NaN"`)
	case math.IsInf(f, 1):
		j.text(`"Infinity"`)
	case math.IsInf(f, -1):
		j.text(`"-Infinity"`)
	default:
		format := byte('f')
		if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
			format = 'e'
		}
		j.dst = strconv.AppendFloat(j.dst, f, format, -1, bits)
	}
}

// str writes a JSON string. The strings are UTF-8, by the guard or by ourselves, so Marshal has nothing to object to.
func (j *jsonRenderer) str(text string) {
	plain := true
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		j.dst = append(append(append(j.dst, '"'), text...), '"')
		return
	}
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text)
	j.text(strings.TrimSuffix(out.String(), "\n"))
}
