package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
)

// saslSource authenticates connections.
type saslSource struct {
	mechanism sasl.Mechanism
	password  headrace.Secret
}

func newSASLSource(settings *headrace.SASL) (*saslSource, error) {
	var mechanism sasl.Mechanism
	var err error
	switch settings.Mechanism {
	case headrace.Plain:
		mechanism = plain.Mechanism{Username: settings.Username, Password: settings.Password.Reveal()}
	case headrace.SCRAMSHA256, headrace.SCRAMSHA512:
		mechanism, err = newSCRAM(settings)
	case headrace.OAuthBearer:
		mechanism = oauthBearer{token: settings.Token}
	default:
		err = errors.New("unknown mechanism")
	}
	if err != nil {
		// SASLprep refuses some characters; the library's words are not passed on, since they may quote the password.
		return nil, fmt.Errorf("sasl %s: user name or password holds characters that the mechanism does not allow", settings.Mechanism)
	}
	return &saslSource{mechanism: mechanism, password: settings.Password}, nil
}

// authenticate runs the SASL exchange on a connection (KIP-43, KIP-152).
func (s *saslSource) authenticate(ctx context.Context, conn *conn, host string) error {
	name := s.mechanism.Name()
	if err := s.shakeHands(conn); err != nil {
		return err
	}
	session, message, err := s.mechanism.Start(sasl.WithMetadata(ctx, &sasl.Metadata{Host: host}))
	if err != nil {
		return fmt.Errorf("sasl %s: %w", name, err)
	}
	// A broker may answer with what it was sent.
	secret := s.password
	if bearer, ok := session.(*oauthSession); ok {
		secret = bearer.token
	}
	version, err := conn.versions.choose(int16(kmsg.SASLAuthenticate), conn.addr)
	if err != nil {
		return err
	}
	for {
		req := kmsg.NewPtrSASLAuthenticateRequest()
		req.Version, req.SASLAuthBytes = version, message
		body, err := handshake(conn, req, req.IsFlexible())
		if err != nil {
			return err
		}
		resp := kmsg.NewPtrSASLAuthenticateResponse()
		resp.Version = version
		if err := decode(resp, body); err != nil {
			return &FrameError{Request: "SASLAuthenticate", Addr: conn.addr, Reason: err.Error()}
		}
		if err := codeError(resp.ErrorCode); err != nil {
			refused := &BrokerError{Request: "SASLAuthenticate", Node: AnyNode, Partition: -1, Message: secret.Redact(text(resp.ErrorMessage)), Err: err}
			return &AuthError{Addr: conn.addr, Method: name, Err: refused}
		}
		done, next, err := session.Next(ctx, resp.SASLAuthBytes)
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("sasl %s: %w", name, err)
		}
		if err != nil {
			return &AuthError{Addr: conn.addr, Method: name, Err: err}
		}
		if done {
			conn.expires = sessionEnd(resp.SessionLifetimeMillis)
			return nil
		}
		message = next
	}
}

func (s *saslSource) shakeHands(conn *conn) error {
	req := kmsg.NewPtrSASLHandshakeRequest()
	req.Version, req.Mechanism = 1, s.mechanism.Name()
	body, err := handshake(conn, req, false)
	if err != nil {
		return err
	}
	resp := kmsg.NewPtrSASLHandshakeResponse()
	resp.Version = 1
	if err := decode(resp, body); err != nil {
		return &FrameError{Request: "SASLHandshake", Addr: conn.addr, Reason: err.Error()}
	}
	if err := codeError(resp.ErrorCode); err != nil {
		if len(resp.SupportedMechanisms) > 0 {
			err = fmt.Errorf("%w The broker offers %q", err, clip(strings.Join(resp.SupportedMechanisms, ", ")))
		}
		return &AuthError{Addr: conn.addr, Method: req.Mechanism, Err: err}
	}
	return nil
}

// sessionEnd is when to stop using a connection whose broker closes it after lifetime (KIP-368): early enough for an
// exchange to end, and not at the same moment for all connections.
func sessionEnd(lifetimeMillis int64) time.Time {
	if lifetimeMillis <= 0 || lifetimeMillis > 1<<40 {
		return time.Time{}
	}
	lifetime := time.Duration(lifetimeMillis) * time.Millisecond
	return time.Now().Add(lifetime*80/100 + rand.N(lifetime/10+1)) //nolint:gosec // jitter
}
