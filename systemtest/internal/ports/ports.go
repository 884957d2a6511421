// Package ports hands out TCP ports of 127.0.0.1 that no other test process and no outgoing connection will take
// between the choice and the bind.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// first and last lie below the range from which Linux takes the local ports of outgoing connections.
const first, last = 20000, 31999

// Free returns a port nobody listens on, and reserves it for the test: a server may bind it, stop and bind it again.
func Free(tb testing.TB) int {
	tb.Helper()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("headrace-systemtest-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatalf("ports: %v", err)
	}
	for range 1000 {
		port := first + rand.IntN(last-first+1)
		release, err := reserve(filepath.Join(dir, strconv.Itoa(port)), port)
		if err == nil {
			tb.Cleanup(release)
			return port
		}
	}
	tb.Fatalf("ports: 1000 random ports between %d and %d are all taken", first, last)
	return 0
}

// reserve locks the port's file, which keeps other test processes away, and binds the port once, which shows that
// no stranger has it.
func reserve(path string, port int) (release func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	if err := listener.Close(); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}
