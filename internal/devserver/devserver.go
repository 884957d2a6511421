// Package devserver runs a Kafka broker and a schema registry inside this process: kfake and srfake, with the
// compatibility check that srfake leaves out and a data directory that survives a restart. It serves `headrace dev`
// and headracetest. It is for development and tests, never for production: one broker, no replication, no
// authentication unless a test asks for it.
package devserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Config says where the two servers listen and where they keep their data. The zero value is a pair on free
// loopback ports that keeps everything in memory.
type Config struct {
	// KafkaAddr is the host:port the broker listens on and tells its clients. Defaults to 127.0.0.1:0, a free port.
	KafkaAddr string
	// RegistryAddr is the host:port of the registry. Defaults to 127.0.0.1:0, a free port.
	RegistryAddr string
	// DataDir is a directory, created when missing, that holds topics, events, groups and schemas from one start to
	// the next. One server at a time may use it. Empty keeps everything in memory.
	DataDir string
	// Broker adds options to the broker; tests use it for SASL, ACLs and TLS.
	Broker []kfake.Opt
}

// Server is a running broker and registry. Its methods may be called from any goroutine.
type Server struct {
	// KafkaAddr is the broker's host:port.
	KafkaAddr string
	// RegistryURL is the registry's base URL.
	RegistryURL string

	cluster      *kfake.Cluster
	sessions     *sessions
	registry     *registry
	registryDown atomic.Bool
	http         *http.Server
	served       chan struct{}
	lock         *dirLock
	close        sync.Once
	closeErr     error
}

// Start runs a broker and a registry until Close. Both ports are taken before anything else happens, so that a busy
// one is a *PortError and leaves nothing behind; a data directory in use by another server is a *LockedError.
func Start(cfg Config) (*Server, error) {
	kafka, err := listen("kafka", cfg.KafkaAddr)
	if err != nil {
		return nil, err
	}
	reg, err := listen("registry", cfg.RegistryAddr)
	if err != nil {
		return nil, errors.Join(err, kafka.Close())
	}
	s, err := start(cfg, kafka, reg)
	if err != nil {
		return nil, errors.Join(err, closeListener(kafka), closeListener(reg))
	}
	return s, nil
}

func start(cfg Config, kafka, reg net.Listener) (_ *Server, err error) {
	s := &Server{
		KafkaAddr:   kafka.Addr().String(),
		RegistryURL: "http://" + reg.Addr().String(),
		served:      make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeData())
		}
	}()
	brokerDir, journalPath := "", ""
	if cfg.DataDir != "" {
		if s.lock, err = lockDir(cfg.DataDir); err != nil {
			return nil, err
		}
		brokerDir = filepath.Join(cfg.DataDir, "kafka")
		journalPath = filepath.Join(cfg.DataDir, "registry.jsonl")
	}
	if s.registry, err = openRegistry(journalPath); err != nil {
		return nil, err
	}
	s.sessions = newSessions(s.KafkaAddr)
	if s.cluster, err = startBroker(kafka, brokerDir, cfg.Broker, s.sessions); err != nil {
		return nil, fmt.Errorf("broker on %s: %w", s.KafkaAddr, err)
	}
	s.sessions.watch(s.cluster)
	s.http = &http.Server{
		Handler:           fromOwnMachine(reg.Addr().String(), http.HandlerFunc(s.serveRegistry)),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(reg) // always http.ErrServerClosed once Close has run
	}()
	return s, nil
}

// Broker is the broker itself, for tests that move leaders, inject faults or look at groups.
func (s *Server) Broker() *kfake.Cluster { return s.cluster }

// Close stops both servers, writes what is not yet on disk and frees the ports and the data directory. Calls after
// the first return the same error.
func (s *Server) Close() error {
	s.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.http.Shutdown(ctx) != nil { // a client that does not end its request is cut off
			_ = s.http.Close() // the listener is closed already
		}
		<-s.served
		s.closeErr = s.closeData()
	})
	return s.closeErr
}

// closeData stops whatever keeps files open; the lock goes last, so that nobody opens the directory half written.
func (s *Server) closeData() error {
	var errs []error
	if s.sessions != nil {
		s.sessions.stop()
	}
	if s.cluster != nil {
		s.cluster.Close()
	}
	if s.registry != nil {
		errs = append(errs, s.registry.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}
