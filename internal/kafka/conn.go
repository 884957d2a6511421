package kafka

import (
	"bufio"
	"net"
	"sync/atomic"
	"time"
)

// conn is a connection that is dialed, encrypted and authenticated.
type conn struct {
	net.Conn          // the TLS connection, or raw
	raw      net.Conn // closing it ends every read and write at once, which closing a TLS connection may not
	client   *Client
	addr     string
	reader   *bufio.Reader // of Conn
	versions apiVersions
	expires  time.Time   // when the SASL session ends (KIP-368); zero means never
	answered atomic.Bool // an exchange has succeeded on it
}

// abort ends whatever is going on on the connection, from any goroutine.
func (c *conn) abort() { _ = c.raw.Close() }

// Close also forgets the connection.
func (c *conn) Close() error {
	c.client.mu.Lock()
	delete(c.client.conns, c)
	c.client.mu.Unlock()
	return c.Conn.Close()
}

// writeAll sends the pieces in order. On TCP they leave in one vectored write without being copied; on TLS small pieces
// are gathered first, since each write would become a record of its own.
func (c *conn) writeAll(pieces net.Buffers) error {
	if c.Conn == c.raw {
		_, err := pieces.WriteTo(c.raw)
		return err
	}
	if len(pieces) == 1 {
		_, err := c.Conn.Write(pieces[0])
		return err
	}
	w := bufio.NewWriterSize(c.Conn, 16<<10)
	for _, piece := range pieces {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return w.Flush()
}
