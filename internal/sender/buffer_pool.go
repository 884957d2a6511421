package sender

// bufferPool keep the buffers of released batches for those to come: the one released last is taken first, since more of it is in the
// processor's cache. What they keep and what is in use stay within the sender's budget together: a new buffer takes the room of
// those kept. The memory's lock guards them.
type bufferPool struct {
	kept    int // bytes of all of them
	classes [classes]bufferClass
}

// bufferClass keeps buffers of one class.
type bufferClass struct {
	buffers [][]byte
	unused  int // buffers that nobody has asked for since the last tidy
}

// take returns a buffer of the class, nil when none is kept.
func (s *bufferPool) take(class int) []byte {
	from := &s.classes[class]
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
func (s *bufferPool) put(class int, b []byte) {
	s.classes[class].buffers = append(s.classes[class].buffers, b[:0])
	s.kept += cap(b)
}

// shrink lets buffers go until no more than most bytes are kept, the largest first.
func (s *bufferPool) shrink(most int) {
	for class := classes - 1; class >= 0; class-- {
		for s.kept > most && s.take(class) != nil {
		}
	}
}

// tidy lets go what nobody has asked for since the last time.
func (s *bufferPool) tidy() {
	for i := range s.classes {
		of := &s.classes[i]
		for _, b := range of.buffers[:of.unused] {
			s.kept -= cap(b)
		}
		left := copy(of.buffers, of.buffers[of.unused:])
		clear(of.buffers[left:])
		of.buffers, of.unused = of.buffers[:left], left
	}
}
