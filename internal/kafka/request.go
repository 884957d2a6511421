package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kmsgMessage is a message that kmsg encodes and decodes.
type kmsgMessage struct {
	req     kmsg.Request
	resp    kmsg.Response
	scratch []byte
}

func (m *kmsgMessage) key() int16 { return m.req.Key() }

func (m *kmsgMessage) newest() int16 {
	if m.key() == int16(kmsg.Fetch) {
		return fetchByID - 1 // it closes sessions; records come by fetchMessage
	}
	return m.req.MaxVersion()
}

func (m *kmsgMessage) frame(version int16, correlation int32, clientID string) (net.Buffers, error) {
	m.req.SetVersion(version)
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID))
	m.scratch = formatter.AppendRequest(m.scratch[:0], m.req, correlation)
	return net.Buffers{m.scratch}, nil
}

func (m *kmsgMessage) flexible(version int16) bool {
	m.resp = m.req.ResponseKind()
	m.resp.SetVersion(version)
	// ApiVersions answers never carry header tags, so that any client can read the refusal of a version.
	return m.resp.IsFlexible() && m.resp.Key() != int16(kmsg.ApiVersions)
}

func (m *kmsgMessage) buffer() (*[]byte, int, int) { return nil, 0, answerLimit(kmsg.Key(m.key())) }

// answerLimit caps an answer by its kind: those that hold no list, or one of what was asked for, stay small.
func answerLimit(key kmsg.Key) int {
	switch key {
	case kmsg.Heartbeat, kmsg.FindCoordinator, kmsg.InitProducerID, kmsg.LeaveGroup, kmsg.EndTxn:
		return maxSmall
	}
	return maxResponse
}

func (m *kmsgMessage) parse(_ int16, body []byte) error {
	return decode(m.resp, body)
}

// maxExpired bounds how many connections with an ended SASL session one request clears away.
const maxExpired = 100

// maxPooled keeps an exceptional request from staying in memory.
const maxPooled = 1 << 20

// roundTrip performs one kmsg exchange. wait is how long the broker may hold the answer back, beyond any TimeoutMillis
// in the request.
func (c *Client) roundTrip(ctx context.Context, node int32, req kmsg.Request, wait time.Duration) (kmsg.Response, error) {
	if t, ok := req.(kmsg.TimeoutRequest); ok {
		wait += time.Duration(max(t.Timeout(), 0)) * time.Millisecond
	}
	scratch := c.scratch.Get().(*[]byte)
	m := &kmsgMessage{req: req, scratch: *scratch}
	err := c.send(ctx, node, m, wait)
	if cap(m.scratch) <= maxPooled {
		*scratch = m.scratch
		c.scratch.Put(scratch)
	}
	if err != nil {
		return nil, err
	}
	return m.resp, nil
}

