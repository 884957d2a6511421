// Command produce sends the flights of a file, or the sample's, to the topic flights: produce [FILE]. KAFKA_BROKERS and
// SCHEMA_REGISTRY_URL say where.
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
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "produce:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	logger, err := zap.NewProduction()
	if err != nil {
		return err
	}
	connection, err := flights.FromEnv(logger)
	if err != nil {
		return err
	}
	rows, err := flights.Sample()
	if len(args) > 0 {
		file, openErr := os.Open(args[0])
		if openErr != nil {
			return openErr
		}
		defer func() { _ = file.Close() }() // it was only read
		rows, err = flights.NewReader(file)
	}
	if err != nil {
		return err
	}
	p, err := connection.Producer()
	if err != nil {
		return err
	}
	publisher := flights.NewPublisher(p)
	err = publisher.Publish(ctx, rows)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err = errors.Join(err, p.Close(closing))
	logger.Info("published", zap.Int64("flights", publisher.Acked()))
	return err
}
