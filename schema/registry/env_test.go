package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
)

func TestFromEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(canary+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		answer(w, 200, stringSchema)
	}))
	defer server.Close()
	t.Setenv("SCHEMA_REGISTRY_URL", server.URL)
	t.Setenv("SCHEMA_REGISTRY_USERNAME", "me")
	t.Setenv("SCHEMA_REGISTRY_PASSWORD_FILE", file)
	snapshot := file + ".snapshot"
	t.Setenv("SCHEMA_REGISTRY_SNAPSHOT", snapshot)
	reg, err := FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	if _, err := reg.Schema(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	want := &http.Request{Header: http.Header{}}
	want.SetBasicAuth("me", canary)
	if got != want.Header.Get("Authorization") {
		t.Errorf("sent %q", got)
	}
	reg.Close()
	if kept, err := os.ReadFile(snapshot); err != nil || strings.Contains(string(kept), canary) {
		t.Errorf("the snapshot: %v, %s", err, kept)
	}
	for name, vars := range map[string]map[string]string{
		"keep one":     {"SCHEMA_REGISTRY_PASSWORD": canary},
		"choose one":   {"SCHEMA_REGISTRY_TOKEN": canary},
		"neither true": {"SCHEMA_REGISTRY_ALLOW_PLAINTEXT": "perhaps"},
		"no such file": {"SCHEMA_REGISTRY_PASSWORD_FILE": file + "x"},
		"unencrypted":  {"SCHEMA_REGISTRY_URL": "http://registry.example.com"},
		"https":        {"SCHEMA_REGISTRY_TLS_INSECURE": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range vars {
				t.Setenv(key, value)
			}
			_, err := FromEnv()
			if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), canary) {
				t.Error(err)
			}
		})
	}
}

func TestFromEnvDefaults(t *testing.T) {
	t.Setenv("SCHEMA_REGISTRY_URL", "")
	reg, err := FromEnv()
	if err != nil || reg.URL() != "http://localhost:8081" {
		t.Errorf("%v, %v", reg, err)
	}
}

// authority makes a certificate that signs itself, for a server or a client on the loopback interface.
func authority(t *testing.T, name string) (tls.Certificate, string, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return pair, certFile, keyFile
}

func TestClientMutualTLS(t *testing.T) {
	t.Parallel()
	serverPair, serverCert, _ := authority(t, "server")
	clientPair, clientCert, clientKey := authority(t, "client")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 || r.TLS.PeerCertificates[0].Subject.CommonName != "client" {
			t.Errorf("client certificates: %v", r.TLS.PeerCertificates)
		}
		answer(w, 200, stringSchema)
	}))
	pool := x509.NewCertPool()
	pool.AddCert(clientPair.Leaf)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{serverPair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // refused handshakes are the point
	server.StartTLS()
	defer server.Close()
	open := func(config headrace.TLS, timeout time.Duration) error {
		reg, err := New(server.URL, WithTLS(config), WithTimeout(timeout))
		if err != nil {
			return err
		}
		defer reg.Close()
		reg.attempt, reg.client.TLSHandshakeTimeout = time.Minute, time.Minute // for a busy machine
		_, err = reg.Schema(t.Context(), 7)
		return err
	}
	if err := open(headrace.TLS{CAFile: serverCert, CertFile: clientCert, KeyFile: clientKey}, time.Minute); err != nil {
		t.Error(err)
	}
	if err := open(headrace.TLS{CAFile: serverCert}, 300*time.Millisecond); !Unavailable(err) {
		t.Errorf("without a client certificate: %v", err)
	}
	err := open(headrace.TLS{CertFile: clientCert, KeyFile: clientKey}, time.Minute)
	var down *UnavailableError
	if !errors.As(err, &down) || !Unavailable(err) || down.Attempts != 1 || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority is not tried again: %v", err)
	}
}
