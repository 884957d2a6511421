// Package headrace is a toolkit for event pipelines on Apache Kafka.
//
// The root package holds what the other packages share: [Cluster], which says how to reach a Kafka cluster, written in code or read from
// the environment by [FromEnv]; [Secret], a string that never prints itself; and [Location], [OffsetRange] and [Header], which are parts of
// Kafka's logs and records.
package headrace

// Cluster says how to reach a Kafka cluster and who we are there. One value serves producers, consumers and tools.
// It holds no connection: it is plain data, copied freely, and safe to share as long as nobody writes to it.
type Cluster struct {
	// Brokers are the addresses (host:port) a client asks first; the cluster's answer names the others. Several
	// addresses let a client start while one of them is down. At least one is required.
	Brokers []string

	// ClientID names this application in broker logs, quotas and metrics. Defaults to "headrace".
	ClientID string

	// TLS switches encryption on. Nil means plaintext.
	TLS *TLS

	// SASL switches authentication on. Nil means that none is attempted.
	SASL *SASL
}

// DefaultClientID is what brokers see when Cluster.ClientID is empty.
const DefaultClientID = "headrace"
