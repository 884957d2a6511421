// Package faults breaks three brokers and the lines to them while events flow.
package faults

import (
	"testing"

	"github.com/headrace/headrace/schema"

	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/proxy"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// environment is three brokers, a proxy in front of each, and a registry.
type environment struct {
	cluster  *kraft.Cluster
	faults   *proxy.Faults
	registry *schema.Registry
	decoder  *schema.Decoder[events.Numbered]
}

func (e *environment) decode(t *testing.T, value []byte) events.Numbered {
	t.Helper()
	ref, body, err := schema.ParseWire(value, nil)
	if err != nil {
		t.Fatalf("record in the topic: %v", err)
	}
	var event events.Numbered
	if err := e.decoder.Decode(t.Context(), ref, body, &event); err != nil {
		t.Fatalf("record in the topic: %v", err)
	}
	return event
}

func TestFaults(t *testing.T) {
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) {
			env := &environment{
				cluster:  kraft.Start(t, kraft.Config{Version: version, Nodes: 3, Proxied: true}),
				registry: stack.Registry(t, apicurio.Start(t).URL),
			}
			env.faults = proxy.Front(t, env.cluster)
			decoder, err := schema.NewDecoder[events.Numbered](env.registry)
			if err != nil {
				t.Fatal(err)
			}
			env.decoder = decoder
			t.Run("answers are cut off", func(t *testing.T) { cutAnswers(t, env) })
			t.Run("answers to commits are cut off", func(t *testing.T) { cutCommits(t, env) })
			t.Run("connections die", func(t *testing.T) { killConnections(t, env) })
			t.Run("nobody answers", func(t *testing.T) { blackHole(t, env) })
			t.Run("leader is killed", func(t *testing.T) { killLeaders(t, env) })
			t.Run("leader hangs", func(t *testing.T) { hangLeader(t, env) })
		})
	}
}
