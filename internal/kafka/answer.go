package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxDecoded caps the memory a decoded answer takes. The answers of real clusters take three to four times their
// bytes; what a hostile one could ask for is a hundred times as much.
const maxDecoded = 4 * maxResponse

var (
	errCut       = errors.New("body is cut short, or counts more than it holds")
	errDecoded   = fmt.Errorf("body would take more than %d MiB of memory when decoded", maxDecoded>>20)
	errUnchecked = errors.New("no answer of this kind is expected")
)

// decode is the only way from bytes of the network to kmsg's decoder. That one allocates by an array's length as long
// as each element has one byte left, and counts tagged fields down from a number of four bytes, whatever is left. So
// the answer is walked first, by the schema of its kind and version.
func decode(resp kmsg.Response, body []byte) error {
	if err := checkAnswer(resp, body); err != nil {
		return err
	}
	if err := resp.ReadFrom(body); err != nil {
		return fmt.Errorf("body does not parse: %w", err)
	}
	return nil
}

// checkAnswer reports why a body is not safe to decode. It allocates nothing for one that is.
func checkAnswer(resp kmsg.Response, body []byte) error {
	a := answer{wireReader: wireReader{src: body}, version: resp.GetVersion(), compact: resp.IsFlexible()}
	if !a.walk(kmsg.Key(resp.Key())) {
		return errUnchecked
	}
	switch {
	case a.bad:
		return errCut
	case a.memory > maxDecoded:
		return errDecoded
	}
	return nil
}

// answer is the walk over an answer's body. Its methods go past one field each.
type answer struct {
	wireReader
	version int16
	compact bool // the answer is of a flexible version (KIP-482)
	memory  int  // what has been seen takes this much memory when decoded, about
}

// skip goes past fields of fixed size.
func (a *answer) skip(n int) { a.take(n) }

// since goes past a field of fixed size that came with a version.
func (a *answer) since(version int16, n int) {
	if a.version >= version {
		a.take(n)
	}
}

// text goes past a string, which may be null.
func (a *answer) text() { a.memory += 32 + len(a.string(a.compact)) }

func (a *answer) texts(n int) {
	for range n {
		a.text()
	}
}

// numbers goes past an array of integers.
func (a *answer) numbers(size int) {
	n := max(a.length(a.compact), 0)
	a.memory += len(a.take(n * size))
}

// tags goes past tagged fields. known, if not nil, goes past the content of one.
func (a *answer) tags(known func(tag uint32)) {
	if !a.compact {
		return
	}
	n := a.uvarint()
	if n > 0 {
		a.memory += 400 // a map
	}
	for ; n > 0 && !a.bad; n-- {
		a.memory += 100
		tag, size := a.uvarint(), a.uvarint()
		field := a.take(int(size))
		if known == nil || a.bad {
			continue
		}
		rest := a.src
		a.src = field
		if known(tag); !a.bad {
			a.src = rest
		}
	}
}

// array goes past an array of T, tagged fields of each included. item goes past the other fields.
func array[T any](a *answer, item func()) {
	tagged(a, func() { item(); a.tags(nil) }, sizeOf[T]())
}

// tagged goes past an array whose items end with tagged fields that are known.
func tagged(a *answer, item func(), size int) {
	for n := a.length(a.compact); n > 0 && !a.bad && a.memory <= maxDecoded; n-- {
		a.memory += size
		item()
	}
}
