// Command delays is a worker of the group delays: it turns late arrivals of the topic flights into alerts, until it is told to
// stop (SIGTERM or Ctrl-C). KAFKA_BROKERS and SCHEMA_REGISTRY_URL say where. Several of them share the partitions.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/examples/flights"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "delays:", err)
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
	p, err := connection.Producer()
	if err != nil {
		return err
	}
	delays := flights.NewDelays(p)
	worker, err := delays.Worker(connection)
	if err != nil {
		return err
	}
	err = worker.Run(ctx)
	// The producer ends last: running handlers send until the worker has drained.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err = errors.Join(err, p.Close(closing))
	logger.Info("stopped", zap.Int64("alerts", delays.Sent()))
	return err
}
