package batch

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/pierrec/lz4/v4"
)

const (
	lz4Version         = 0x40
	lz4VersionMask     = 0xc0
	lz4Independent     = 0x20
	lz4BlockChecksum   = 0x10
	lz4ContentSize     = 0x08
	lz4ContentChecksum = 0x04
	lz4Dictionary      = 0x01
	lz4Window          = 64 << 10
	// lz4Expansion is the most bytes one byte of a block can become.
	lz4Expansion = 255
)

var errLZ4Frame = errors.New("broken lz4 frame")

// lz4Frame is what the header of a frame says.
type lz4Frame struct {
	linked          bool // blocks refer to the blocks before them
	blockChecksum   bool
	contentChecksum bool
	blockMax        int    // most bytes a block becomes
	size            uint64 // bytes the frame becomes; MaxUint64 when the header does not tell
}

// readLZ4Frame reads the header of a frame and returns what follows it.
func readLZ4Frame(src []byte) (f lz4Frame, rest []byte, err error) {
	if len(src) < len(lz4Header) || binary.LittleEndian.Uint32(src) != lz4Magic {
		return f, nil, errLZ4Frame
	}
	flags, exponent := src[4], src[5]>>4&7
	if flags&lz4VersionMask != lz4Version || flags&lz4Dictionary != 0 || exponent < 4 {
		return f, nil, errLZ4Frame
	}
	f = lz4Frame{
		linked:          flags&lz4Independent == 0,
		blockChecksum:   flags&lz4BlockChecksum != 0,
		contentChecksum: flags&lz4ContentChecksum != 0,
		blockMax:        1 << (8 + 2*exponent),
		size:            math.MaxUint64,
	}
	src = src[6:]
	if flags&lz4ContentSize != 0 {
		if len(src) < 9 {
			return f, nil, errLZ4Frame
		}
		f.size = binary.LittleEndian.Uint64(src)
		src = src[8:]
	}
	return f, src[1:], nil
}

// decompressLZ4 appends the one frame that src holds to dst, no more than limit bytes in all. Checksums in the frame are
// not checked: the batch's covers them.
func decompressLZ4(dst, src []byte, limit int) ([]byte, error) {
	f, src, err := readLZ4Frame(src)
	if err != nil {
		return dst, err
	}
	if f.size != math.MaxUint64 && f.size > uint64(limit) {
		return dst, errOverLimit
	}
	start := len(dst)
	dst = grow(dst, min(4*len(src), limit), limit)
	for {
		block, stored, rest, err := f.cutBlock(src)
		if err != nil {
			return dst, err
		}
		src = rest
		if block == nil {
			break
		}
		if stored {
			dst, err = appendLimited(dst, block, limit)
		} else {
			dst, err = f.appendBlock(dst, block, limit)
		}
		if err != nil {
			return dst, err
		}
	}
	src, err = skipChecksum(src, f.contentChecksum)
	if err != nil || len(src) != 0 || f.size != math.MaxUint64 && f.size != uint64(len(dst)-start) {
		return dst, errLZ4Frame
	}
	return dst, nil
}

// cutBlock splits the first block off src. At the end of the frame the block is nil.
func (f *lz4Frame) cutBlock(src []byte) (block []byte, stored bool, rest []byte, err error) {
	if len(src) < 4 {
		return nil, false, nil, errLZ4Frame
	}
	word := binary.LittleEndian.Uint32(src)
	src = src[4:]
	if word == 0 {
		return nil, false, src, nil
	}
	size := int(word &^ lz4StoredBlock)
	if size > f.blockMax || size > len(src) {
		return nil, false, nil, errLZ4Frame
	}
	rest, err = skipChecksum(src[size:], f.blockChecksum)
	return src[:size], word&lz4StoredBlock != 0, rest, err
}

func skipChecksum(src []byte, present bool) (rest []byte, err error) {
	switch {
	case !present:
		return src, nil
	case len(src) < 4:
		return nil, errLZ4Frame
	default:
		return src[4:], nil
	}
}

func (f *lz4Frame) appendBlock(dst, block []byte, limit int) ([]byte, error) {
	// One byte of room beyond the limit tells a block that ends at the limit from one that goes over it.
	room := min(f.blockMax, len(block)*lz4Expansion, limit+1-len(dst))
	dst = grow(dst, room, limit+1)
	var window []byte
	if f.linked {
		window = dst[max(0, len(dst)-lz4Window):]
	}
	size, err := lz4.UncompressBlockWithDict(block, dst[len(dst):len(dst)+room], window)
	if err != nil {
		if room > limit-len(dst) {
			return dst, errOverLimit
		}
		return dst, err
	}
	dst = dst[:len(dst)+size]
	if len(dst) > limit {
		return dst, errOverLimit
	}
	return dst, nil
}
