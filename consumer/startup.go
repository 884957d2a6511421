package consumer

import (
	"context"
	"errors"

	"github.com/headrace/headrace/internal/kafka"
)

// check fails at once on mistakes that would otherwise show only once an event needs what they are about: credentials, and topics. Brokers
// that do not answer are waited for.
func (e *engine) check(ctx context.Context) error {
	if err := e.client.Retry(ctx, e.client.Ping); err != nil {
		return err
	}
	sides := sideTopics{
		client: e.client, group: e.group, dead: e.routes.deadLetters(e.cfg), delays: e.routes.delays(),
		create: e.cfg.Tuning.CreateTopics, log: e.cfg.Logger,
	}
	var errs []error
	for _, topic := range e.cfg.Topics {
		found, err := e.topic(ctx, topic)
		if errors.Is(err, kafka.ErrUnknownTopic) {
			errs = append(errs, missingTopic(topic))
			continue
		}
		if err != nil {
			return err
		}
		errs = append(errs, sides.of(ctx, found))
	}
	if err := errors.Join(append(errs, e.replays.check(ctx, e.group))...); err != nil || len(sides.delays) == 0 {
		return err
	}
	return e.collisions(ctx)
}

func (e *engine) topic(ctx context.Context, name string) (found kafka.Topic, err error) {
	err = e.client.Retry(ctx, func(ctx context.Context) error {
		found, err = e.client.Topic(ctx, name)
		return err
	})
	return found, err
}
