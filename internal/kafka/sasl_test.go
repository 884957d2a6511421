package kafka

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
)

func TestSASLMechanisms(t *testing.T) {
	t.Parallel()
	const canary = "canary-5f1c"
	for _, mechanism := range []headrace.Mechanism{headrace.Plain, headrace.SCRAMSHA256, headrace.SCRAMSHA512} {
		t.Run(string(mechanism), func(t *testing.T) {
			t.Parallel()
			fake := testCluster(t, kfake.EnableSASL(), kfake.Superuser(string(mechanism), "ann", canary))
			cluster := plainCluster(fake)
			cluster.SASL = &headrace.SASL{Mechanism: mechanism, Username: "ann", Password: headrace.NewSecret(canary)}
			if _, err := testClient(t, cluster).Topic(testContext(t), "flights"); err != nil {
				t.Errorf("right password: %v", err)
			}
			cluster.SASL = &headrace.SASL{Mechanism: mechanism, Username: "ann", Password: headrace.NewSecret(canary + "-wrong")}
			_, err := testClient(t, cluster).Topic(testContext(t), "flights")
			if err == nil || !strings.Contains(err.Error(), "credentials") {
				t.Errorf("wrong password: %v, want a word on credentials", err)
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("error shows the password: %v", err)
			}
		})
	}
}

// Kafka answers wrong credentials with a code, where the fake cluster closes the connection.
func TestRefusedCredentialsAreFinal(t *testing.T) {
	t.Parallel()
	const canary = "canary-5f1c"
	b := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch r.req.(type) {
		case *kmsg.SASLHandshakeRequest:
			return r.reply(kmsg.NewPtrSASLHandshakeResponse()), nil
		case *kmsg.SASLAuthenticateRequest:
			resp := kmsg.NewPtrSASLAuthenticateResponse()
			resp.ErrorCode, resp.ErrorMessage = 58, kmsg.StringPtr("Authentication failed: Invalid username or password")
			return r.reply(resp), nil
		}
		return b.standard(r)
	})
	cluster := b.cluster()
	cluster.SASL = &headrace.SASL{Mechanism: headrace.Plain, Username: "ann", Password: headrace.NewSecret(canary)}
	client := testClient(t, cluster)
	attempts := 0
	err := client.Retry(testContext(t), func(ctx context.Context) error {
		attempts++
		_, err := client.Topic(ctx, "flights")
		return err
	})
	var auth *AuthError
	if !errors.As(err, &auth) || auth.Method != "PLAIN" || attempts != 1 {
		t.Errorf("after %d attempts: %v, want an *AuthError after one", attempts, err)
	}
	if err != nil && (!strings.Contains(err.Error(), "Invalid username") || strings.Contains(err.Error(), canary)) {
		t.Errorf("error is %q, want the broker's words and no password", err)
	}
}

func TestSASLMechanismThatTheBrokerDoesNotHave(t *testing.T) {
	t.Parallel()
	cluster := plainCluster(testCluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ann", "x")))
	cluster.SASL = &headrace.SASL{Mechanism: headrace.OAuthBearer, Token: func(context.Context) (string, error) { return "t", nil }}
	err := testClient(t, cluster).Ping(testContext(t))
	var auth *AuthError
	if !errors.As(err, &auth) || !strings.Contains(err.Error(), "PLAIN") {
		t.Errorf("error is %v, want an *AuthError that lists PLAIN", err)
	}
}

func TestMissingSASLIsHinted(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.Heartbeat, nil))
	b.answer = func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		if r.key == int16(kmsg.ApiVersions) {
			return b.standard(r)
		}
		return nil, errors.New("close, as Kafka does")
	}
	_, err := testClient(t, b.cluster()).Request(testContext(t), AnyNode, heartbeat())
	if err == nil || !strings.Contains(err.Error(), "SASL") {
		t.Errorf("error is %v, want a word on SASL", err)
	}
}

