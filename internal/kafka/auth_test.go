package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
)

// authority signs certificates for one test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
	next int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, cert: cert, key: key, dir: t.TempDir(), next: 2}
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(a.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// issue writes NAME.pem and NAME.key for 127.0.0.1 and the DNS names given.
func (a *authority) issue(name string, dns ...string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: dns,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if len(dns) == 0 {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	a.next++
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+".key", "EC PRIVATE KEY", secret)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func TestTLSWithAndWithoutClientCertificate(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	server := a.issue("server")
	a.issue("client")
	for name, test := range map[string]struct {
		config   *tls.Config
		settings headrace.TLS
	}{
		"one way":      {&tls.Config{}, headrace.TLS{CAFile: a.file("ca.pem")}},
		"not verified": {&tls.Config{}, headrace.TLS{InsecureSkipVerify: true}},
		"mutual": {
			&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool()},
			headrace.TLS{CAFile: a.file("ca.pem"), CertFile: a.file("client.pem"), KeyFile: a.file("client.key")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.config.Certificates = []tls.Certificate{server}
			cluster := plainCluster(testCluster(t, kfake.TLS(test.config)))
			cluster.TLS = &test.settings
			client, ctx := testClient(t, cluster), testContext(t)
			if _, err := client.Topic(ctx, "flights"); err != nil {
				t.Fatal(err)
			}
			batch := testBatch(0, "one", "two")
			if _, err := produceOne(ctx, client, "flights", 0, batch); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTLSRefusals(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	server, named := a.issue("server"), a.issue("named", "kafka.example")
	stranger.issue("client")
	demanding := &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool()}
	ca := headrace.TLS{CAFile: a.file("ca.pem")}
	for name, test := range map[string]struct {
		config   *tls.Config
		settings headrace.TLS
		works    bool
	}{
		"unknown authority":      {&tls.Config{Certificates: []tls.Certificate{server}}, headrace.TLS{CAFile: stranger.file("ca.pem")}, false},
		"other host name":        {&tls.Config{Certificates: []tls.Certificate{named}}, ca, false},
		"server name given":      {&tls.Config{Certificates: []tls.Certificate{named}}, headrace.TLS{CAFile: a.file("ca.pem"), ServerName: "kafka.example"}, true},
		"no client certificate":  {demanding, ca, false},
		"wrong client authority": {demanding, headrace.TLS{CAFile: a.file("ca.pem"), CertFile: stranger.file("client.pem"), KeyFile: stranger.file("client.key")}, false},
		"only an old TLS":        {&tls.Config{Certificates: []tls.Certificate{server}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ca, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := plainCluster(testCluster(t, kfake.TLS(test.config)))
			cluster.TLS = &test.settings
			client := testClient(t, cluster)
			err := client.Ping(testContext(t))
			if test.works {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var auth *AuthError
			if !errors.As(err, &auth) || auth.Method != "TLS" || Retriable(err) {
				t.Errorf("error is %v, want a final *AuthError of TLS", err)
			}
		})
	}
}

func TestTLSAndPlaintextMixedUp(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	secured := plainCluster(testCluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{a.issue("server")}})))
	err := testClient(t, secured).Ping(testContext(t))
	if err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("plaintext to a TLS port: %v, want a word on TLS", err)
	}
	open := newFakeWebServer(t)
	err = testClient(t, headrace.Cluster{Brokers: []string{open}, TLS: &headrace.TLS{}}).Ping(testContext(t))
	var frame *FrameError
	if !errors.As(err, &frame) || !frame.NotKafka || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("TLS to a plaintext port: %v, want a *FrameError on TLS", err)
	}
}

// newFakeWebServer answers anything with an HTTP error and closes.
func newFakeWebServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}
	}()
	return listener.Addr().String()
}

func TestClientCertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	server := a.issue("server")
	a.issue("client")
	var serial atomic.Int64
	cluster := plainCluster(testCluster(t, kfake.NumBrokers(1), kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool(),
		VerifyConnection: func(state tls.ConnectionState) error {
			serial.Store(state.PeerCertificates[0].SerialNumber.Int64())
			return nil
		},
	})))
	cluster.TLS = &headrace.TLS{CAFile: a.file("ca.pem"), CertFile: a.file("client.pem"), KeyFile: a.file("client.key")}
	client, ctx := testClient(t, cluster), testContext(t)
	connect := func() int64 {
		t.Helper()
		dropConnections(client)
		if err := client.Ping(ctx); err != nil {
			t.Fatal(err)
		}
		return serial.Load()
	}
	if got := connect(); got != 3 {
		t.Errorf("first certificate has serial %d, want 3", got)
	}
	a.issue("client")
	touch(t, a.file("client.pem"), time.Now().Add(time.Minute))
	if got := connect(); got != 4 {
		t.Errorf("after the change the serial is %d, want 4", got)
	}
	if err := os.WriteFile(a.file("client.pem"), []byte("-----BEGIN CERT"), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(t, a.file("client.pem"), time.Now().Add(2*time.Minute))
	if got := connect(); got != 4 {
		t.Errorf("with a half-written file the serial is %d, want still 4", got)
	}
}

