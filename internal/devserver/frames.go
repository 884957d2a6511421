package devserver

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
)

// maxFrame bounds a request to the broker, as socket.request.max.bytes does by default. kfake makes room for whatever a request's first
// four bytes say, and "POST" of a web page that tries ports says 1.3 GB.
const maxFrame = 100 << 20

// maxMembership bounds the requests of group members that are looked into.
const maxMembership = 1 << 20

// frameListener accepts connections that end at a request of more than maxFrame bytes, and that tell of group members.
type frameListener struct {
	net.Listener
	sessions *sessions
}

func (l frameListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &frameConn{Conn: conn, sessions: l.sessions}, nil
}

// frameConn counts requests by their length prefixes while they are read, by one goroutine.
type frameConn struct {
	net.Conn
	size [4]byte
	have int    // bytes of size that were read
	left uint32 // bytes of the request's body that are still to be read

	sessions *sessions
	request  []byte // the API key, and the rest of a request that concerns sessions
	wanted   bool
	close    sync.Once
}

// Close also begins the session timeouts of the members that were last seen here.
func (c *frameConn) Close() error {
	c.close.Do(func() { c.sessions.closed(c) })
	return c.Conn.Close()
}

// keep takes up a part of a request.
func (c *frameConn) keep(part []byte) {
	if missing := 2 - len(c.request); missing > 0 {
		n := min(missing, len(part))
		c.request, part = append(c.request, part[:n]...), part[n:]
		if n == missing {
			c.wanted = binary.BigEndian.Uint32(c.size[:]) <= maxMembership && c.sessions.concerns(int16(binary.BigEndian.Uint16(c.request))) //nolint:gosec // as on the wire
		}
	}
	if c.wanted {
		c.request = append(c.request, part...)
	}
	if c.left > 0 {
		return
	}
	if c.wanted {
		c.sessions.request(c, c.request)
	}
	c.request, c.wanted = c.request[:0], false
}

func (c *frameConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if c.left > 0 {
			body := min(len(rest), int(c.left))
			c.left -= uint32(body) //nolint:gosec // at most left
			c.keep(rest[:body])
			rest = rest[body:]
			continue
		}
		taken := copy(c.size[c.have:], rest)
		c.have += taken
		rest = rest[taken:]
		if c.have < len(c.size) {
			continue
		}
		c.have, c.left = 0, binary.BigEndian.Uint32(c.size[:])
		if c.left > maxFrame {
			_ = c.Close()
			return 0, fmt.Errorf("a request of %d bytes", c.left)
		}
	}
	return n, err
}
