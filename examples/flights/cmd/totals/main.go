// Command totals is a worker of the group totals: it counts the topic flights by carrier until it is told to stop (SIGTERM or
// Ctrl-C), and then prints what it counted. KAFKA_BROKERS and SCHEMA_REGISTRY_URL say where.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"github.com/headrace/headrace/examples/flights"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "totals:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	logger, err := zap.NewProduction()
	if err != nil {
		return err
	}
	connection, err := flights.FromEnv(logger)
	if err != nil {
		return err
	}
	totals := &flights.Totals{}
	worker, err := totals.Worker(connection)
	if err != nil {
		return err
	}
	err = worker.Run(ctx)
	return errors.Join(err, totals.Tally().Write(os.Stdout))
}
