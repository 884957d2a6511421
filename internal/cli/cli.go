// Package cli is the headrace command line: one file per command, each of them flags, validation and a call into a
// public package. Data goes to standard output, everything else to standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
)

const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitChanges     = 3
	exitFindings    = 100
	exitInterrupted = 130
)

// exitError ends a command that has done its work, and has said on standard output what there is to say, with a code that
// scripts can tell from failure.
type exitError int

const (
	errChanges  exitError = exitChanges  // a plan has changes
	errFindings exitError = exitFindings // lint, compatibility: something was found
)

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Env is what a run takes from its process. Connections come from KAFKA_ and SCHEMA_REGISTRY_ variables of the process'
// environment, which headrace.FromEnv and registry.FromEnv read.
type Env struct {
	Args   []string // without the program's name
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Dir is the folder from which headrace.yaml is looked for upwards. Empty is the working directory.
	Dir string
	// IsTerminal reports whether one of the three streams is a terminal. Nil asks the system.
	IsTerminal func(stream any) bool
}

// Main runs the command that env.Args names and returns its exit code: 0 done, 1 failed, 2 wrong usage, 3 a plan has
// changes, 100 findings, 130 interrupted (ctx has ended). The error of a command goes to env.Stderr.
func Main(ctx context.Context, env Env) int {
	if env.IsTerminal == nil {
		env.IsTerminal = isTerminal
	}
	stdout, stderr := &safeWriter{to: env.Stdout}, &safeWriter{to: env.Stderr}
	defer stdout.close()
	defer stderr.close()
	a := &app{Env: env, terminal: env.Stderr, watched: env.IsTerminal(env.Stderr)}
	a.progress = a.watched && !env.IsTerminal(env.Stdin)
	a.Stdout, a.Stderr = stdout, stderr
	root := a.root()
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	command, err := root.ExecuteContextC(ctx)
	var code exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case !a.started || isUsage(err):
		fmt.Fprintf(a.Stderr, "headrace: %v\nSee `%s --help`.\n", err, command.CommandPath())
		return exitUsage
	default:
		fmt.Fprintf(a.Stderr, "headrace: %v\n%s", err, a.nextStep(err))
		return exitFailed
	}
}

// app is one run.
type app struct {
	Env
	brokers  []string
	registry string
	context  string
	// contextFlag is the flag that has named the context; empty is --context.
	contextFlag string
	file        string        // of the project, where a flag names it
	loaded      *project.File // once read
	completing  bool          // a shell asks what may come next, and nobody has said that anything is to be done
	left        string        // which variables of the environment were left out of a connection
	timeout     time.Duration
	// terminal is standard error as it came, for an editor. Everything else is printed through Stderr, and what a terminal would obey
	// is made visible there.
	terminal io.Writer
	// watched is set when standard error is a terminal.
	watched bool
	// progress is set when a person watches standard error and does not type the input.
	progress bool
	// started is set once a command's own code runs: every error before it is a mistake in the arguments.
	started bool
}

// run adapts a command's function to cobra.
func (a *app) run(fn func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		return fn(cmd.Context(), args)
	}
}

// usageError is a mistake in the arguments that shows only once the command runs.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func isUsage(err error) bool {
	var usage *usageError
	return errors.As(err, &usage)
}

// note tells the person at the terminal something that is not data.
func (a *app) note(format string, args ...any) { fmt.Fprintf(a.Stderr, format+"\n", args...) }

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && (isatty.IsTerminal(file.Fd()) || isatty.IsCygwinTerminal(file.Fd()))
}
