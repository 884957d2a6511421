// Package process runs the servers and clients of a test as child processes that never outlive it.
package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// guard replaces itself by the command and leaves a watcher behind that holds the read end of a pipe from the test.
// A line on the pipe means the command has ended and its process id is no longer ours; end of file without a line
// means the test process is gone, so the command is killed. This works for SIGKILL of the test binary too, which
// parent-death signals do not: they are sent when the thread, not the process, that started the child ends.
const guard = `( read -r line <&3 || kill -KILL $$ ) >/dev/null 2>&1 & exec "$@" 3<&-`

// Spec says what to run.
type Spec struct {
	// Name stands for the process in messages and names its log file.
	Name string
	// Command is the program and its arguments.
	Command []string
	// Env is added to the environment of the test process.
	Env []string
	// Dir is the working directory. Defaults to that of the test process.
	Dir string
	// Log is the file that standard output and error are appended to. Defaults to a file in tb.TempDir.
	Log string
	// Stdout receives standard output instead of the log.
	Stdout io.Writer
	// Stdin is read as standard input. Defaults to none.
	Stdin io.Reader
}

// Process is a running child. Its methods may be called from several goroutines.
type Process struct {
	name   string
	log    string
	cmd    *exec.Cmd
	leash  *os.File
	ended  chan struct{}
	result error
}

// Start runs spec and ends it, at the latest, when the test ends. When the test fails the tail of the log is shown.
func Start(tb testing.TB, spec Spec) *Process {
	tb.Helper()
	p, err := start(tb, spec)
	if err != nil {
		tb.Fatalf("%s: start: %v", spec.Name, err)
	}
	tb.Cleanup(func() {
		p.Kill()
		if tail := p.Tail(60); tb.Failed() && tail != "" {
			tb.Logf("log of %s:\n%s", p.name, tail)
		}
	})
	return p
}

func start(tb testing.TB, spec Spec) (*Process, error) {
	if spec.Log == "" {
		spec.Log = filepath.Join(tb.TempDir(), spec.Name+".log")
	}
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	watched, leash, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = watched.Close() }()

	cmd := exec.Command("/bin/sh", append([]string{"-c", guard, "sh"}, spec.Command...)...)
	cmd.Env = append(os.Environ(), spec.Env...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = spec.Dir, spec.Stdin, log, log
	if spec.Stdout != nil {
		cmd.Stdout = spec.Stdout
	}
	cmd.ExtraFiles = []*os.File{watched}
	if err := cmd.Start(); err != nil {
		_ = leash.Close()
		return nil, err
	}
	p := &Process{name: spec.Name, log: spec.Log, cmd: cmd, leash: leash, ended: make(chan struct{})}
	go p.wait()
	return p, nil
}

func (p *Process) wait() {
	p.result = p.cmd.Wait()
	_, _ = io.WriteString(p.leash, "ended\n")
	_ = p.leash.Close()
	close(p.ended)
}

// ID is the process id: that of the command itself, which the shell around it has become.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Wait returns how the process ended: nil for exit code 0.
func (p *Process) Wait() error {
	<-p.ended
	return p.result
}

// Kill sends SIGKILL and waits for the end.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// Stop sends SIGTERM, waits for up to limit and then kills. It reports whether the process ended by itself.
func (p *Process) Stop(limit time.Duration) bool {
	p.Signal(syscall.SIGTERM)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		p.Kill()
		return false
	}
}

// Signal sends sig to the process; a process that has ended is left alone.
func (p *Process) Signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// Alive reports whether the process still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Tail returns the last lines of the log.
func (p *Process) Tail(lines int) string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Sprintf("unreadable: %v", err)
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
