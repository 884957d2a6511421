package kafka

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	maxBrokers  = 10_000 // in one cluster; every list of them beyond is no cluster's
	maxHostName = 255    // RFC 1035
	// maxBrokerText is what a broker's own words may take in an error.
	maxBrokerText = 512
)

// advertised returns the broker of an answer, or why it cannot be reached under what it advertises. Addresses go into
// logs and errors as they are, so a host name holds nothing but visible ASCII.
func advertised(node int32, host string, port int32, rack *string) (Broker, error) {
	switch {
	case node < 0:
		return Broker{}, fmt.Errorf("node id %d is negative", node)
	case host == "":
		return Broker{}, errors.New("it advertises no host name")
	case len(host) > maxHostName:
		return Broker{}, fmt.Errorf("it advertises a host name of %d characters", len(host))
	case strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }):
		return Broker{}, fmt.Errorf("it advertises the host name %q", host)
	case port < 1 || port > 65535:
		return Broker{}, fmt.Errorf("it advertises port %d", port)
	}
	return Broker{Node: node, Addr: net.JoinHostPort(host, strconv.Itoa(int(port))), Rack: clip(text(rack))}, nil
}

// listed returns the brokers of a metadata answer, and why others in it cannot be reached.
func listed(resp *kmsg.MetadataResponse) (brokers map[int32]Broker, unreachable map[int32]error) {
	brokers, unreachable = make(map[int32]Broker, len(resp.Brokers)), make(map[int32]error)
	for _, b := range resp.Brokers {
		broker, err := advertised(b.NodeID, b.Host, b.Port, b.Rack)
		if err != nil {
			unreachable[b.NodeID] = err
			continue
		}
		brokers[b.NodeID] = broker
	}
	return brokers, unreachable
}

// clip cuts what a broker wrote to a size that fits an error or a log line.
func clip(s string) string {
	if len(s) <= maxBrokerText {
		return s
	}
	return strings.ToValidUTF8(s[:maxBrokerText], "") + "..."
}
