package flights

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/schema/registry"
)

// Connection is what every service of the pipeline talks to, and where it logs.
type Connection struct {
	Cluster  headrace.Cluster
	Registry *registry.Client
	Logger   *zap.Logger     // nil logs nothing
	Retry    []time.Duration // how long events that failed wait before each further try; nil is a minute, and then an hour
	Context  string          // the context of headrace.yaml whose topics there are; it has a retry topic for each delay of Retry
}

// concurrency is how many handlers of a worker run at once.
const concurrency = 16

func (c Connection) retryDelays() []time.Duration {
	if c.Retry == nil {
		return []time.Duration{time.Minute, time.Hour}
	}
	return c.Retry
}

// FromEnv takes the connection from the environment (KAFKA_BROKERS, SCHEMA_REGISTRY_URL and what belongs to them). Where it is
// silent, the connection is to what `headrace dev` starts.
func FromEnv(logger *zap.Logger) (Connection, error) {
	cluster, err := headrace.FromEnv()
	if err != nil {
		return Connection{}, err
	}
	reg, err := registry.FromEnv()
	if err != nil {
		return Connection{}, err
	}
	return Connection{Cluster: cluster, Registry: reg, Logger: logger}, nil
}

// Producer is the connection's producer. A process needs one.
func (c Connection) Producer() (*producer.Producer, error) {
	return producer.New(producer.Config{Cluster: c.Cluster, Registry: c.Registry, Compression: producer.LZ4, Logger: c.Logger})
}

// worker is a worker of one group on the flights. What it cannot handle is tried again after each retry delay and then becomes
// a dead letter, as does at once what it cannot read; what its handlers do not take is none of its business.
func (c Connection) worker(group string, handlers ...consumer.Handler) (*consumer.Worker, error) {
	return consumer.New(c.config(group), handlers...)
}

// Replay gives the events of a plan to handlers of a group, as its workers would, while those go on beside it. How far it has come is
// kept in the file checkpoint, from where another Replay of the same plan goes on.
func (c Connection) Replay(ctx context.Context, plan replay.Plan, checkpoint, group string, handlers ...consumer.Handler) (replay.Result, error) {
	return replay.Run(ctx, plan, replay.RunConfig{Worker: c.config(group), Checkpoint: checkpoint}, handlers...)
}

func (c Connection) config(group string) consumer.Config {
	return consumer.Config{
		Cluster:   c.Cluster,
		Registry:  c.Registry,
		Group:     group,
		Topics:    []string{Topic},
		Unhandled: consumer.UnhandledSkip,
		// The events of a flight's key stay in order; other keys go on beside one that waits.
		Concurrency: concurrency,
		Policy: consumer.Policy{
			Attempts:   2,
			ErrorRules: []consumer.ErrorRule{{Is: ErrUnknownCarrier, Then: consumer.Permanent}},
			Retry:      c.retryDelays(),
			DeadLetter: true,
		},
		Logger: c.Logger,
	}
}
