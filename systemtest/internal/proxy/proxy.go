// Package proxy is a TCP proxy on loopback that understands enough of Kafka's framing to break a conversation at a
// chosen point, above all after a broker has written records and before its answer reaches the client.
package proxy

import (
	"net"
	"sync"
	"testing"

	"github.com/headrace/headrace/systemtest/internal/kraft"
)

// Proxy stands in front of one broker. It ends with the test that started it.
type Proxy struct {
	upstream string
	faults   *Faults
	listener net.Listener

	mu          sync.Mutex
	connections map[*connection]struct{}
	closed      bool
	running     sync.WaitGroup
}

// Front starts a proxy before every node of a cluster that was started with Config.Proxied; all obey the same faults.
func Front(tb testing.TB, c *kraft.Cluster) *Faults {
	tb.Helper()
	faults := &Faults{}
	for _, n := range c.Nodes() {
		advertised, bound := n.ProxyPorts()
		Start(tb, advertised, bound, faults)
	}
	return faults
}

// Start listens on an address and passes every connection on to upstream, as faults allows.
func Start(tb testing.TB, listen, upstream string, faults *Faults) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		tb.Fatalf("proxy of %s: %v", upstream, err)
	}
	p := &Proxy{upstream: upstream, faults: faults, listener: listener, connections: map[*connection]struct{}{}}
	faults.add(p)
	p.running.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Address is where clients connect.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	broker, err := net.Dial("tcp", p.upstream)
	if err != nil {
		// A broker that is down refuses; the nearest a proxy can come is to hang up.
		_ = client.Close()
		return
	}
	c := &connection{client: client, broker: broker, upstream: p.upstream, faults: p.faults, asked: map[int32]int16{}}
	if !p.register(c) {
		c.close()
		return
	}
	defer p.forget(c)
	c.run()
}

func (p *Proxy) register(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.connections[c] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) forget(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.connections, c)
}

// hangUp closes every open connection and returns how many there were.
func (p *Proxy) hangUp() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.connections {
		c.close()
	}
	return len(p.connections)
}

func (p *Proxy) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.connections)
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.hangUp()
	p.running.Wait()
}
