package consumer

// keyTable remembers which task of a key was the last to be handed over. It is a hash table of open addressing whose entries expire by
// themselves: one that points into a block which is no more is as good as none. Keys are known by 64 bits of a seeded hash; two that
// share them are kept in order as if they were one, which nobody can tell. Only the partition's goroutine uses it.
type keyTable struct {
	slots []keySlot
	used  int // slots that are not empty, expired ones among them
}

// keySlot is empty when at is 0.
type keySlot struct {
	key uint64
	at  uint64 // a place, see placeOf, or heldPlace
}

// heldPlace says that the key was held when it was last looked at. Such an entry does not expire.
const heldPlace = 1

// placeOf numbers the tasks of a partition. Blocks count from 1, so that every place is above heldPlace.
func placeOf(seq uint64, index int) uint64 { return seq*blockTasks + uint64(index) } //nolint:gosec // below blockTasks

const minKeySlots = 256

// full reports whether the table must be rebuilt before a key is looked up.
func (k *keyTable) full() bool { return 4*k.used >= 3*len(k.slots) }

// slot returns the entry of a key: an empty one, which the caller fills, if there is none.
func (k *keyTable) slot(key uint64) *keySlot {
	mask := uint64(len(k.slots) - 1) //nolint:gosec // there are slots
	for i := key & mask; ; i = (i + 1) & mask {
		s := &k.slots[i]
		if s.at == 0 {
			k.used++
			s.key = key
			return s
		}
		if s.key == key {
			return s
		}
	}
}

// rebuild leaves out entries whose place is of no use any more, and makes room.
func (k *keyTable) rebuild(live func(keySlot) bool) {
	old := k.slots
	kept := 0
	for _, s := range old {
		if s.at != 0 && live(s) {
			kept++
		}
	}
	size := minKeySlots
	for 3*size < 8*(kept+1) { // at least twice as many until the next time
		size *= 2
	}
	k.slots, k.used = make([]keySlot, size), kept
	mask := uint64(size - 1) //nolint:gosec // at least minKeySlots
	for _, s := range old {
		if s.at == 0 || !live(s) {
			continue
		}
		i := s.key & mask
		for k.slots[i].at != 0 {
			i = (i + 1) & mask
		}
		k.slots[i] = s
	}
}