func touch(t *testing.T, file string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

// dropConnections makes the next request to any broker dial anew.
func dropConnections(client *Client) {
	client.mu.Lock()
	defer client.mu.Unlock()
	for addr, b := range client.brokers {
		b.transport.CloseIdleConnections()
		delete(client.brokers, addr)
	}
}

func TestCertificateFilesAreCheckedByOpen(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.issue("client")
	a.issue("other")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, settings := range map[string]headrace.TLS{
		"no such CA file":    {CAFile: "/nowhere/ca.pem"},
		"empty CA file":      {CAFile: empty},
		"no such key":        {CertFile: a.file("client.pem"), KeyFile: "/nowhere/client.key"},
		"key of another one": {CertFile: a.file("client.pem"), KeyFile: a.file("other.key")},
	} {
		if _, err := Open(headrace.Cluster{Brokers: []string{"127.0.0.1:1"}, TLS: &settings}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSASLMechanisms(t *testing.T) {
	t.Parallel()
	const canary = "canary-5f1c"
	for _, mechanism := range []headrace.Mechanism{headrace.Plain, headrace.SCRAMSHA256, headrace.SCRAMSHA512} {
		t.Run(string(mechanism), func(t *testing.T) {
			t.Parallel()
			fake := testCluster(t, kfake.EnableSASL(), kfake.Superuser(string(mechanism), "ann", canary))
			cluster := plainCluster(fake)
			cluster.SASL = &headrace.SASL{Mechanism: mechanism, Username: "ann", Password: canary}
			if _, err := testClient(t, cluster).Topic(testContext(t), "flights"); err != nil {
				t.Errorf("right password: %v", err)
			}
			cluster.SASL = &headrace.SASL{Mechanism: mechanism, Username: "ann", Password: canary + "-wrong"}
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
	cluster.SASL = &headrace.SASL{Mechanism: headrace.Plain, Username: "ann", Password: canary}
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
	silent := newFakeBroker(t, func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil })
	noHandshake := newFakeBroker(t, answerTo(kmsg.SASLHandshake, func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil }))
	noAnswer := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch kmsg.Key(r.key) {
		case kmsg.SASLHandshake:
			return r.reply(kmsg.NewPtrSASLHandshakeResponse()), nil
		case kmsg.SASLAuthenticate:
			return nil, nil
		}
		return b.standard(r)
	})
	sasl := &headrace.SASL{Mechanism: headrace.Plain, Username: "ann", Password: "x"}
	for name, cluster := range map[string]headrace.Cluster{
		"TLS handshake":     {Brokers: []string{silent.addr()}, TLS: &headrace.TLS{}},
		"SASL handshake":    {Brokers: []string{noHandshake.addr()}, SASL: sasl},
		"SASL authenticate": {Brokers: []string{noAnswer.addr()}, SASL: sasl},
	} {
		t.Run(name, func(t *testing.T) {
			client := testClient(t, cluster)
			ctx, cancel := context.WithTimeout(testContext(t), 200*time.Millisecond)
			defer cancel()
			started := time.Now()
			if _, err := client.Topic(ctx, "flights"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error is %v, want the context's", err)
			}
			if took := time.Since(started); took > 2*time.Second {
				t.Errorf("returned after %v", took)
			}
			client.Close()
			if n := openConnections(client); n != 0 {
				t.Errorf("%d connections are left after Close", n)
			}
		})
	}
}

func openConnections(client *Client) int {
	client.mu.Lock()
	defer client.mu.Unlock()
	return len(client.conns)
}

// oauthBroker accepts one token.
func oauthBroker(t *testing.T, token string, lifetime time.Duration, logins *atomic.Int64) *fakeBroker {
	refused := make(chan struct{}, 100)
	return newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
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
				<-refused
				resp.ErrorCode = 58
				resp.ErrorMessage = kmsg.StringPtr("token expired")
			default:
				refused <- struct{}{}
				resp.SASLAuthBytes = []byte(`{"status":"invalid_token"}`)
			}
			return r.reply(resp), nil
		}
		return b.standard(r)
	})
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
			cluster := oauthBroker(t, token, 0, &logins).cluster()
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
		})
	}
}

func TestConnectionIsLeftBeforeItsSASLSessionEnds(t *testing.T) {
	t.Parallel()
	var logins atomic.Int64
	cluster := oauthBroker(t, "t", 300*time.Millisecond, &logins).cluster()
	cluster.SASL = &headrace.SASL{Mechanism: headrace.OAuthBearer, Token: func(context.Context) (string, error) { return "t", nil }}
	client, ctx := testClient(t, cluster), testContext(t)
	started := time.Now()
	for time.Since(started) < 900*time.Millisecond {
		if _, err := client.Request(ctx, AnyNode, heartbeat()); err != nil {
			t.Fatal(err)
		}
	}
	if n := logins.Load(); n < 3 || n > 40 {
		t.Errorf("%d logins in three session lifetimes", n)
	}
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
		"PLAIN":             {headrace.SASL{Mechanism: headrace.Plain, Username: "ann", Password: "x"}, false},
		"OAUTHBEARER":       {headrace.SASL{Mechanism: headrace.OAuthBearer, Token: func(context.Context) (string, error) { return "t", nil }}, false},
		"PLAIN, allowed by": {headrace.SASL{Mechanism: headrace.Plain, Username: "ann", Password: "x", AllowPlaintext: true}, true},
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
