package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// servers is a running `headrace dev`.
type servers struct {
	kafka    string // host:port
	registry string // base URL

	cmd    *exec.Cmd
	stderr *tail
	output sync.WaitGroup
}

// startServers runs `headrace dev` on free ports, in memory, and returns once it says that it is ready.
func startServers(ctx context.Context, headrace string) (*servers, error) {
	s := &servers{stderr: &tail{}}
	// Without ctx's end: the workers drain after it, and need the servers for that.
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), headrace, "dev", "--memory", "--kafka-port", "0", "--registry-port", "0")
	s.cmd.Stderr = s.stderr
	s.cmd.WaitDelay = 5 * time.Second
	separate(s.cmd)
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s dev: %w; make build builds it", headrace, err)
	}
	ready := make(chan error, 1)
	s.output.Go(func() {
		out := bufio.NewReader(stdout)
		ready <- s.readReady(out)
		_, _ = io.Copy(io.Discard, out) // a full pipe would stop the servers
	})
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s dev: %w: %s", headrace, err, s.stderr), s.stop())
	}
	return s, nil
}

// readReady takes the addresses from what `headrace dev` prints once both servers answer.
func (s *servers) readReady(out io.Reader) error {
	if _, err := fmt.Fscanf(out, "Kafka %s\nRegistry %s\n", &s.kafka, &s.registry); err != nil {
		return fmt.Errorf("did not say where it listens: %w", err)
	}
	return nil
}

// stop ends the servers and waits until they are gone.
func (s *servers) stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		_ = s.cmd.Process.Kill() // it has gone already, or knows no signals
	}
	stuck := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer stuck.Stop()
	s.output.Wait()
	err := s.cmd.Wait()
	if err == nil {
		return nil
	}
	return fmt.Errorf("headrace dev: %w: %s", err, s.stderr)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
