package kafka

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// dial makes a connection ready for use: TCP, TLS, API versions, SASL. kafka-go would do TLS and SASL itself, but
// without a deadline in the SASL phase and without telling a refused password from a lost connection.
func (c *Client) dial(ctx context.Context, network, addr string) (*conn, error) {
	limit := c.options.dialTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no connection within %v: %w", limit, os.ErrDeadlineExceeded))
	defer cancel()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	raw, err := c.options.dial(ctx, network, addr)
	if err != nil {
		return nil, dialError(host, err)
	}
	conn := &conn{Conn: raw, raw: raw, client: c, addr: addr}
	if !c.adopt(conn) {
		_ = raw.Close()
		return nil, ErrClosed
	}
	// The context's end must end reads and writes too, whatever phase they are in.
	release := context.AfterFunc(ctx, conn.abort)
	err = c.establish(ctx, conn, host)
	if !release() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		conn.abort()
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// dialPooled makes a connection for a Transport.
func (c *Client) dialPooled(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &pooled{conn: conn}, nil
}

// adopt registers a connection for Close, and reports false when that has been called already.
func (c *Client) adopt(conn *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.conns[conn] = struct{}{}
	return true
}

func (c *Client) establish(ctx context.Context, conn *conn, host string) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if c.tls == nil {
		if err := c.refuseExposure(conn, host); err != nil {
			return err
		}
	} else {
		secured := tls.Client(conn.raw, c.tls.config(host))
		if err := secured.HandshakeContext(ctx); err != nil {
			if broken(err) {
				err = &hintedError{err: err, hint: hintPlaintext}
			}
			return tlsError(conn.addr, err)
		}
		conn.Conn = secured
	}
	conn.reader = bufio.NewReader(conn.Conn)
	versions, err := c.negotiate(conn)
	if err != nil {
		return tlsError(conn.addr, err)
	}
	conn.versions = versions
	if c.sasl != nil {
		return c.sasl.authenticate(ctx, conn, host)
	}
	return nil
}

var errExposed = errors.New("refused to send the secret without TLS: switch TLS on (KAFKA_TLS_ENABLED=true), " +
	"or set AllowPlaintext (KAFKA_SASL_ALLOW_PLAINTEXT=true) to accept that")

// refuseExposure stops a secret from going out in the clear, also to brokers that only metadata named.
func (c *Client) refuseExposure(conn *conn, host string) error {
	s := c.cluster.SASL
	if s == nil || s.AllowPlaintext || !s.Mechanism.SendsSecret() {
		return nil
	}
	if host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return nil
	}
	return &AuthError{Addr: conn.addr, Method: string(s.Mechanism), Err: errExposed}
}

// handshake performs an exchange on a connection that is not in the pool yet, and returns the body of the
// answer.
func handshake(conn *conn, req kmsg.Request, flexibleAnswer bool) ([]byte, error) {
	name := requestName(req.Key())
	correlation := conn.client.correlation.Add(1)
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID(conn.client.cluster.ClientID))
	reader := frameReader{request: name, addr: conn.addr, limit: maxHandshake}
	if _, err := conn.Conn.Write(formatter.AppendRequest(nil, req, correlation)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	frame, err := reader.read(conn.reader, nil)
	if err != nil {
		return nil, handshakeError(conn, req.Key(), err)
	}
	return reader.payload(frame, correlation, flexibleAnswer)
}

// handshakeError explains a connection that ends before it could be used. An end in mid-authentication stays retriable:
// a broker that stops at that moment looks the same.
func handshakeError(conn *conn, key int16, err error) error {
	if broken(err) {
		switch {
		case key == int16(kmsg.SASLAuthenticate):
			return &hintedError{err: err, hint: hintPassword}
		case key == int16(kmsg.ApiVersions) && conn.client.tls == nil:
			return &hintedError{err: err, hint: hintTLS}
		}
	}
	return fmt.Errorf("%s: %w", requestName(key), err)
}

// dialError says in words what the common ways of not connecting are.
func dialError(host string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("dial: unknown host %q: %w", host, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("dial: connection refused, nothing listens there: %w", err)
	}
	return fmt.Errorf("dial: %w", err)
}
