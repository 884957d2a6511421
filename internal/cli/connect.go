package cli

import (
	"context"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema"
)

// cluster is where Kafka is: the flag's brokers, else the environment's.
func (a *app) cluster() (headrace.Cluster, error) {
	cluster, err := headrace.FromEnv()
	if err != nil {
		return headrace.Cluster{}, fmt.Errorf("environment: %w", err)
	}
	if len(a.brokers) > 0 {
		cluster.Brokers = a.brokers
		if err := cluster.Validate(); err != nil {
			return headrace.Cluster{}, &usageError{fmt.Errorf("--brokers: %w", err)}
		}
	}
	return cluster, nil
}

// openRegistry is a client of the flag's registry, else of the environment's.
func (a *app) openRegistry() (*schema.Registry, error) {
	return schema.RegistryFromEnv()
}

// within bounds a question to brokers or registry.
func (a *app) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, a.timeout, fmt.Errorf("no answer within %v (--timeout)", a.timeout))
}
