package kafka

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
)

func scramSettings(mechanism headrace.Mechanism, user, password string) *headrace.SASL {
	return &headrace.SASL{Mechanism: mechanism, Username: user, Password: headrace.NewSecret(password)}
}

// The exchange of RFC 7677, section 3.
const (
	rfcNonce     = "rOprNGfwEbeRWgbNEkqO"
	rfcChallenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	rfcFinal     = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
	rfcVerdict   = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
)

// rfcSession is the client's side after its first message.
func rfcSession(t *testing.T) *scramSession {
	t.Helper()
	m, err := newSCRAM(scramSettings(headrace.SCRAMSHA256, "user", "pencil"))
	if err != nil {
		t.Fatal(err)
	}
	return &scramSession{mechanism: m, nonce: rfcNonce, first: "n=user,r=" + rfcNonce}
}

func TestSCRAMIsThatOfTheRFC(t *testing.T) {
	t.Parallel()
	s, ctx := rfcSession(t), t.Context()
	for range 2 { // the second time with the keys of the first
		s.expected = nil
		done, final, err := s.Next(ctx, []byte(rfcChallenge))
		if done || err != nil || string(final) != rfcFinal {
			t.Fatalf("answer to the challenge is %q, %v, %v", final, done, err)
		}
		if done, _, err := s.Next(ctx, []byte(rfcVerdict)); !done || err != nil {
			t.Fatalf("the server's signature: %v, %v", done, err)
		}
	}
	for _, forged := range []string{"", "v=", "v=!", "v=" + strings.Repeat("A", 43) + "=", "e=other-error", rfcVerdict[2:4]} {
		if _, _, err := s.Next(ctx, []byte(forged)); err == nil {
			t.Errorf("%q passes for the server's signature", forged)
		}
	}
}

func TestSCRAMNamesAreEscaped(t *testing.T) {
	t.Parallel()
	m, err := newSCRAM(scramSettings(headrace.SCRAMSHA512, "a=b,c", "x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, first, _ := m.Start(t.Context()); !bytes.HasPrefix(first, []byte("n,,n=a=3Db=2Cc,r=")) {
		t.Errorf("first message is %q", first)
	}
}

func TestSCRAMChallengesThatAreRefused(t *testing.T) {
	t.Parallel()
	with := func(old, replacement string) string { return strings.Replace(rfcChallenge, old, replacement, 1) }
	for name, challenge := range map[string]string{
		"most iterations of the protocol": with("i=4096", "i=2147483647"),
		"one iteration too many":          with("i=4096", "i=262145"),
		"beyond an integer":               with("i=4096", "i=99999999999999999999"),
		"few iterations":                  with("i=4096", "i=1"),
		"negative":                        with("i=4096", "i=-4096"),
		"no number":                       with("i=4096", "i="),
		"other nonce":                     with("r=r", "r=x"),
		"our nonce alone":                 with("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", ""),
		"no salt":                         with("s=W22ZaJ0SNY7soEsUEjb6gQ==", "s="),
		"salt is no base64":               with("s=W22", "s=!"),
		"mandatory extension":             "m=x," + rfcChallenge,
		"refusal":                         "e=unknown-user\x1b[2J",
		"nothing":                         "",
		"a megabyte":                      rfcChallenge + ",x=" + strings.Repeat("y", 1<<20),
	} {
		started := time.Now()
		_, _, err := rfcSession(t).Next(t.Context(), []byte(challenge))
		if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: error is %.200v", name, err)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	s := rfcSession(t)
	if _, _, err := s.Next(t.Context(), []byte(rfcChallenge+",x=an extension")); err != nil {
		t.Errorf("an extension: %v", err)
	}
}

// The hashing ends with its caller, and a connection that ends so has said nothing of the password.
func TestSCRAMEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrClosed)
	s := rfcSession(t)
	if _, _, err := s.Next(ctx, []byte(strings.Replace(rfcChallenge, "i=4096", "i=262144", 1))); !errors.Is(err, ErrClosed) {
		t.Errorf("error is %v, want the cause of the context's end", err)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	b := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch req := r.req.(type) {
		case *kmsg.SASLHandshakeRequest:
			return r.reply(kmsg.NewPtrSASLHandshakeResponse()), nil
		case *kmsg.SASLAuthenticateRequest:
			resp := kmsg.NewPtrSASLAuthenticateResponse()
			_, nonce, _ := bytes.Cut(req.SASLAuthBytes, []byte(",r="))
			resp.SASLAuthBytes = []byte("r=" + string(nonce) + "more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=262144")
			leave()
			return r.reply(resp), nil
		}
		return b.standard(r)
	})
	cluster := b.cluster()
	cluster.SASL = scramSettings(headrace.SCRAMSHA512, "ann", "x")
	_, err := testClient(t, cluster).dial(ctx, "tcp", b.addr())
	var auth *AuthError
	if !errors.Is(err, context.Canceled) || errors.As(err, &auth) {
		t.Errorf("error is %v, want the cancellation and nothing about the password", err)
	}
}

// A broker asks for the most that is accepted on every connection: what that costs is told.
func BenchmarkSCRAMOfTheMostIterations(b *testing.B) {
	m, err := newSCRAM(scramSettings(headrace.SCRAMSHA512, "user", "pencil"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := m.salted(b.Context(), scramChallenge{salt: "salt", iterations: scramMostIterations}); err != nil {
			b.Fatal(err)
		}
	}
}
