package flights

import (
	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
)

// Connection is what every service of the pipeline talks to, and where it logs.
type Connection struct {
	Cluster  headrace.Cluster
	Registry *schema.Registry
	Logger   *zap.Logger // nil logs nothing
}

// FromEnv takes the connection from the environment (KAFKA_BROKERS, SCHEMA_REGISTRY_URL and what belongs to them). Where it is
// silent, the connection is to what `headrace dev` starts.
func FromEnv(logger *zap.Logger) (Connection, error) {
	cluster, err := headrace.FromEnv()
	if err != nil {
		return Connection{}, err
	}
	registry, err := schema.RegistryFromEnv()
	if err != nil {
		return Connection{}, err
	}
	return Connection{Cluster: cluster, Registry: registry, Logger: logger}, nil
}

// Producer is the connection's producer. A process needs one.
func (c Connection) Producer() (*producer.Producer, error) {
	return producer.New(producer.Config{Cluster: c.Cluster, Registry: c.Registry, Compression: producer.LZ4, Logger: c.Logger})
}

// worker is a worker of one group on the flights. What it cannot read or handle becomes a dead letter; what its handlers do not
// take is none of its business.
func (c Connection) worker(group string, handlers ...consumer.Handler) (*consumer.Worker, error) {
	return consumer.New(consumer.Config{
		Cluster:   c.Cluster,
		Registry:  c.Registry,
		Group:     group,
		Topics:    []string{Topic},
		Unhandled: consumer.UnhandledSkip,
		Policy:    consumer.Policy{DeadLetter: true},
		Logger:    c.Logger,
	}, handlers...)
}
