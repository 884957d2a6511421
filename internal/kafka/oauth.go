package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/segmentio/kafka-go/sasl"

	"github.com/headrace/headrace"
)

// oauthBearer is the OAUTHBEARER mechanism (RFC 7628) as Kafka uses it (KIP-255).
type oauthBearer struct {
	token func(context.Context) (string, error)
}

func (oauthBearer) Name() string { return "OAUTHBEARER" }

func (m oauthBearer) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	token, err := m.token(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("token: %w", err)
	}
	// Characters of a bearer token, RFC 6750 section 2.1; anything else could forge fields of the message.
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, nil, errors.New("token: empty, or has characters that a bearer token cannot have")
	}
	return &oauthSession{token: headrace.NewSecret(token)}, []byte("n,,\x01auth=Bearer " + token + "\x01\x01"), nil
}

// oauthSession is one connection's exchange. A refusal comes as a challenge, which the client has to answer with a
// single 0x01 before the broker ends the exchange (RFC 7628 section 3.2.3).
type oauthSession struct {
	token   headrace.Secret
	refusal string
}

func (s *oauthSession) Next(_ context.Context, challenge []byte) (bool, []byte, error) {
	switch {
	case s.refusal != "":
		return false, nil, fmt.Errorf("the broker refused the token: %q", s.refusal)
	case len(challenge) == 0:
		return true, nil, nil
	}
	s.refusal = s.token.Redact(string(challenge))
	s.refusal = s.refusal[:min(len(s.refusal), 512)]
	return false, []byte{1}, nil
}
