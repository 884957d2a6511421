package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// pooled is a connection as kafka-go's Transport holds it. The Transport sends requests of its own, ApiVersions for
// each new connection and Metadata from time to time, and needs neither answer. Its decoder allocates what an array's
// length claims, and the process dies of a hostile one. So nothing that it writes reaches the network, and nothing
// that it reads comes from there: both requests are answered here. The exchanges go past it, by way of conn.
type pooled struct {
	conn    *conn
	request []byte // what has been written of a request
	answer  []byte // what has not been read of an answer
}

// handle passes the conn through protocol.Conn, which shows LocalAddr and hides the connection.
type handle struct {
	net.Addr
	conn *conn
}

func (p *pooled) LocalAddr() net.Addr  { return handle{Addr: p.conn.Conn.LocalAddr(), conn: p.conn} }
func (p *pooled) RemoteAddr() net.Addr { return p.conn.Conn.RemoteAddr() }
func (p *pooled) Close() error         { return p.conn.Close() }

// Deadlines are for the network, and each exchange sets its own.
func (p *pooled) SetDeadline(time.Time) error      { return nil }
func (p *pooled) SetReadDeadline(time.Time) error  { return nil }
func (p *pooled) SetWriteDeadline(time.Time) error { return nil }

// maxPooledRequest is far more than the two requests take.
const maxPooledRequest = 64 << 10

// Write takes a piece of a request, and answers the request when it is whole.
func (p *pooled) Write(b []byte) (int, error) {
	if len(p.request)+len(b) > maxPooledRequest {
		return 0, errors.New("kafka-go sends a large request of its own")
	}
	p.request = append(p.request, b...)
	r := wireReader{src: p.request}
	if size := int(r.int32()); r.bad || len(r.src) < size {
		return len(b), nil
	}
	key, _, correlation := r.int16(), r.int16(), r.int32()
	var body []byte
	switch kmsg.Key(key) {
	case kmsg.ApiVersions:
		// No error, and one API: Metadata, of version 0 only.
		body = append(make([]byte, 2), 0, 0, 0, 1, 0, byte(kmsg.Metadata), 0, 0, 0, 0)
	case kmsg.Metadata:
		body = make([]byte, 8) // no brokers, no topics
	default:
		return 0, fmt.Errorf("kafka-go sends %s of its own", requestName(key))
	}
	p.request = p.request[:0]
	p.answer = binary.BigEndian.AppendUint32(p.answer, uint32(4+len(body)))
	p.answer = binary.BigEndian.AppendUint32(p.answer, uint32(correlation))
	p.answer = append(p.answer, body...)
	return len(b), nil
}

// Read gives what is left of the answers.
func (p *pooled) Read(b []byte) (int, error) {
	if len(p.answer) == 0 {
		return 0, errors.New("kafka-go reads more than it has asked for")
	}
	n := copy(b, p.answer)
	p.answer = p.answer[n:]
	return n, nil
}
