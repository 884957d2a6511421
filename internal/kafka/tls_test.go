package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

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
	core, logs := observer.New(zap.WarnLevel)
	client, ctx := testClient(t, cluster, WithLogger(zap.New(core))), testContext(t)
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
	if logs.Len() == 0 || !strings.Contains(fmt.Sprint(logs.All()[0].ContextMap()), "client.pem") {
		t.Errorf("nothing said about the file: %v", logs.All())
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
