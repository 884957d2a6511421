package progress

import (
	"encoding/binary"
	"math"
	"slices"
)

// maxGone is how many owners a mark names whose ends it counts.
const maxGone = 8

// Gone is the owners whose ends a mark counts as deaths, the latest first, zero where there are no more. Of owners that were not known,
// and of more than fit, only the number is counted.
type Gone [maxGone]uint64

// with returns the list with one owner more, the latest.
func (g Gone) with(owner uint64) Gone {
	if owner != 0 {
		copy(g[1:], g[:])
		g[0] = owner
	}
	return g
}

// withoutOwners is what an older version would have written, for metadata that has no room for more.
func (m Mark) withoutOwners() Mark {
	m.Owner, m.Gone, m.End, m.Charged = 0, Gone{}, 0, false
	return m
}

// Names reports whether the mark names another owner than the one given, so that it matters who lives.
func (m *Mark) Names(self uint64) bool {
	stranger := func(owner uint64) bool { return owner != 0 && owner != self }
	return m.Working && stranger(m.Owner) || slices.ContainsFunc(m.Gone[:], stranger)
}

// Spare takes back what a note counts as deaths of owners that live. An owner that lives and has left its mark behind has lost the
// partition, which is no death: what it had in hand is under no more suspicion than before.
func (n *Note) Spare(lives func(owner uint64) bool) {
	m := &n.Mark
	if m.Working && m.Owner != 0 && lives(m.Owner) {
		m.Working, m.Owner, m.Reach, m.Alone = false, 0, max(m.Reach, m.End), m.Charged
	}
	gone := Gone{}
	for i, owner := range slices.Backward(m.Gone[:]) {
		switch {
		case owner == 0:
		case !lives(owner):
			gone = gone.with(owner)
		default:
			m.Deaths = max(0, m.Deaths-1)
			if i == 0 { // whether the event was alone at the death before that is not known
				m.Charged, m.Alone = false, m.Alone && m.Working
			}
		}
	}
	m.Gone = gone
	if !m.Working {
		m.End, m.Charged = 0, false
		if m.Deaths == 0 {
			*m = Mark{}
		}
	}
}

// Tags of the fields that may follow a mark, see the package's documentation.
const (
	tagOwner = iota + 1
	tagGone
	tagEnd
	tagCharged
)

// appendFields writes what the mark says of owners, nothing when it names none.
func (m *Mark) appendFields(dst []byte) []byte {
	field := func(tag, size int) { dst = append(dst, byte(tag), byte(size)) } //nolint:gosec // at most 8*maxGone
	if m.Owner != 0 {
		field(tagOwner, 8)
		dst = binary.BigEndian.AppendUint64(dst, m.Owner)
	}
	if n := m.Gone.len(); n > 0 {
		field(tagGone, 8*n)
		for _, owner := range m.Gone[:n] {
			dst = binary.BigEndian.AppendUint64(dst, owner)
		}
	}
	if m.End > m.Reach {
		number := binary.AppendUvarint(nil, uint64(m.End-m.Reach)) //nolint:gosec // above zero
		field(tagEnd, len(number))
		dst = append(dst, number...)
	}
	if m.Charged {
		field(tagCharged, 0)
	}
	return dst
}

// readFields takes what is known of the fields, and passes over the rest: a newer version may say more.
func (m *Mark) readFields(fields []byte) {
	for len(fields) >= 2 && int(fields[1]) <= len(fields)-2 {
		tag, value := fields[0], fields[2:][:fields[1]]
		fields = fields[2+len(value):]
		switch {
		case tag == tagOwner && len(value) == 8:
			m.Owner = binary.BigEndian.Uint64(value)
		case tag == tagGone:
			for i := 0; i < maxGone && len(value) >= 8; i++ {
				m.Gone[i], value = binary.BigEndian.Uint64(value), value[8:]
			}
		case tag == tagEnd:
			if more, _, ok := uvarint(value); ok && more <= math.MaxInt64-m.Reach {
				m.End = m.Reach + more
			}
		case tag == tagCharged:
			m.Charged = true
		}
	}
}

func (g *Gone) len() int {
	if n := slices.Index(g[:], 0); n >= 0 {
		return n
	}
	return maxGone
}
