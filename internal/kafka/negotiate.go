package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// negotiate asks for the broker's API versions, in the newest version of the question that the broker has spoken before.
// One that does not know it answers in version 0, with the versions it knows (KIP-511), and is asked again.
//
// From version 5 on (Kafka 4.4) the question says which broker of which cluster is meant, and another one refuses it
// (KIP-1242): an address that leads elsewhere is found out before anything is sent there.
func (c *Client) negotiate(conn *conn) (apiVersions, error) {
	own := supported(int16(kmsg.ApiVersions))
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = clientSoftware, clientVersion
	if cluster, node, ok := c.metadata.identity(conn.addr); ok {
		req.ClusterID, req.NodeID = &cluster, node
	}
	req.Version = c.greeting(conn.addr, own.max)
	for {
		resp, err := askVersions(conn, req)
		if err != nil {
			return nil, err
		}
		offered := versionsOf(resp)
		known := min(own.max, max(offered[int16(kmsg.ApiVersions)].max, own.min))
		c.greets(conn.addr, known)
		failure := codeError(resp.ErrorCode)
		switch {
		case failure == nil:
			return offered, nil
		case errors.Is(failure, kerr.UnsupportedVersion) && known < req.Version:
			req.Version = known
			continue
		case errors.Is(failure, kerr.RebootstrapRequired):
			misled := &BrokerError{Request: "ApiVersions", Node: req.NodeID, Partition: -1, Err: failure, Message: "another broker answers at " + conn.addr}
			c.metadata.forget(Broker{Node: req.NodeID, Addr: conn.addr}, misled)
			return nil, misled
		}
		return nil, &BrokerError{Request: "ApiVersions", Node: AnyNode, Partition: -1, Err: failure}
	}
}

// askVersions makes one exchange.
func askVersions(conn *conn, req *kmsg.ApiVersionsRequest) (*kmsg.ApiVersionsResponse, error) {
	body, err := handshake(conn, req, false)
	if err != nil {
		return nil, err
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.Version = req.Version
	if r := (wireReader{src: body}); r.int16() == kerr.UnsupportedVersion.Code {
		resp.Version = 0
	}
	if err := decode(resp, body); err != nil {
		return nil, &FrameError{Request: "ApiVersions", Addr: conn.addr, Reason: err.Error()}
	}
	return resp, nil
}

// greeting is the version of ApiVersions to ask an address in.
func (c *Client) greeting(addr string, newest int16) int16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.brokers[addr]; b != nil && b.greeted {
		return b.greeting
	}
	return newest
}

// greets notes which version of ApiVersions an address speaks.
func (c *Client) greets(addr string, version int16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.brokers[addr]; b != nil {
		b.greeting, b.greeted = version, true
	}
}

// identity returns the cluster and node that metadata lists at an address, unless there is none or more than one.
func (m *metadataCache) identity(addr string) (cluster string, node int32, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clusterID == "" {
		return "", AnyNode, false
	}
	for _, b := range m.brokers {
		if b.Addr != addr {
			continue
		}
		if ok {
			return "", AnyNode, false
		}
		node, ok = b.Node, true
	}
	return m.clusterID, node, ok
}

// forget takes a broker that is not where it was listed out of the list. Exchanges with it fail by reason until the list
// is read again; the others' go on.
func (m *metadataCache) forget(b Broker, reason error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.brokers[b.Node].Addr != b.Addr {
		return // read again meanwhile
	}
	others := make(map[int32]Broker, len(m.brokers))
	misled := map[int32]error{b.Node: reason}
	for node, other := range m.brokers {
		if node != b.Node {
			others[node] = other
		}
	}
	for node, other := range m.misled {
		misled[node] = other
	}
	m.brokers, m.misled = others, misled
}

// astray returns why nothing may be sent to a node at the moment, if so. A connection that was made without saying who
// is meant would carry the exchange to another broker.
func (m *metadataCache) astray(node int32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.misled[node]
}
