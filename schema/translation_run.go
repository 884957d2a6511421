package schema

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/headrace/headrace/internal/printable"
)

// translating is one run of a translation over one value.
type translating struct {
	scan
	t     *translation
	dst   []byte
	spans [][2]int // where parts were written, of the records that are open
}

// append appends the translation of body to dst. The error is that of a guard, or says what the reader's schema has no place for.
func (t *translation) append(dst, body []byte, run *translating) ([]byte, *DataError) {
	if len(body) > MaxValueBytes {
		return dst, &DataError{Reason: fmt.Sprintf("%d bytes are more than the %d allowed", len(body), MaxValueBytes)}
	}
	run.scan = scan{guard: t.guard, src: body}
	run.t, run.dst, run.spans = t, dst, run.spans[:0]
	err := run.move(t.entry, 0)
	if err == nil && run.pos != len(body) {
		err = run.fail(fmt.Sprintf("%d bytes follow the value", len(body)-run.pos))
	}
	dst, run.dst, run.src = run.dst, nil, nil
	return dst, err
}

func (x *translating) move(at int32, depth int) *DataError {
	m := &x.t.moves[at]
	switch m.code {
	case moveCopy, moveCheck:
		return x.copy(m.proc, depth)
	case moveRecord:
		return x.record(m, depth)
	case moveArray:
		return x.items(m, depth+1, false)
	case moveMap:
		return x.items(m, depth+1, true)
	case moveBranches:
		branch, err := x.long()
		if err == nil && (branch < 0 || branch >= int64(len(m.table))) {
			err = x.fail(fmt.Sprintf("branch %d of a union that has %d", branch, len(m.table)))
		}
		if err != nil {
			return err
		}
		return x.move(m.table[branch], depth)
	case moveInto:
		x.dst = binary.AppendVarint(x.dst, int64(m.index))
		return x.move(m.target, depth)
	case moveFail:
		return x.fail(m.reason)
	default:
		return x.number(m, depth)
	}
}

// copy has the guard check what is copied.
func (x *translating) copy(procedure int32, depth int) *DataError {
	start := x.pos
	if err := x.run(procedure, depth); err != nil {
		return err
	}
	return x.write(x.src[start:x.pos])
}

// write bounds what is written: an item of one byte may become a record full of defaults.
func (x *translating) write(b []byte) *DataError {
	if len(b) > MaxValueBytes-len(x.dst) {
		return x.fail(fmt.Sprintf("as the reader's schema it takes more than the %d bytes allowed", MaxValueBytes))
	}
	x.dst = append(x.dst, b...)
	return nil
}

func (x *translating) number(m *move, depth int) *DataError {
	start := x.pos
	switch m.code {
	case moveWiden:
		if len(x.src)-x.pos < 4 {
			return x.fail(reasonTruncated)
		}
		f := math.Float32frombits(binary.LittleEndian.Uint32(x.src[x.pos:]))
		x.pos += 4
		x.dst = binary.LittleEndian.AppendUint64(x.dst, math.Float64bits(float64(f)))
		return nil
	case moveEnum:
		symbol, err := x.long()
		if err == nil && (symbol < 0 || symbol >= int64(len(m.table))) {
			err = x.fail(fmt.Sprintf("symbol %d of an enum that has %d", symbol, len(m.table)))
		}
		if err == nil && m.table[symbol] < 0 {
			err = x.fail(fmt.Sprintf("the writer's symbol %d is not in the reader's enum %s, which has no default", symbol, m.name))
		}
		if err == nil {
			x.dst = binary.AppendVarint(x.dst, int64(m.table[symbol]))
		}
		return err
	}
	// The guard tells an int that is too long from a long.
	if err := x.run(m.proc, depth); err != nil {
		return err
	}
	v, _ := binary.Varint(x.src[start:x.pos])
	if m.code == moveFloat {
		x.dst = binary.LittleEndian.AppendUint32(x.dst, math.Float32bits(float32(v)))
	} else {
		x.dst = binary.LittleEndian.AppendUint64(x.dst, math.Float64bits(float64(v)))
	}
	return nil
}

func (x *translating) record(m *move, depth int) *DataError {
	if depth++; depth > MaxDepth {
		return x.tooDeep()
	}
	base, open := len(x.dst), len(x.spans)
	for i := range m.parts {
		p := &m.parts[i]
		start := len(x.dst)
		var err *DataError
		switch p.code {
		case partCopy:
			err = x.copy(p.proc, depth)
		case partSkip:
			err = x.run(p.proc, depth)
		case partMove:
			err = x.move(p.target, depth)
		case partDefault:
			err = x.write(p.bytes)
		}
		if err != nil {
			return err.within(p.name)
		}
		if m.order != nil {
			x.spans = append(x.spans, [2]int{start, len(x.dst)})
		}
	}
	if m.order == nil {
		return nil
	}
	// What is out of the reader's order is written once more behind itself, in order, and moved down.
	end := len(x.dst)
	for _, at := range m.order {
		span := x.spans[open+int(at)]
		x.dst = append(x.dst, x.dst[span[0]:span[1]]...)
	}
	x.spans = x.spans[:open]
	x.dst = x.dst[:base+copy(x.dst[base:], x.dst[end:])]
	return nil
}

func (x *translating) items(m *move, depth int, keyed bool) *DataError {
	if depth > MaxDepth {
		return x.tooDeep()
	}
	keys := keySet{src: x.src}
	item := 0
	for {
		count, end, err := x.block(int(m.least))
		if err != nil {
			return err
		}
		x.dst = binary.AppendVarint(x.dst, int64(count))
		if count == 0 {
			return nil
		}
		for range count {
			start, stop := 0, 0
			if keyed {
				if start, stop, err = x.entry(&keys); err != nil {
					return err
				}
			}
			if err := x.move(m.target, depth); err != nil {
				if keyed {
					return err.within(printable.Clip(string(x.src[start:stop])))
				}
				return err.within(strconv.Itoa(item))
			}
			if len(x.dst) > MaxValueBytes {
				return x.write(nil)
			}
			item++
		}
		if end >= 0 && x.pos != end {
			return x.fail("its block is not as long as it says")
		}
	}
}

// entry copies a map's key and returns where it is.
func (x *translating) entry(keys *keySet) (start, stop int, err *DataError) {
	from := x.pos
	start, stop, err = x.key()
	if err != nil {
		return 0, 0, err
	}
	if !keys.add(start, stop) {
		return 0, 0, x.fail("a key occurs twice").within(printable.Clip(string(x.src[start:stop])))
	}
	return start, stop, x.write(x.src[from:stop])
}
