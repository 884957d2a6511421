package sender

import (
	"context"

	"github.com/headrace/headrace/internal/kafka"
)

// cluster is what a sender asks of [kafka.Client], which tests replace by a model of a broker.
type cluster interface {
	Topic(ctx context.Context, name string) (kafka.Topic, error)
	Invalidate(topics ...string)
	InitProducerID(ctx context.Context, transactionalID string, current kafka.ProducerID) (kafka.ProducerID, error)
	Produce(ctx context.Context, node int32, req *kafka.ProduceRequest) (*kafka.ProduceResponse, error)
}
