package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// lineWriter buffers lines so that a large topic does not cost a system call per event, and passes them on after a
// moment so that a slow one is seen as it comes.
type lineWriter struct {
	mu    sync.Mutex
	buf   *bufio.Writer
	timer *time.Timer
	err   error
}

const flushAfter = 50 * time.Millisecond

func newLineWriter(w io.Writer) *lineWriter { return &lineWriter{buf: bufio.NewWriterSize(w, 64<<10)} }

func (w *lineWriter) write(line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if _, w.err = w.buf.Write(line); w.err != nil {
		return w.err
	}
	if w.timer == nil && w.buf.Buffered() > 0 {
		w.timer = time.AfterFunc(flushAfter, w.flush)
	}
	return nil
}

func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = nil
	if w.err == nil {
		w.err = w.buf.Flush()
	}
}

// close passes on what is left. The writer below stays open.
func (w *lineWriter) close() error {
	w.mu.Lock()
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	w.flush()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// maxLineBytes bounds one line of input. It is above what a broker takes, so that a large event meets the error that
// tells the limit.
const maxLineBytes = 64 << 20

// line is one line of input that is not blank.
type line struct {
	number int
	text   []byte
	err    error // why there is no such line; the last one
}

// readLines sends r's lines until it ends or ctx does. The reading itself cannot be interrupted: when ctx ends, the
// goroutine stays until r returns.
func readLines(ctx context.Context, r io.Reader) <-chan line {
	lines := make(chan line, 256)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(r)
		scanner.Buffer(make([]byte, 64<<10), maxLineBytes)
		number := 1
		for ; scanner.Scan(); number++ {
			text := bytes.TrimSpace(scanner.Bytes())
			if len(text) == 0 {
				continue
			}
			select {
			case lines <- line{number: number, text: bytes.Clone(text)}:
			case <-ctx.Done():
				return
			}
		}
		err := scanner.Err()
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("longer than %d bytes", maxLineBytes)
		}
		if err != nil {
			select {
			case lines <- line{number: number, err: err}:
			case <-ctx.Done():
			}
		}
	}()
	return lines
}
