package kafka

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
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
	tls     *tlsSource  // nil without TLS
	sasl    *saslSource // nil without SASL

	ctx         context.Context // ends with Close
	cancel      context.CancelFunc
	background  sync.WaitGroup
	correlation atomic.Int32

	// scratch holds request frames between exchanges, answers the memory of fetch answers; settle guarantees that nothing
	// refers to a frame any more when it comes back.
	scratch sync.Pool
	answers sync.Pool

	metadata     *metadataCache
	coordinators coordinatorCache

	mu      sync.Mutex
	closed  bool
	brokers map[string]*broker // by host:port
	conns   map[*conn]struct{}
}

// Option changes how a Client works.
type Option func(*options)

type options struct {
	logger         *zap.Logger
	requestTimeout time.Duration
	dialTimeout    time.Duration
	metadataMaxAge time.Duration
	// patience is what one of several brokers gets for a request that any of them can answer: one that accepts
	// connections and says nothing must not use up the time of the others.
	patience    time.Duration
	maxResponse int
	dial        func(ctx context.Context, network, address string) (net.Conn, error)
}

// WithLogger reports what no caller gets to hear as an error: certificate files that cannot be read again, and
// certificate checks that are switched off. Nil, and the default, is silence.
func WithLogger(logger *zap.Logger) Option {
	return func(o *options) {
		if logger != nil {
			o.logger = logger
		}
	}
}

// WithRequestTimeout bounds each exchange, on top of the time the request itself asks the broker to wait. Defaults to
// 30 s.
func WithRequestTimeout(d time.Duration) Option { return func(o *options) { o.requestTimeout = d } }

// WithDialTimeout bounds the making of a connection: name look-up, TCP, TLS and SASL together. Defaults to 10 s.
func WithDialTimeout(d time.Duration) Option { return func(o *options) { o.dialTimeout = d } }

// WithMetadataMaxAge is how long a topic's metadata is believed when nothing speaks against it; new partitions are seen
// after this long. Defaults to 5 min.
func WithMetadataMaxAge(d time.Duration) Option { return func(o *options) { o.metadataMaxAge = d } }

// WithMaxResponseBytes caps the size of a fetch response; a larger one is a *FrameError before memory is allocated.
// Defaults to 100 MiB. Other responses are capped at 16 MiB.
func WithMaxResponseBytes(n int) Option { return func(o *options) { o.maxResponse = n } }

// WithDial replaces the TCP dialer, for tests and for proxies. TLS and SASL go over what it returns.
func WithDial(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(o *options) { o.dial = dial }
}

// Open returns a client for the cluster. It opens no connection; it reads the certificate files, if any, and validates
// the settings.
func Open(cluster headrace.Cluster, opts ...Option) (*Client, error) {
	if err := cluster.Validate(); err != nil {
		return nil, err
	}
	if cluster.ClientID == "" {
		cluster.ClientID = headrace.DefaultClientID
	}
	c := &Client{
		cluster: cluster,
		options: options{
			logger:         zap.NewNop(),
			requestTimeout: 30 * time.Second,
			dialTimeout:    10 * time.Second,
			metadataMaxAge: 5 * time.Minute,
			patience:       3 * time.Second,
			maxResponse:    100 << 20,
			dial:           (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext,
		},
		scratch: sync.Pool{New: func() any { return new([]byte) }},
		answers: sync.Pool{New: func() any { return new([]byte) }},
		brokers: make(map[string]*broker),
		conns:   make(map[*conn]struct{}),
	}
	for _, opt := range opts {
		opt(&c.options)
	}
	var err error
	if cluster.TLS != nil {
		if c.tls, err = newTLSSource(cluster.TLS, c.options.logger); err != nil {
			return nil, err
		}
	}
	if cluster.SASL != nil {
		if c.sasl, err = newSASLSource(cluster.SASL); err != nil {
			return nil, err
		}
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.metadata = newMetadataCache(c)
	return c, nil
}

// Close ends every connection and every call in progress, which return ErrClosed. It may be called more than once.
func (c *Client) Close() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	brokers, conns := c.brokers, c.conns
	c.brokers, c.conns = nil, nil
	c.mu.Unlock()

	c.cancel()
	for conn := range conns {
		conn.abort()
	}
	for _, b := range brokers {
		b.transport.CloseIdleConnections()
	}
	c.background.Wait()
}

// goBackground runs fn unless the client is closed; Close waits for it.
func (c *Client) goBackground(fn func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.background.Go(fn)
	return true
}

// Request performs one exchange with one broker, in one attempt; with AnyNode it goes through the brokers until one
// answers, so it must be harmless to repeat. It chooses the newest version both sides speak, and ends by the context's
// deadline or the request timeout, whichever comes first. Error codes inside the response are the caller's to read. The
// response may hold views into its own memory, which is never reused.
func (c *Client) Request(ctx context.Context, node int32, req kmsg.Request) (kmsg.Response, error) {
	return c.roundTrip(ctx, node, req, 0)
}
