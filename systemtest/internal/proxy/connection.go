package proxy

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// connection is one client's conversation with one broker.
type connection struct {
	client, broker net.Conn
	upstream       string
	faults         *Faults

	mu    sync.Mutex
	asked map[int32]int16 // API key by correlation id, of requests not yet answered
}

// run copies frames both ways until one side ends or a fault ends both.
func (c *connection) run() {
	var both sync.WaitGroup
	both.Go(func() {
		defer c.close()
		c.requests()
	})
	both.Go(func() {
		defer c.close()
		c.answers()
	})
	both.Wait()
}

// requests passes on what the client asks. A request starts with its size, API key, API version and correlation id.
func (c *connection) requests() {
	var head [12]byte
	for {
		if _, err := io.ReadFull(c.client, head[:]); err != nil {
			return
		}
		rest := int64(binary.BigEndian.Uint32(head[:4])) - 8
		if c.faults.silent(c.upstream) {
			if _, err := io.CopyN(io.Discard, c.client, rest); err != nil {
				return
			}
			continue
		}
		c.mu.Lock()
		c.asked[int32(binary.BigEndian.Uint32(head[8:]))] = int16(binary.BigEndian.Uint16(head[4:]))
		c.mu.Unlock()
		to := badLine{c.broker, c.faults}
		if _, err := to.Write(head[:]); err != nil {
			return
		}
		if _, err := io.CopyN(to, c.client, rest); err != nil {
			return
		}
	}
}

// answers passes on what the broker says. An answer starts with its size and the request's correlation id; it is
// taken from the broker whole before a fault may drop it, so the broker has done what it was asked.
func (c *connection) answers() {
	for {
		var size [4]byte
		if _, err := io.ReadFull(c.broker, size[:]); err != nil {
			return
		}
		frame := make([]byte, 4+binary.BigEndian.Uint32(size[:]))
		copy(frame, size[:])
		if _, err := io.ReadFull(c.broker, frame[4:]); err != nil {
			return
		}
		id := int32(binary.BigEndian.Uint32(frame[4:]))
		c.mu.Lock()
		api := c.asked[id]
		delete(c.asked, id)
		c.mu.Unlock()

		delay, cut, swallow := c.faults.onAnswer(api)
		if delay > 0 {
			<-time.After(delay)
		}
		if cut {
			return
		}
		if swallow || c.faults.silent(c.upstream) {
			continue
		}
		if _, err := (badLine{c.client, c.faults}).Write(frame); err != nil {
			return
		}
	}
}

func (c *connection) close() {
	_ = c.client.Close()
	_ = c.broker.Close()
}
