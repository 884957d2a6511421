// Command setup makes the cluster and the registry that KAFKA_BROKERS and SCHEMA_REGISTRY_URL name what headrace.yaml says: schemas,
// topics, and rights where there is an authorizer. It may be run again.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/headrace/headrace/examples/flights"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "setup:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connection, err := flights.FromEnv(nil)
	if err != nil {
		return err
	}
	return flights.Setup(ctx, connection)
}
