// Package flights is the reference pipeline: every flight that left New York in 2013, through Kafka and back, on headrace's
// public packages only.
//
// A Publisher reads the flights file into the topic flights as three types of event. Delays turns arrivals more than an hour
// late into events on the topic alerts. Totals counts what happened to each carrier's flights. The programs under cmd run each
// of them as a service, and cmd/demo runs them all.
package flights

import "time"

// The topics and the consumer groups of the pipeline.
const (
	Topic       = "flights"
	AlertsTopic = "alerts"

	DelaysGroup = "delays"
	TotalsGroup = "totals"
)

// Late is the delay beyond which an arrival is worth an alert.
const Late = 60 * time.Minute
