package headrace

import (
	"context"
	"fmt"
)

// Mechanism is the name of a SASL mechanism as brokers list it in sasl.enabled.mechanisms.
type Mechanism string

// The mechanisms that clients here speak.
const (
	// Plain sends user name and password as they are (RFC 4616), so it wants TLS.
	Plain Mechanism = "PLAIN"
	// SCRAMSHA256 proves the password without sending it (RFC 5802, RFC 7677).
	SCRAMSHA256 Mechanism = "SCRAM-SHA-256"
	// SCRAMSHA512 is SCRAMSHA256 with the longer hash.
	SCRAMSHA512 Mechanism = "SCRAM-SHA-512"
	// OAuthBearer sends a token from SASL.Token (RFC 7628), so it wants TLS.
	OAuthBearer Mechanism = "OAUTHBEARER"
)

// SASL says how a client proves who it is. Mechanism is required; the other fields depend on it.
type SASL struct {
	// Mechanism is one of Plain, SCRAMSHA256, SCRAMSHA512 and OAuthBearer.
	Mechanism Mechanism

	// Username and Password are the credentials of Plain and the SCRAM mechanisms.
	Username string
	Password Secret

	// Token returns the bearer token for OAuthBearer. It is called for every new connection, from several goroutines
	// at once, and must return by its context's deadline; it should cache a token that is still valid.
	Token func(context.Context) (string, error)

	// AllowPlaintext lets Plain and OAuthBearer send their secret over a connection without TLS to a host that is
	// not this machine. Without it such a connection is refused before anything is sent.
	AllowPlaintext bool
}

// Format prints the settings with the password masked, the same for every verb.
func (s SASL) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{Mechanism:%s Username:%s Password:%s Token:%t AllowPlaintext:%t}",
		string(s.Mechanism), s.Username, s.Password, s.Token != nil, s.AllowPlaintext)
}

// sendsSecret reports whether the mechanism puts the secret itself on the wire.
func (s *SASL) sendsSecret() bool {
	return s.Mechanism == Plain || s.Mechanism == OAuthBearer
}
