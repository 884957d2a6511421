package devserver

import (
	"encoding/binary"
	"fmt"
	"net"
)

// maxFrame bounds a request to the broker, as socket.request.max.bytes does by default. kfake makes room for whatever a request's first
// four bytes say, and "POST" of a web page that tries ports says 1.3 GB.
const maxFrame = 100 << 20

// frameListener accepts connections that end at a request of more than maxFrame bytes.
type frameListener struct{ net.Listener }

func (l frameListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &frameConn{Conn: conn}, nil
}

// frameConn counts requests by their length prefixes while they are read, by one goroutine.
type frameConn struct {
	net.Conn
	size [4]byte
	have int    // bytes of size that were read
	left uint32 // bytes of the request's body that are still to be read
}

func (c *frameConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if c.left > 0 {
			body := min(len(rest), int(c.left))
			c.left -= uint32(body) //nolint:gosec // at most left
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
