// Package replay proves on real Kafka what package replay promises, across processes that are killed and servers that stop.
package replay

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/headrace/headrace/systemtest/internal/process"
)

// programVariable makes the test binary one of programs, and inputVariable is what that gets.
const (
	programVariable = "HEADRACE_REPLAY_PROGRAM"
	inputVariable   = "HEADRACE_REPLAY_INPUT"
)

// programs are what the test binary is when a test starts it again, as a process that can be killed.
var programs = map[string]func(input []byte) error{
	"copy":    copyProgram,
	"redrive": redriveProgram,
	"run":     runProgram,
}

func TestMain(m *testing.M) {
	name := os.Getenv(programVariable)
	if name == "" {
		m.Run() // its result is the exit code of the test binary
		return
	}
	program, known := programs[name]
	err := fmt.Errorf("no program %q", name)
	if known {
		err = program([]byte(os.Getenv(inputVariable)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // a child process is a program of its own
	}
}

// startProgram runs one of programs with the JSON of input. What it prints goes to stdout, or into the test's log where that is nil.
func startProgram(t *testing.T, name string, input any, stdout io.Writer) *process.Process {
	t.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Start(t, process.Spec{
		Name: name, Command: []string{binary}, Env: []string{programVariable + "=" + name, inputVariable + "=" + string(text)}, Stdout: stdout,
	})
}