// send performs one exchange with a node, or with the first of all brokers that answers.
func (c *Client) send(ctx context.Context, node int32, m message, wait time.Duration) error {
	if node != AnyNode {
		addr, err := c.metadata.address(ctx, node)
		if err != nil {
			return c.connError(ctx, m, node, "", false, err)
		}
		return c.sendTo(ctx, Broker{Node: node, Addr: addr}, m, wait+c.options.requestTimeout, c.options.dialTimeout)
	}
	candidates := c.candidates()
	var errs []error
	for i, b := range candidates {
		limit, connect := wait+c.options.requestTimeout, c.options.dialTimeout
		if left := len(candidates) - i; left > 1 {
			limit, connect = min(limit, wait+c.options.patience), min(connect, c.options.patience)
			if deadline, ok := ctx.Deadline(); ok {
				share := time.Until(deadline) / time.Duration(left)
				limit, connect = min(limit, max(share, time.Second)), min(connect, max(share, time.Second))
			}
		}
		err := c.sendTo(ctx, b, m, limit, connect)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil || c.ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// sendTo performs one exchange with one address. limit bounds all of it, connect the wait for a connection.
func (c *Client) sendTo(ctx context.Context, to Broker, m message, limit, connect time.Duration) error {
	b, err := c.broker(to.Addr)
	if err != nil {
		return err
	}
	for turn := 0; ; turn++ {
		ran, sent, err := c.attempt(ctx, b, to.Node, m, limit, connect)
		if errors.Is(err, errExpired) && turn < maxExpired {
			continue // each turn closes one connection whose time is over, and the last one opens a fresh one
		}
		if ran && !sent && errors.Is(err, net.ErrClosed) && turn < maxExpired {
			continue // another exchange had the idle connections closed when this one had just been given one of them
		}
		if err == nil {
			b.failed.Store(0)
			return nil
		}
		if c.ctx.Err() != nil {
			return ErrClosed
		}
		var version *VersionError
		var auth *AuthError
		switch {
		case errors.As(err, &version):
			return err
		case errors.As(err, &auth):
			b.failed.Store(time.Now().UnixNano())
			return err
		}
		if ctx.Err() == nil {
			b.failed.Store(time.Now().UnixNano())
			c.metadata.lost(to.Node)
		}
		if ran && sent && broken(err) {
			// The broker has probably gone away, and with it every idle connection: the next attempt shall not trip
			// over each of them in turn.
			b.transport.CloseIdleConnections()
		}
		return c.connError(ctx, m, to.Node, to.Addr, sent, err)
	}
}

// attempt lends the exchange to the Transport and waits until it is over.
func (c *Client) attempt(parent context.Context, b *broker, node int32, m message, limit, connect time.Duration) (ran, sent bool, err error) {
	if err := parent.Err(); err != nil {
		return false, false, context.Cause(parent)
	}
	deadline, late := time.Now().Add(limit), error(noAnswerError(limit))
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	if end, ok := parent.Deadline(); ok && end.Before(deadline) {
		deadline, late = end, context.DeadlineExceeded
	} else {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline, late)
		defer cancel()
	}
	defer context.AfterFunc(c.ctx, func() { stop(ErrClosed) })() //nolint:contextcheck // Close ends every call

	e := &exchange{client: c, node: node, message: m, deadline: deadline, done: make(chan struct{})}
	if f, ok := m.(*fetchMessage); ok {
		e.patience = f.req.MaxWait + fetchGrace
	}
	timer := time.AfterFunc(connect, func() {
		if e.giveUp() {
			stop(fmt.Errorf("no connection within %v: %w", connect, os.ErrDeadlineExceeded))
		}
	})
	_, failure := b.transport.RoundTrip(ctx, b.addr, e)
	timer.Stop()

	ran, sent, err = e.result()
	switch {
	case ran && err == nil:
		return true, sent, nil
	case ctx.Err() != nil:
		return ran, sent, context.Cause(ctx)
	case ran && errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(deadline):
		return ran, sent, noAnswerError(e.patience)
	case ran && errors.Is(err, os.ErrDeadlineExceeded):
		return ran, sent, late
	case ran:
		return ran, sent, err
	case failure == nil:
		return false, false, errors.New("exchange did not take place")
	default:
		return false, false, failure
	}
}

// noAnswerError says that an exchange took longer than it may. Every exchange has one at hand, so it is put into words only when asked.
type noAnswerError time.Duration

func (e noAnswerError) Error() string {
	return fmt.Sprintf("no answer within %v: %v", time.Duration(e).Round(time.Millisecond), os.ErrDeadlineExceeded)
}
func (noAnswerError) Unwrap() error { return os.ErrDeadlineExceeded }

func (c *Client) connError(ctx context.Context, m message, node int32, addr string, sent bool, err error) error {
	if c.ctx.Err() != nil {
		return ErrClosed
	}
	if parent := ctx.Err(); parent != nil && !errors.Is(err, parent) {
		err = fmt.Errorf("%w: %w", parent, err)
	}
	return &ConnError{Request: requestName(m.key()), Node: node, Addr: addr, Sent: sent, Err: err}
}

// broken reports that the connection itself failed, as opposed to an answer that did not come in time.
func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
