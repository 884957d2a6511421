package process_test

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headrace/headrace/systemtest/internal/process"
)

// parentEnv turns the test binary into a parent that starts a child, prints its process id and waits to be killed.
const parentEnv = "HEADRACE_SYSTEMTEST_PARENT"

func TestChildDiesWithKilledTestProcess(t *testing.T) {
	if os.Getenv(parentEnv) != "" {
		child := process.Start(t, process.Spec{Name: "child", Command: []string{"sh", "-c", "echo $$; exec sleep 600"}, Stdout: os.Stdout})
		_ = child.Wait()
		return
	}
	t.Parallel()
	parent := exec.Command(os.Args[0], "-test.run=^TestChildDiesWithKilledTestProcess$")
	parent.Env = append(os.Environ(), parentEnv+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("process id of the child: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for range 200 {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid) {
			return
		}
		<-time.After(25 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Fatalf("child %d outlived its killed parent by 5 s", pid)
}

// zombie reports whether pid has ended and only waits to be reaped by whoever adopted it.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && bytes.Contains(stat, []byte(") Z "))
}

func TestStopKillsWhatIgnoresSIGTERM(t *testing.T) {
	t.Parallel()
	p := process.Start(t, process.Spec{Name: "deaf", Command: []string{"sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"}})
	p.Await(t, 5*time.Second, func() error {
		if p.Tail(1) != "deaf" {
			return errors.New("trap is not set")
		}
		return nil
	})
	if p.Stop(200 * time.Millisecond) {
		t.Error("Stop says the process ended by itself")
	}
	if p.Alive() {
		t.Error("process is alive after Stop")
	}
}

func TestWaitReturnsExitCode(t *testing.T) {
	t.Parallel()
	p := process.Start(t, process.Spec{Name: "exit", Command: []string{"sh", "-c", "echo gone; exit 3"}})
	var exit *exec.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("Wait = %v, want exit code 3", err)
	}
	if got := p.Tail(1); got != "gone" {
		t.Errorf("Tail = %q, want the line it printed", got)
	}
}
