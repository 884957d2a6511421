package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
)

// tlsSource makes a TLS configuration for each connection, with what the certificate files say at that moment.
type tlsSource struct {
	settings headrace.TLS
	logger   *zap.Logger

	mu          sync.Mutex
	roots       *x509.CertPool // nil: the system's
	rootsFrom   stamp
	certificate *tls.Certificate // nil: none
	certFrom    stamp
	keyFrom     stamp
}

// stamp tells versions of a file apart.
type stamp struct {
	modified time.Time
	size     int64
}

func newTLSSource(settings *headrace.TLS, logger *zap.Logger) (*tlsSource, error) {
	s := &tlsSource{settings: *settings, logger: logger}
	if settings.InsecureSkipVerify {
		logger.Warn("brokers' certificates are not checked: anybody on the path can read and change events")
	}
	if err := errors.Join(s.loadRoots(), s.loadCertificate()); err != nil {
		return nil, err
	}
	return s, nil
}

// config returns the configuration for a connection to host. A file that cannot be read now, or does not parse because
// it is being written, leaves the last good one in use.
func (s *tlsSource) config(host string) *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.loadRoots(), s.loadCertificate()); err != nil {
		s.logger.Warn("certificate files cannot be read again, the former ones stay in use", zap.Error(err))
	}
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         host,
		RootCAs:            s.roots,
		InsecureSkipVerify: s.settings.InsecureSkipVerify, //nolint:gosec // asked for by name
	}
	if s.settings.ServerName != "" {
		config.ServerName = s.settings.ServerName
	}
	if certificate := s.certificate; certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	return config
}

func (s *tlsSource) loadRoots() error {
	file := s.settings.CAFile
	if file == "" {
		return nil
	}
	now, err := stampOf(file)
	if err != nil || now == s.rootsFrom {
		return wrapFile("CA file", err)
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return wrapFile("CA file", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("tls: CA file %s holds no PEM certificate", file)
	}
	s.roots, s.rootsFrom = pool, now
	return nil
}

func (s *tlsSource) loadCertificate() error {
	if s.settings.CertFile == "" {
		return nil
	}
	cert, err := stampOf(s.settings.CertFile)
	if err != nil {
		return wrapFile("certificate", err)
	}
	key, err := stampOf(s.settings.KeyFile)
	if err != nil || (cert == s.certFrom && key == s.keyFrom) {
		return wrapFile("key", err)
	}
	pair, err := tls.LoadX509KeyPair(s.settings.CertFile, s.settings.KeyFile)
	if err != nil {
		return fmt.Errorf("tls: certificate %s with key %s: %w", s.settings.CertFile, s.settings.KeyFile, err)
	}
	s.certificate, s.certFrom, s.keyFrom = &pair, cert, key
	return nil
}

func stampOf(file string) (stamp, error) {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{}, err
	}
	return stamp{modified: info.ModTime(), size: info.Size()}, nil
}

func wrapFile(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("tls: %s: %w", what, err)
}

// tlsError tells certificates that are not accepted, which no retry changes, from connections that broke. A broker's
// refusal of ours may come only with the first read after the handshake (TLS 1.3).
func tlsError(addr string, err error) error {
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &verification):
		return &AuthError{Addr: addr, Method: "TLS", Err: err}
	case errors.As(err, &header):
		const reason = "it does not answer in TLS: the port is a plaintext one, or not Kafka's"
		return &FrameError{Request: "TLS handshake", Addr: addr, NotKafka: true, Reason: reason}
	case errors.As(err, &op) && op.Op == "remote error":
		return &AuthError{Addr: addr, Method: "TLS", Err: fmt.Errorf("the broker refused: %w", op.Err)}
	}
	return err
}
