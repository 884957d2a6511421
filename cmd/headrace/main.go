// Command headrace runs a development broker and registry, moves events in and out of topics as JSON, and looks after
// topics and schemas. See `headrace --help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/headrace/headrace/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks the command to end; a second one ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, cli.Env{
		Args:   os.Args[1:],
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}))
}
