package kafka

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/xdg-go/stringprep"

	"github.com/headrace/headrace"
)

// scramMechanism is SCRAM-SHA-256 or SCRAM-SHA-512 (RFC 5802, RFC 7677) as Kafka uses it (KIP-84), without channel
// binding. How often the password is hashed, the broker says, and before it has proved anything; see scramChallenge.
type scramMechanism struct {
	name     headrace.Mechanism
	hash     func() hash.Hash
	user     string // prepared and escaped
	password []byte // prepared

	mu   sync.Mutex
	last scramKeys // of the last connection: those of one user are the same on all brokers
}

// scramKeys are derived from the password and what the broker says.
type scramKeys struct {
	salt           string
	iterations     int
	client, server []byte
}

// newSCRAM fails when SASLprep (RFC 4013) refuses the name or the password.
func newSCRAM(settings *headrace.SASL) (*scramMechanism, error) {
	user, err := stringprep.SASLprep.Prepare(settings.Username)
	if err != nil {
		return nil, err
	}
	password, err := stringprep.SASLprep.Prepare(settings.Password.Reveal())
	if err != nil {
		return nil, err
	}
	m := &scramMechanism{
		name: settings.Mechanism, hash: sha256.New, password: []byte(password),
		user: strings.NewReplacer("=", "=3D", ",", "=2C").Replace(user),
	}
	if settings.Mechanism == headrace.SCRAMSHA512 {
		m.hash = sha512.New
	}
	return m, nil
}

func (m *scramMechanism) Name() string { return string(m.name) }

const scramHeader = "n,," // no channel binding, no other identity

func (m *scramMechanism) Start(context.Context) (sasl.StateMachine, []byte, error) {
	s := &scramSession{mechanism: m, nonce: rand.Text()}
	s.first = "n=" + m.user + ",r=" + s.nonce
	return s, []byte(scramHeader + s.first), nil
}

// scramSession is one connection's exchange.
type scramSession struct {
	mechanism *scramMechanism
	nonce     string
	first     string // the client's first message without its header
	expected  []byte // the server's signature, once it is due
}

func (s *scramSession) Next(ctx context.Context, message []byte) (bool, []byte, error) {
	if s.expected != nil {
		return true, nil, s.verify(string(message))
	}
	challenge, err := parseSCRAMChallenge(string(message), s.nonce)
	if err != nil {
		return false, nil, err
	}
	keys, err := s.mechanism.keys(ctx, challenge)
	if err != nil {
		return false, nil, err
	}
	final := "c=" + base64.StdEncoding.EncodeToString([]byte(scramHeader)) + ",r=" + challenge.nonce
	signed := s.first + "," + string(message) + "," + final
	stored := s.mechanism.hash()
	stored.Write(keys.client)
	proof := s.mechanism.mac(stored.Sum(nil), signed)
	subtle.XORBytes(proof, proof, keys.client)
	s.expected = s.mechanism.mac(keys.server, signed)
	return false, []byte(final + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

// verify checks that the broker knows the password too.
func (s *scramSession) verify(message string) error {
	if reason, ok := strings.CutPrefix(message, "e="); ok {
		return fmt.Errorf("the broker refused the credentials: %q", clip(reason))
	}
	value, _, _ := strings.Cut(strings.TrimPrefix(message, "v="), ",")
	signature, err := base64.StdEncoding.DecodeString(value)
	if err != nil || !hmac.Equal(signature, s.expected) {
		return errors.New("the broker does not know the password: it may not be the broker it claims to be")
	}
	return nil
}

func (m *scramMechanism) mac(key []byte, message string) []byte {
	mac := hmac.New(m.hash, key)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// keys derives the keys, or returns those of the last connection when the broker says the same again.
func (m *scramMechanism) keys(ctx context.Context, c scramChallenge) (scramKeys, error) {
	m.mu.Lock()
	last := m.last
	m.mu.Unlock()
	if last.client != nil && last.salt == c.salt && last.iterations == c.iterations {
		return last, nil
	}
	salted, err := m.salted(ctx, c)
	if err != nil {
		return scramKeys{}, err
	}
	keys := scramKeys{salt: c.salt, iterations: c.iterations, client: m.mac(salted, "Client Key"), server: m.mac(salted, "Server Key")}
	m.mu.Lock()
	m.last = keys
	m.mu.Unlock()
	return keys, nil
}

// salted is Hi of RFC 5802, which is PBKDF2 for one block. The standard library's cannot be ended.
func (m *scramMechanism) salted(ctx context.Context, c scramChallenge) ([]byte, error) {
	const between = 1024 // iterations, some hundred microseconds
	mac := hmac.New(m.hash, m.password)
	mac.Write([]byte(c.salt + "\x00\x00\x00\x01"))
	block := mac.Sum(nil)
	sum := append([]byte(nil), block...)
	for i := 1; i < c.iterations; i++ {
		if i%between == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		mac.Reset()
		mac.Write(block)
		block = mac.Sum(block[:0])
		subtle.XORBytes(sum, sum, block)
	}
	return sum, nil
}
