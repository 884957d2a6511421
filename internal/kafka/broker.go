package kafka

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// broker is one address and the connections to it. A Transport of its own per address keeps kafka-go's routing out of
// the way: what is sent on it goes to exactly this address, and dropping it touches no other broker.
type broker struct {
	addr      address
	transport *kafka.Transport
	failed    atomic.Int64 // unix nanoseconds of the last failure; 0 after a success
	greeted   bool         // greeting is what the broker said; Client.mu
	greeting  int16        // newest version of ApiVersions that both sides speak; Client.mu
}

// address is a host:port as net.Addr.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

const (
	// idleTimeout stays below the minutes after which load balancers forget a connection.
	idleTimeout = time.Minute
	// transportRefresh is how rarely a Transport asks for metadata of its own accord, which pooled answers.
	transportRefresh = 10 * time.Minute
	// shunTime is how long a broker that failed is asked after all others.
	shunTime = 20 * time.Second
)

func (c *Client) broker(addr string) (*broker, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	b := c.brokers[addr]
	if b == nil {
		b = &broker{addr: address(addr), transport: &kafka.Transport{
			Dial:           c.dialPooled,
			DialTimeout:    c.options.dialTimeout + time.Second, // dial has its own, which explains itself
			IdleTimeout:    idleTimeout,
			MetadataTTL:    transportRefresh,
			MetadataTopics: []string{},
			ClientID:       c.cluster.ClientID,
			Context:        c.ctx,
		}}
		c.brokers[addr] = b
	}
	return b, nil
}

// keepBrokers drops the connections to every address that neither the metadata nor the bootstrap list names any more.
func (c *Client) keepBrokers(known map[int32]Broker) {
	wanted := make(map[string]struct{}, len(known)+len(c.cluster.Brokers))
	for _, addr := range c.cluster.Brokers {
		wanted[addr] = struct{}{}
	}
	for _, b := range known {
		wanted[b.Addr] = struct{}{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for addr, b := range c.brokers {
		if _, ok := wanted[addr]; !ok {
			delete(c.brokers, addr)
			b.transport.CloseIdleConnections()
		}
	}
}

// bootstrapAfter is how many of the known brokers are asked before the bootstrap addresses are.
const bootstrapAfter = 3

// candidates returns the addresses to try for a request that any broker can answer: some known brokers in random order,
// the bootstrap addresses, the other known brokers, then those of them that failed a moment ago. However many brokers
// that do not exist an answer has listed, a bootstrap address comes soon.
func (c *Client) candidates() []Broker {
	known := c.metadata.brokerList()
	rand.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] }) //nolint:gosec // spreads load
	first := min(len(known), bootstrapAfter)
	order := append(make([]Broker, 0, len(known)+len(c.cluster.Brokers)), known[:first]...)
	for _, addr := range c.cluster.Brokers {
		at := func(b Broker) bool { return b.Addr == addr }
		switch i := slices.IndexFunc(known, at); {
		case i < 0:
			order = append(order, Broker{Node: AnyNode, Addr: addr})
		case i >= first && !slices.ContainsFunc(order, at):
			order = append(order, known[i])
		}
	}
	early := len(order)
	for _, b := range known[first:] {
		if !slices.ContainsFunc(order[first:early], func(o Broker) bool { return o.Addr == b.Addr }) {
			order = append(order, b)
		}
	}
	slices.SortStableFunc(order, func(a, b Broker) int { return c.shunned(a.Addr) - c.shunned(b.Addr) })
	return order
}

func (c *Client) shunned(addr string) int {
	c.mu.Lock()
	b := c.brokers[addr]
	c.mu.Unlock()
	if b == nil {
		return 0
	}
	if failed := b.failed.Load(); failed != 0 && time.Since(time.Unix(0, failed)) < shunTime {
		return 1
	}
	return 0
}
