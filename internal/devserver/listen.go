package devserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// PortError says that a server could not listen on its address.
type PortError struct {
	Server string // "kafka" or "registry"
	Addr   string // host:port as asked for
	Err    error
}

func (e *PortError) Error() string {
	if e.InUse() {
		return fmt.Sprintf("%s: %s is already in use by another process", e.Server, e.Addr)
	}
	return fmt.Sprintf("%s: listen on %s: %v", e.Server, e.Addr, e.Err)
}

// Unwrap returns what the system said.
func (e *PortError) Unwrap() error { return e.Err }

// InUse reports whether another process holds the address.
func (e *PortError) InUse() bool { return errors.Is(e.Err, syscall.EADDRINUSE) }

func listen(server, addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	var config net.ListenConfig
	ln, err := config.Listen(context.Background(), "tcp", addr) // listening does not wait
	if err != nil {
		return nil, &PortError{Server: server, Addr: addr, Err: err}
	}
	return ln, nil
}

// closeListener closes a listener that its server may have closed already.
func closeListener(ln net.Listener) error {
	if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
