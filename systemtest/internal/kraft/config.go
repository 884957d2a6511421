// Package kraft runs Apache Kafka from its jars: one node or three, as KRaft brokers and controllers on 127.0.0.1.
package kraft

import "github.com/headrace/headrace/systemtest/internal/pki"

// The Kafka versions the toolkit promises to work with. Most tests run on the current one.
const (
	Oldest  = "3.9.2"
	Current = "4.1.0"
	Recent  = "4.3.1"
	Newest  = "4.4.0"
)

// Config says which cluster to start. The zero value is one node of the current version with a plaintext listener.
type Config struct {
	// Version of Kafka. Defaults to Current.
	Version string
	// Nodes is 1 or 3; with three, topics default to three replicas and need two in sync. Defaults to 1.
	Nodes int
	// Listeners are what clients connect to. Defaults to one plaintext listener named CLIENT.
	Listeners []Listener
	// Proxied makes the brokers advertise, for the first listener, a port of their own where the test runs a proxy.
	Proxied bool
	// Users are created with their passwords for SASL PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
	Users map[string]string
	// Authorize refuses every user whatever no ACL allows. The internal listener stays all-powerful.
	Authorize bool
	// AsShipped gives the brokers the heap, collector and compiler that Kafka's own start script does, for benchmarks: the compiler that
	// tests use, quick to start, makes a broker's work on each record half as dear again.
	AsShipped bool
	// ClusterID is 16 bytes in URL-safe base64. Defaults to one that all clusters share.
	ClusterID string
	// Properties are added to server.properties and win over what the harness sets.
	Properties map[string]string
}

// Listener is one way into the cluster.
type Listener struct {
	// Name in capital letters.
	Name string
	// Identity makes the listener speak TLS with this certificate.
	Identity *pki.Identity
	// SASL makes clients authenticate as one of Config.Users.
	SASL bool
}

func (l Listener) protocol() string {
	switch {
	case l.SASL && l.Identity != nil:
		return "SASL_SSL"
	case l.SASL:
		return "SASL_PLAINTEXT"
	case l.Identity != nil:
		return "SSL"
	default:
		return "PLAINTEXT"
	}
}

func (c Config) withDefaults() Config {
	if c.Version == "" {
		c.Version = Current
	}
	if c.Nodes == 0 {
		c.Nodes = 1
	}
	if c.ClusterID == "" {
		c.ClusterID = clusterID
	}
	if len(c.Listeners) == 0 {
		c.Listeners = []Listener{{Name: "CLIENT"}}
	}
	return c
}
