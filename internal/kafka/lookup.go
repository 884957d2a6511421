package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// unknownTopicAsks is how often the cluster is asked before a topic counts as missing: right after its creation some
// brokers have not heard of it.
const unknownTopicAsks = 5

// Topic returns a topic's metadata, from memory while it is believed. It never creates the topic. The error wraps
// ErrUnknownTopic once brokers have said repeatedly, over most of a second, that there is none.
func (c *Client) Topic(ctx context.Context, name string) (Topic, error) {
	for ask := 1; ; ask++ {
		e, err := c.metadata.topic(ctx, name)
		if err != nil {
			return Topic{}, err
		}
		if e.err == nil {
			return e.topic, nil
		}
		if !errors.Is(e.err, kerr.UnknownTopicOrPartition) {
			return Topic{}, e.err
		}
		if ask >= unknownTopicAsks {
			return Topic{}, fmt.Errorf("topic %q on %s: %w: create it (headrace topics create %s) or correct the name",
				name, strings.Join(c.cluster.Brokers, ","), ErrUnknownTopic, name)
		}
		if err := c.sleep(ctx, refreshPause); err != nil {
			return Topic{}, fmt.Errorf("topic %q: %w: last: %w", name, err, e.err)
		}
	}
}

// Topics returns the metadata of the named topics in the order asked, each with its own Err, or without names that of
// all topics in order of name, read afresh. err is why metadata could not be read at all.
func (c *Client) Topics(ctx context.Context, names ...string) ([]Topic, error) {
	if len(names) > 0 {
		topics := make([]Topic, len(names))
		for i, name := range names {
			topic, err := c.Topic(ctx, name)
			var conn *ConnError
			if errors.As(err, &conn) || errors.Is(err, ErrClosed) {
				return nil, err
			}
			topic.Name, topic.Err = name, err
			topics[i] = topic
		}
		return topics, nil
	}
	resp, err := c.metadata.ask(ctx, nil, true)
	if err != nil {
		return nil, err
	}
	topics := make([]Topic, 0, len(resp.Topics))
	for i := range resp.Topics {
		topic, err := convertTopic(&resp.Topics[i])
		topic.Err = err
		topics = append(topics, topic)
	}
	slices.SortFunc(topics, func(a, b Topic) int { return cmp.Compare(a.Name, b.Name) })
	return topics, nil
}

// Invalidate marks topics' metadata as doubtful: the next read asks the cluster. Many calls make one request.
func (c *Client) Invalidate(topics ...string) { c.metadata.invalidate(topics) }

// Brokers returns the cluster's brokers in order of node id, read afresh.
func (c *Client) Brokers(ctx context.Context) ([]Broker, error) {
	if err := c.metadata.read(ctx); err != nil {
		return nil, err
	}
	list := c.metadata.brokerList()
	slices.SortFunc(list, func(a, b Broker) int { return cmp.Compare(a.Node, b.Node) })
	return list, nil
}

// Controller returns the node that takes administrative requests, read afresh.
func (c *Client) Controller(ctx context.Context) (int32, error) {
	if err := c.metadata.read(ctx); err != nil {
		return AnyNode, err
	}
	c.metadata.mu.Lock()
	defer c.metadata.mu.Unlock()
	return c.metadata.controller, nil
}

// Ping asks each bootstrap address in turn until one answers, once, and checks that the broker offers every API a
// producer and a worker need. The error says of each address what was wrong. It is meant for start-up, where a typing
// mistake should show at once.
func (c *Client) Ping(ctx context.Context) error {
	var errs []error
	for _, addr := range c.cluster.Brokers {
		m := &pingMessage{}
		err := c.sendTo(ctx, Broker{Node: AnyNode, Addr: addr}, m, c.options.dialTimeout, c.options.dialTimeout)
		if err == nil {
			return m.check(addr)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sleep pauses, and returns early with the reason when ctx ends or the client is closed.
func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.ctx.Done():
		return ErrClosed
	}
}
