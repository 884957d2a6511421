// Command demo runs the whole flights pipeline on a machine that has nothing but Go: it starts `headrace dev` in memory, sends
// the flights, runs both workers beside the producer, and compares what came out with what the file holds. It exits with 1
// when they differ.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/headrace/headrace/examples/flights"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	headrace := flags.String("headrace", "bin/headrace", "the headrace program, which serves Kafka and the registry")
	file := flags.String("flights", "", "gzip-compressed flights file (default: the 20,000 flights of the sample)")
	limit := flags.Duration("timeout", 5*time.Minute, "longest time the demo may take")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *limit, fmt.Errorf("not done after %v", *limit))
	defer cancel()
	start := time.Now()

	want, err := tally(*file)
	if err != nil {
		return err
	}
	servers, err := startServers(ctx, *headrace)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := servers.stop(); err == nil {
			err = stopErr
		}
	}()
	fmt.Fprintf(out, "servers   Kafka %s, registry %s, in memory\n", servers.kafka, servers.registry)

	p, err := newPipeline(servers, want.Sum())
	if err != nil {
		return err
	}
	if err := p.prepare(ctx, out); err != nil {
		return err
	}
	if err := p.run(ctx, *file, out); err != nil {
		return err
	}
	if err := p.report(ctx, want, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe totals equal the file's. %.1f seconds.\n", time.Since(start).Seconds())
	return nil
}

// tally counts the file before anything is sent: the answer the pipeline has to arrive at by another way.
func tally(file string) (flights.Tally, error) {
	rows, closeRows, err := open(file)
	if err != nil {
		return nil, err
	}
	defer closeRows()
	return flights.Count(rows)
}

func open(file string) (*flights.Reader, func(), error) {
	if file == "" {
		rows, err := flights.Sample()
		return rows, func() {}, err
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	closeIn := func() { _ = in.Close() } // it was only read
	rows, err := flights.NewReader(in)
	if err != nil {
		closeIn()
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return rows, closeIn, nil
}