func TestSilenceDuringLoginEndsByTheDeadline(t *testing.T) {
	t.Parallel()
	silent := func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil }
	noAnswer := func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch kmsg.Key(r.key) {
		case kmsg.SASLHandshake:
			return r.reply(kmsg.NewPtrSASLHandshakeResponse()), nil
		case kmsg.SASLAuthenticate:
			return nil, nil
		}
		return b.standard(r)
	}
	sasl := &headrace.SASL{Mechanism: headrace.Plain, Username: "ann", Password: headrace.NewSecret("x")}
	for name, test := range map[string]struct {
		answer func(*fakeBroker, fakeRequest) ([]byte, error)
		by     headrace.Cluster
	}{
		"TLS handshake":     {silent, headrace.Cluster{TLS: &headrace.TLS{}}},
		"SASL handshake":    {answerTo(kmsg.SASLHandshake, silent), headrace.Cluster{SASL: sasl}},
		"SASL authenticate": {noAnswer, headrace.Cluster{SASL: sasl}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newPipeBroker(t, test.answer)
				cluster := test.by
				cluster.Brokers = []string{b.addr()}
				open := openConnections{dialer: dialPipes(b)}
				client := testClient(t, cluster, WithDial(open.dial))
				const limit = 200 * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				started := time.Now()
				if _, err := client.Topic(ctx, "flights"); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error is %v, want the context's", err)
				}
				if took := time.Since(started); took != limit {
					t.Errorf("returned after %v, not %v", took, limit)
				}
				open.closeAndCheck(t, client)
			})
		})
	}
}

// oauthAnswers are those of a broker that accepts one token.
func oauthAnswers(token string, lifetime time.Duration, logins *atomic.Int64) func(*fakeBroker, fakeRequest) ([]byte, error) {
	refused := make(chan string, 100)
	return func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch req := r.req.(type) {
		case *kmsg.SASLHandshakeRequest:
			return r.reply(kmsg.NewPtrSASLHandshakeResponse()), nil
		case *kmsg.HeartbeatRequest:
			return goodHeartbeat(b, r)
		case *kmsg.SASLAuthenticateRequest:
			resp := kmsg.NewPtrSASLAuthenticateResponse()
			switch {
			case string(req.SASLAuthBytes) == "n,,\x01auth=Bearer "+token+"\x01\x01":
				logins.Add(1)
				resp.SessionLifetimeMillis = lifetime.Milliseconds()
			case string(req.SASLAuthBytes) == "\x01":
				resp.ErrorCode = 58
				resp.ErrorMessage = kmsg.StringPtr("token expired: " + <-refused)
			default:
				refused <- string(req.SASLAuthBytes)
				resp.SASLAuthBytes = []byte(`{"status":"invalid_token"}` + string(req.SASLAuthBytes))
			}
			return r.reply(resp), nil
		}
		return b.standard(r)
	}
}

func TestOAuthBearer(t *testing.T) {
	t.Parallel()
	const token = "eyJhbGciOi.canary-77"
	for name, test := range map[string]struct {
		token     func(context.Context) (string, error)
		works     bool
		auth      bool
		retriable bool
	}{
		"good":          {func(context.Context) (string, error) { return token, nil }, true, false, false},
		"refused":       {func(context.Context) (string, error) { return token + "x", nil }, false, true, false},
		"injection":     {func(context.Context) (string, error) { return token + "\x01auth=Bearer y", nil }, false, false, true},
		"source is out": {func(context.Context) (string, error) { return "", errors.New("token endpoint is down") }, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logins atomic.Int64
			cluster := newFakeBroker(t, oauthAnswers(token, 0, &logins)).cluster()
			cluster.SASL = &headrace.SASL{Mechanism: headrace.OAuthBearer, Token: test.token}
			_, err := testClient(t, cluster).Request(testContext(t), AnyNode, heartbeat())
			if (err == nil) != test.works {
				t.Fatalf("error is %v", err)
			}
			if err == nil {
				return
			}
			var auth *AuthError
			if errors.As(err, &auth) != test.auth || Retriable(err) != test.retriable {
				t.Errorf("error is %v, want AuthError %v, retriable %v", err, test.auth, test.retriable)
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("error shows the token: %v", err)
			}
			// Only a client that answers the challenge gets to hear why (RFC 7628 section 3.2.3).
			if test.auth && !strings.Contains(err.Error(), "token expired") {
				t.Errorf("error %q lacks the broker's words", err)
			}
		})
	}
}

