package headrace

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// Mechanisms returns the mechanisms that clients here speak.
func Mechanisms() []Mechanism { return []Mechanism{Plain, SCRAMSHA256, SCRAMSHA512, OAuthBearer} }

// SendsSecret reports whether the mechanism puts the secret itself on the wire, so that it wants TLS.
func (m Mechanism) SendsSecret() bool { return m == Plain || m == OAuthBearer }

// SASL says how a client proves who it is. Mechanism is required; the other fields depend on it.
type SASL struct {
	// Mechanism is one of [Mechanisms].
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

func (s *SASL) validate() error {
	var errs []error
	switch s.Mechanism {
	case Plain, SCRAMSHA256, SCRAMSHA512:
		if s.Username == "" {
			errs = append(errs, fmt.Errorf("cluster: SASL %s needs a user name: set Username or KAFKA_SASL_USERNAME", s.Mechanism))
		}
		if s.Password.IsZero() {
			errs = append(errs, fmt.Errorf("cluster: SASL %s needs a password: set Password, KAFKA_SASL_PASSWORD or KAFKA_SASL_PASSWORD_FILE", s.Mechanism))
		}
	case OAuthBearer:
		if s.Token == nil {
			errs = append(errs, fmt.Errorf("cluster: SASL %s needs a token: set Token or KAFKA_SASL_TOKEN_FILE", s.Mechanism))
		}
	case "":
		errs = append(errs, fmt.Errorf("cluster: SASL needs a mechanism, one of %s", mechanismNames()))
	default:
		errs = append(errs, fmt.Errorf("cluster: SASL mechanism %q is not one of %s", string(s.Mechanism), mechanismNames()))
	}
	return errors.Join(errs...)
}

func mechanismNames() string {
	var names []string
	for _, m := range Mechanisms() {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}
