package schema

import (
	"fmt"
	"math"
	"strconv"

	"github.com/headrace/headrace/internal/printable"
)

// block reads the head of an array's or map's block: how many items, and where it must end when its size in bytes is given.
func (s *scan) block(least int) (count, end int, err *DataError) {
	n, err := s.long()
	if err != nil || n == 0 {
		return 0, -1, err
	}
	end = -1
	if n < 0 {
		if n == math.MinInt64 {
			return 0, 0, s.fail("its block count is out of range")
		}
		n = -n
		size, err := s.long()
		if err != nil {
			return 0, 0, err
		}
		if size < 0 || size > int64(len(s.src)-s.pos) {
			return 0, 0, s.fail("its block is said to be longer than the data")
		}
		end = s.pos + int(size)
	}
	left := int64(len(s.src) - s.pos)
	if least > 0 && n > left/int64(least) {
		return 0, 0, s.fail(fmt.Sprintf("%d items of at least %d bytes do not fit the %d bytes left", n, least, left))
	}
	if least == 0 {
		if n > int64(maxEmptyItems-s.empty) {
			return 0, 0, s.fail(fmt.Sprintf("more than %d items that take no bytes", maxEmptyItems))
		}
		s.empty += int(n)
	}
	return int(n), end, nil
}

func (s *scan) array(st *step, depth int) *DataError {
	if depth > MaxDepth {
		return s.tooDeep()
	}
	item := 0
	for {
		count, end, err := s.block(int(st.min))
		if err != nil || count == 0 {
			return err
		}
		for range count {
			if err := s.run(st.arg, depth); err != nil {
				return err.within(strconv.Itoa(item))
			}
			item++
		}
		if end >= 0 && s.pos != end {
			return s.fail("its block is not as long as it says")
		}
	}
}

func (s *scan) mapping(st *step, depth int) *DataError {
	if depth > MaxDepth {
		return s.tooDeep()
	}
	keys := keySet{src: s.src}
	for {
		count, end, err := s.block(int(st.min))
		if err != nil || count == 0 {
			return err
		}
		for range count {
			start, stop, err := s.key()
			if err != nil {
				return err
			}
			if !keys.add(start, stop) {
				return s.fail("a key occurs twice").within(printable.Clip(string(s.src[start:stop])))
			}
			if err := s.run(st.arg, depth); err != nil {
				return err.within(printable.Clip(string(s.src[start:stop])))
			}
		}
		if end >= 0 && s.pos != end {
			return s.fail("its block is not as long as it says")
		}
	}
}

func (s *scan) key() (start, stop int, err *DataError) {
	n, err := s.long()
	if err != nil {
		return 0, 0, err
	}
	if n < 0 || n > int64(len(s.src)-s.pos) {
		return 0, 0, s.fail("a key's length is out of range")
	}
	start, stop = s.pos, s.pos+int(n)
	if !validUTF8(s.src[start:stop]) {
		return 0, 0, s.fail("a key is not UTF-8")
	}
	s.pos = stop
	return start, stop, nil
}

// keySet finds a key that occurs twice in a map: the spans of the first keys in place, the rest in a Go map, so that small maps
// cost no allocation.
type keySet struct {
	src   []byte
	spans [16][2]int
	n     int
	more  map[string]struct{}
}

func (k *keySet) add(start, stop int) bool {
	key := k.src[start:stop]
	for _, span := range k.spans[:min(k.n, len(k.spans))] {
		if string(k.src[span[0]:span[1]]) == string(key) {
			return false
		}
	}
	if k.n < len(k.spans) {
		k.spans[k.n] = [2]int{start, stop}
		k.n++
		return true
	}
	if _, twice := k.more[string(key)]; twice {
		return false
	}
	if k.more == nil {
		k.more = map[string]struct{}{}
	}
	k.more[string(key)] = struct{}{}
	return true
}
