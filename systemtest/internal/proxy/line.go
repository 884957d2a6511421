package proxy

import (
	"io"
	"math/rand/v2"
	"time"
)

// badLine writes as slowly, and in as small pieces, as the faults' line allows at the time.
type badLine struct {
	to     io.Writer
	faults *Faults
}

func (l badLine) Write(p []byte) (written int, err error) {
	for written < len(p) {
		line, piece := l.faults.line(), p[written:]
		if line.Slice > 0 {
			piece = piece[:min(len(piece), 1+rand.IntN(line.Slice))]
		}
		if line.Rate > 0 {
			// A tenth of a second's worth at a time, so that a line that gets better does so at once.
			piece = piece[:min(len(piece), max(1, line.Rate/10))]
			<-time.After(time.Duration(len(piece)) * time.Second / time.Duration(line.Rate))
		}
		n, err := l.to.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
