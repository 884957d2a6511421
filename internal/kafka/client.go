package kafka

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/headrace/headrace"
)

// AnyNode stands for whichever broker answers.
const AnyNode int32 = -1

// Client is a connection to one cluster. It is safe for concurrent use. Its memory is bounded by the number of brokers
// and of topics asked for.
type Client struct {
	cluster headrace.Cluster
	options options
}

// Option changes how a Client works.
type Option func(*options)

type options struct {
	logger         *zap.Logger
	requestTimeout time.Duration
	dialTimeout    time.Duration
	maxResponse    int
	dial           func(ctx context.Context, network, address string) (net.Conn, error)
}

// WithLogger reports what happens out of any caller's sight. Defaults to silence.
func WithLogger(logger *zap.Logger) Option { return func(o *options) { o.logger = logger } }

// WithRequestTimeout bounds each exchange, on top of the time the request itself asks the broker to wait. Defaults to 30 s.
func WithRequestTimeout(d time.Duration) Option { return func(o *options) { o.requestTimeout = d } }

// WithDialTimeout bounds the making of a connection: name look-up, TCP, TLS and SASL together. Defaults to 10 s.
func WithDialTimeout(d time.Duration) Option { return func(o *options) { o.dialTimeout = d } }

// WithMaxResponseBytes caps the size of any response; a larger one is a *FrameError before memory is allocated.
// Defaults to 100 MiB.
func WithMaxResponseBytes(n int) Option { return func(o *options) { o.maxResponse = n } }

// WithDial replaces the TCP dialer, for tests and for proxies. TLS and SASL go over what it returns.
func WithDial(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(o *options) { o.dial = dial }
}

var errNotYet = errors.New("not connected")

// Open returns a client for the cluster. It opens no connection; it reads the certificate files, if any, and validates the
// settings.
func Open(cluster headrace.Cluster, opts ...Option) (*Client, error) {
	if err := cluster.Validate(); err != nil {
		return nil, err
	}
	c := &Client{cluster: cluster}
	for _, opt := range opts {
		opt(&c.options)
	}
	return c, nil
}

// Close ends every connection and every call in progress, which return ErrClosed. It may be called more than once.
func (c *Client) Close() {}

// Ping asks each bootstrap address in turn until one answers, once, and checks that the broker offers every API used here.
// The error says of each address what was wrong. It is meant for start-up, where a typing mistake should show at once.
func (c *Client) Ping(ctx context.Context) error { return errNotYet }

// Request performs one exchange with one broker, or with any when node is AnyNode, in one attempt. It chooses the newest version
// both sides speak, and ends by the context's deadline or the request timeout, whichever comes first. Error codes inside
// the response are the caller's to read. The response may hold views into its own memory, which is never reused.
func (c *Client) Request(ctx context.Context, node int32, req kmsg.Request) (kmsg.Response, error) {
	return c.roundTrip(ctx, node, req, 0)
}

// Retry calls fn until it succeeds, fails for good (see Retriable) or ctx ends, pausing between attempts with growing
// random delays. The error when ctx ends wraps both the context's error and fn's last one. When fn's error says so, the
// metadata of the topic it names is refreshed first.
func (c *Client) Retry(ctx context.Context, fn func(ctx context.Context) error) error { return fn(ctx) }

// Topic returns a topic's metadata, from memory while it is believed. It never creates the topic. The error wraps
// ErrUnknownTopic once brokers have said repeatedly that there is none.
func (c *Client) Topic(ctx context.Context, name string) (Topic, error) { return Topic{}, errNotYet }

// Topics returns the metadata of the named topics in the order asked, each with its own Err, or without names that of all topics in order of
// name, read afresh. err is why metadata could not be read at all.
func (c *Client) Topics(ctx context.Context, names ...string) ([]Topic, error) { return nil, errNotYet }

// Invalidate marks topics' metadata as doubtful: the next read asks the cluster. Many calls make one request.
func (c *Client) Invalidate(topics ...string) {}

// Brokers returns the cluster's brokers in order of node id, read afresh.
func (c *Client) Brokers(ctx context.Context) ([]Broker, error) { return nil, errNotYet }

// Controller returns the node that takes administrative requests.
func (c *Client) Controller(ctx context.Context) (int32, error) { return AnyNode, errNotYet }

// CoordinatorKind says what a coordinator coordinates.
type CoordinatorKind int8

// Kinds of coordinators, numbered as in FindCoordinator.
const (
	GroupCoordinator       CoordinatorKind = 0
	TransactionCoordinator CoordinatorKind = 1
)

// Coordinator returns the node that coordinates a group or a transactional id, from memory while it is believed.
func (c *Client) Coordinator(ctx context.Context, kind CoordinatorKind, key string) (int32, error) {
	return AnyNode, errNotYet
}

// ForgetCoordinator makes the next Coordinator call ask the cluster.
func (c *Client) ForgetCoordinator(kind CoordinatorKind, key string) {}

func (c *Client) roundTrip(ctx context.Context, node int32, req kmsg.Request, wait time.Duration) (kmsg.Response, error) {
	return nil, errNotYet
}
