package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// maxHandshake caps answers before authentication.
	maxHandshake = 1 << 20
	// maxResponse caps every answer but a fetch. Parsed messages are many times larger than their bytes.
	maxResponse = 16 << 20
	// maxSmall caps answers that hold a few numbers and an error's text, see answerLimit.
	maxSmall = 64 << 10
	// trustedFrame is what is allocated on a peer's bare word; beyond it memory grows only as bytes arrive.
	trustedFrame = 1 << 20
)

// frameReader reads one length-prefixed answer.
type frameReader struct {
	request string
	addr    string
	limit   int
	trusted int // allocate this much at once
}

// read returns the frame without its length. Given a buffer it reads into that, and leaves in it what it had to
// allocate.
func (f frameReader) read(r io.Reader, into *[]byte) ([]byte, error) {
	var prefix [4]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	size := int32(binary.BigEndian.Uint32(prefix[:]))
	if size < 4 || int(size) > f.limit {
		return nil, f.refuse(prefix[:], size)
	}
	n := int(size)
	if into == nil {
		into = new([]byte)
	}
	if cap(*into) >= n {
		_, err := io.ReadFull(r, (*into)[:n])
		return (*into)[:n], unexpected(err)
	}
	buf := make([]byte, min(n, max(trustedFrame, f.trusted)))
	for read := 0; ; {
		if _, err := io.ReadFull(r, buf[read:]); err != nil {
			return nil, unexpected(err)
		}
		if read = len(buf); read == n {
			*into = buf
			return buf, nil
		}
		grown := make([]byte, min(n, 2*read))
		copy(grown, buf)
		buf = grown
	}
}

func (f frameReader) refuse(prefix []byte, size int32) error {
	frame := &FrameError{Request: f.request, Addr: f.addr}
	switch {
	case bytes.Equal(prefix, []byte("HTTP")):
		frame.Reason, frame.NotKafka = "it answers in HTTP: this is a web server's port, not Kafka's", true
	case prefix[0] == 0x15 && prefix[1] == 0x03:
		frame.Reason, frame.NotKafka = "it answers with a TLS alert: the port wants TLS, switch it on (KAFKA_TLS_ENABLED=true)", true
	case size < 4:
		frame.Reason = fmt.Sprintf("answer of %d bytes is too short to be one", size)
	default:
		frame.Reason = fmt.Sprintf("answer of %d bytes is over the limit of %d: not a Kafka port, or the limit is too low", size, f.limit)
	}
	return frame
}

// unexpected tells an end within an answer from an end before it.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// payload checks the response header and returns what follows it.
func (f frameReader) payload(frame []byte, correlation int32, flexible bool) ([]byte, error) {
	r := wireReader{src: frame}
	if got := r.int32(); got != correlation {
		reason := fmt.Sprintf("it answers request %d when %d was asked", got, correlation)
		return nil, &FrameError{Request: f.request, Addr: f.addr, Reason: reason}
	}
	if flexible {
		r.skipTags()
	}
	if r.bad {
		return nil, &FrameError{Request: f.request, Addr: f.addr, Reason: "response header is cut short"}
	}
	return r.src, nil
}