func TestConnectionIsLeftBeforeItsSASLSessionEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lifetime = 300 * time.Millisecond
		var logins atomic.Int64
		b := newPipeBroker(t, oauthAnswers("t", lifetime, &logins))
		cluster := b.cluster()
		cluster.SASL = &headrace.SASL{Mechanism: headrace.OAuthBearer, Token: func(context.Context) (string, error) { return "t", nil }}
		client, ctx := testClient(t, cluster, WithDial(dialPipes(b))), testContext(t)
		for started := time.Now(); time.Since(started) < 3*lifetime; <-time.After(time.Millisecond) {
			if _, err := client.Request(ctx, AnyNode, heartbeat()); err != nil {
				t.Fatal(err)
			}
		}
		if n := logins.Load(); n < 3 || n > 6 {
			t.Errorf("%d logins in three session lifetimes", n)
		}
	})
}

func TestSecretIsNotSentInTheClearToOtherMachines(t *testing.T) {
	t.Parallel()
	loopback := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch r.req.(type) {
		case *kmsg.SASLHandshakeRequest:
			return r.reply(kmsg.NewPtrSASLHandshakeResponse()), nil
		case *kmsg.SASLAuthenticateRequest:
			return r.reply(kmsg.NewPtrSASLAuthenticateResponse()), nil
		case *kmsg.MetadataRequest:
			// The cluster names a broker elsewhere.
			resp := b.metadata(r.req.(*kmsg.MetadataRequest))
			resp.Brokers[0].Host = "192.0.2.7"
			return r.reply(resp), nil
		case *kmsg.HeartbeatRequest:
			return goodHeartbeat(b, r)
		}
		return b.standard(r)
	})
	redirect := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, loopback.addr())
	}
	for name, test := range map[string]struct {
		sasl headrace.SASL
		ok   bool
	}{
		"PLAIN":             {headrace.SASL{Mechanism: headrace.Plain, Username: "ann", Password: headrace.NewSecret("x")}, false},
		"OAUTHBEARER":       {headrace.SASL{Mechanism: headrace.OAuthBearer, Token: func(context.Context) (string, error) { return "t", nil }}, false},
		"PLAIN, allowed by": {headrace.SASL{Mechanism: headrace.Plain, Username: "ann", Password: headrace.NewSecret("x"), AllowPlaintext: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := loopback.cluster()
			cluster.SASL = &test.sasl
			client := testClient(t, cluster, WithDial(redirect))
			_, err := client.Request(testContext(t), 1, heartbeat())
			var auth *AuthError
			if test.ok != (err == nil) || (!test.ok && (!errors.As(err, &auth) || !strings.Contains(err.Error(), "192.0.2.7"))) {
				t.Errorf("request to a learned address: %v", err)
			}
			cluster.Brokers = []string{"192.0.2.7:9092"}
			if _, err := Open(cluster); test.ok != (err == nil) {
				t.Errorf("Open with that address: %v", err)
			}
		})
	}
}

func TestPasswordThatComesBackIsMasked(t *testing.T) {
	t.Parallel()
	const canary = "canary-5f1c"
	cluster := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch req := r.req.(type) {
		case *kmsg.SASLHandshakeRequest:
			return r.reply(kmsg.NewPtrSASLHandshakeResponse()), nil
		case *kmsg.SASLAuthenticateRequest:
			resp := kmsg.NewPtrSASLAuthenticateResponse()
			resp.ErrorCode = 58
			resp.ErrorMessage = kmsg.StringPtr("refused: " + string(req.SASLAuthBytes))
			return r.reply(resp), nil
		}
		return b.standard(r)
	}).cluster()
	cluster.SASL = &headrace.SASL{Mechanism: headrace.Plain, Username: "ann", Password: headrace.NewSecret(canary)}
	_, err := testClient(t, cluster).Request(testContext(t), AnyNode, heartbeat())
	if err == nil || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), canary) {
		t.Errorf("error is %v, want the broker's words without the password", err)
	}
}
