// Package pki makes the certificates of TLS tests: authorities, servers and clients, valid or expired.
package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates that only those trust who read its file.
type Authority struct {
	// File holds the authority's certificate in PEM.
	File string

	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// Identity is a certificate for 127.0.0.1 and localhost, with its key.
type Identity struct {
	// Certificate and Key are PEM files.
	Certificate, Key string
	// KeyAndChain is one PEM file of both, as Java's PEM key store wants it.
	KeyAndChain string
}

// NewAuthority makes a self-signed authority.
func NewAuthority(tb testing.TB, name string) *Authority {
	tb.Helper()
	key := newKey(tb)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatalf("authority %s: %v", name, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatalf("authority %s: %v", name, err)
	}
	file := filepath.Join(tb.TempDir(), "ca.pem")
	write(tb, file, encode("CERTIFICATE", der))
	return &Authority{File: file, certificate: certificate, key: key}
}

// Issue makes an identity that is valid until now plus validity; a negative validity makes an expired one.
func (a *Authority) Issue(tb testing.TB, name string, validity time.Duration) *Identity {
	tb.Helper()
	key := newKey(tb)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(validity),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		tb.Fatalf("certificate %s: %v", name, err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatalf("certificate %s: %v", name, err)
	}
	dir := tb.TempDir()
	id := &Identity{
		Certificate: filepath.Join(dir, "cert.pem"),
		Key:         filepath.Join(dir, "key.pem"),
		KeyAndChain: filepath.Join(dir, "both.pem"),
	}
	certPEM, keyPEM := encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8)
	write(tb, id.Certificate, certPEM)
	write(tb, id.Key, keyPEM)
	write(tb, id.KeyAndChain, bytes.Join([][]byte{keyPEM, certPEM}, nil))
	return id
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatalf("key: %v", err)
	}
	return key
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func write(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatalf("certificates: %v", err)
	}
}
