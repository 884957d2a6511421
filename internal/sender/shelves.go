package sender

// shelves keep the buffers of released batches for those to come: the one released last is taken first, since more of it is in the
// processor's cache. What they keep and what is in use stay within the sender's budget together: a new buffer takes the room of
// those kept. The memory's lock guards them.
type shelves struct {
	kept  int // bytes of all of them
	shelf [classes]shelf
}

// shelf keeps buffers of one class.
type shelf struct {
	buffers [][]byte
	unused  int // buffers that nobody has asked for since the last tidy
}

// take returns a buffer of the class, nil when none is kept.
func (s *shelves) take(class int) []byte {
	from := &s.shelf[class]
	last := len(from.buffers) - 1
	if last < 0 {
		return nil
	}
	b := from.buffers[last]
	from.buffers[last] = nil
	from.buffers = from.buffers[:last]
	from.unused = min(from.unused, last)
	s.kept -= cap(b)
	return b
}

// put keeps a buffer.
func (s *shelves) put(class int, b []byte) {
	s.shelf[class].buffers = append(s.shelf[class].buffers, b[:0])
	s.kept += cap(b)
}

// shrink lets buffers go until no more than most bytes are kept, the largest first.
func (s *shelves) shrink(most int) {
	for class := classes - 1; class >= 0; class-- {
		for s.kept > most && s.take(class) != nil {
		}
	}
}

// tidy lets go what nobody has asked for since the last time.
func (s *shelves) tidy() {
	for i := range s.shelf {
		of := &s.shelf[i]
		for _, b := range of.buffers[:of.unused] {
			s.kept -= cap(b)
		}
		left := copy(of.buffers, of.buffers[of.unused:])
		clear(of.buffers[left:])
		of.buffers, of.unused = of.buffers[:left], left
	}
}
