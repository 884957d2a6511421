package kafka

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// message is one request and the place for its answer.
type message interface {
	// key is the API key.
	key() int16
	// newest is the newest version in which the message can be sent: what it lacks for a newer one, the caller did not know.
	newest() int16
	// frame returns the pieces of the whole request frame, length included. They are read until the exchange has ended.
	frame(version int16, correlation int32, clientID string) (net.Buffers, error)
	// flexible says whether the response header carries tags at this version (KIP-482).
	flexible(version int16) bool
	// buffer returns where to read the answer into, nil for new memory, how much of it to allocate on the peer's word
	// alone, and how much at all.
	buffer() (buf *[]byte, trusted, limit int)
	// parse reads the answer's body. It may keep views into it.
	parse(version int16, body []byte) error
}

var (
	errAbandoned = errors.New("exchange was given up before it began")
	errExpired   = errors.New("connection's SASL session has ended")
)

// exchange carries one message over a connection that kafka-go's Transport provides: it implements
// protocol.RawExchanger, so the Transport lends the connection and leaves the bytes to us.
//
// kafka-go goes on with an exchange after its caller's context has ended. settle makes the caller wait for that end,
// which it brings about by closing the connection, so that no buffer is ever in use after the call that passed it.
type exchange struct {
	client   *Client
	node     int32 // who is meant, or AnyNode
	message  message
	deadline time.Time
	patience time.Duration // until the first byte of the answer; 0 leaves it to the deadline

	mu    sync.Mutex
	state exchangeState
	conn  *conn
	done  chan struct{} // closed when the exchange ran and ended
	sent  bool
	err   error
}

type exchangeState int

const (
	waiting exchangeState = iota // for a connection
	running
	ended
	abandoned // the caller left while waiting
)

// ApiKey is asked for by kafka-go to look a version up that it then does not use.
func (*exchange) ApiKey() protocol.ApiKey { return protocol.Metadata }

// Required always claims the exchange, see protocol.RawExchanger.
func (*exchange) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange runs the exchange. An error makes kafka-go close the connection; nil keeps it, also when nothing was
// sent.
func (e *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	pc, ok := rw.(*protocol.Conn)
	if !ok {
		return nil, errors.New("kafka-go passed a connection of another type")
	}
	h, ok := pc.LocalAddr().(handle)
	if !ok {
		return nil, errors.New("kafka-go passed a connection that was not dialed here")
	}
	if err := e.begin(h.conn); err != nil {
		if errors.Is(err, errAbandoned) {
			return nil, nil
		}
		return nil, err
	}
	keep, err := e.run(h.conn)
	e.mu.Lock()
	e.state, e.err = ended, err
	e.mu.Unlock()
	close(e.done)
	if keep {
		return nil, nil
	}
	return nil, err
}

// begin claims the connection for this exchange, unless its caller has gone.
func (e *exchange) begin(c *conn) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == abandoned {
		return errAbandoned
	}
	if !c.expires.IsZero() && time.Now().After(c.expires) {
		return errExpired
	}
	if err := e.client.metadata.astray(e.node); err != nil {
		return err
	}
	e.conn, e.state = c, running
	return nil
}

// run reports whether the connection is fit for another exchange.
func (e *exchange) run(c *conn) (keep bool, err error) {
	version, err := c.versions.choose(e.message.key(), c.addr)
	if err != nil {
		return true, err
	}
	version = min(version, e.message.newest())
	correlation := e.client.correlation.Add(1)
	pieces, err := e.message.frame(version, correlation, e.client.cluster.ClientID)
	if err != nil {
		return true, err
	}
	if err := c.SetDeadline(e.deadline); err != nil {
		return false, err
	}
	e.mu.Lock()
	e.sent = true
	e.mu.Unlock()
	if err := c.writeAll(pieces); err != nil {
		return false, err
	}
	if err := e.awaitAnswer(c); err != nil {
		return false, closedHint(err, c)
	}
	buf, trusted, limit := e.message.buffer()
	reader := frameReader{request: requestName(e.message.key()), addr: c.addr, limit: limit, trusted: trusted}
	frame, err := reader.read(c.reader, buf)
	if err != nil {
		return false, closedHint(err, c)
	}
	body, err := reader.payload(frame, correlation, e.message.flexible(version))
	if err != nil {
		return false, err
	}
	if err := e.message.parse(version, body); err != nil {
		return false, &FrameError{Request: reader.request, Addr: c.addr, Reason: err.Error()}
	}
	c.answered.Store(true)
	return true, nil
}

// awaitAnswer waits for the first byte of an answer that has a time of its own for that: the rest may be long, and the line thin.
func (e *exchange) awaitAnswer(c *conn) error {
	first := time.Now().Add(e.patience)
	if e.patience == 0 || first.After(e.deadline) {
		return nil
	}
	if err := c.SetDeadline(first); err != nil {
		return err
	}
	if _, err := c.reader.Peek(1); err != nil {
		return err
	}
	return c.SetDeadline(e.deadline)
}

// result returns what became of the exchange once RoundTrip has returned, for whatever reason. After it no goroutine
// uses the message.
func (e *exchange) result() (ran, sent bool, err error) {
	e.mu.Lock()
	switch e.state {
	case waiting, abandoned:
		e.state = abandoned
		e.mu.Unlock()
		return false, false, nil
	case running:
		e.conn.abort()
	}
	e.mu.Unlock()
	<-e.done
	return true, e.sent, e.err
}

// giveUp abandons an exchange that still waits for a connection, and reports whether it did.
func (e *exchange) giveUp() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == waiting {
		e.state = abandoned
		return true
	}
	return false
}

// closedHint explains a connection that a broker closed instead of answering the first request on it.
func closedHint(err error, c *conn) error {
	if broken(err) && !c.answered.Load() && c.client.sasl == nil {
		return &hintedError{err: err, hint: hintSASL}
	}
	return err
}

const (
	hintSASL      = "a listener that wants SASL closes like this, and none is configured"
	hintTLS       = "a listener that wants TLS closes like this, and none is configured"
	hintPlaintext = "a plaintext listener closes like this when it is greeted in TLS"
	hintPassword  = "some brokers close like this on wrong credentials" //nolint:gosec // not a password
)

// hintedError adds what may be the cause to an error.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string {
	return "connection closed without an answer (" + e.err.Error() + "): " + e.hint
}
func (e *hintedError) Unwrap() error { return e.err }
