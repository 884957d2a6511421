// Package faults breaks three brokers and the lines to them while events flow.
package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/systemtest/internal/admin"
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
			t.Run("connections die", func(t *testing.T) { killConnections(t, env) })
			t.Run("leader is killed", func(t *testing.T) { killLeaders(t, env) })
			t.Run("leader hangs", func(t *testing.T) { hangLeader(t, env) })
		})
	}
}

// cutAnswers loses the answer to a Produce request 1,000 times, after the broker has written the records.
func cutAnswers(t *testing.T, env *environment) {
	const cuts = 1000
	f := startFlow(t, env, "cut-answers")
	f.awaitMore(t, 1000, time.Minute)
	before := env.faults.Cuts()
	env.faults.CutAnswers(proxy.Produce, cuts, 0.7)
	f.worker.Until(t, 4*time.Minute, "1,000 answers are cut off", func() bool { return env.faults.Cuts()-before >= cuts })
	f.awaitMore(t, 1000, time.Minute)
	f.finish(t, "1,000 answers cut off after the broker wrote")
}

// killConnections hangs up on everybody at random moments.
func killConnections(t *testing.T, env *environment) {
	f := startFlow(t, env, "kill-connections")
	f.awaitMore(t, 1000, time.Minute)
	closed := 0
	for range 30 {
		<-time.After(time.Duration(100+rand.IntN(500)) * time.Millisecond)
		closed += env.faults.HangUp()
	}
	f.awaitMore(t, 1000, time.Minute)
	f.finish(t, "30 times every connection closed")
	if closed < 30 {
		t.Errorf("only %d connections were there to close", closed)
	}
}

// killLeaders kills the leader of partition 0 with SIGKILL five times, and each time lets the others go on without it
// before it comes back.
func killLeaders(t *testing.T, env *environment) {
	f := startFlow(t, env, "kill-leaders")
	for range 5 {
		f.awaitMore(t, 2000, time.Minute)
		leader := env.cluster.Node(admin.Leader(t, env.cluster, f.topic, 0))
		leader.Kill()
		f.awaitMore(t, 2000, time.Minute)
		leader.Start(t)
		admin.AwaitInSync(t, env.cluster, f.topic)
	}
	f.awaitMore(t, 2000, time.Minute)
	f.finish(t, "leader killed and restarted 5 times")
}

// hangLeader stops the leader's process for longer than the cluster waits for it: its connections stay open, and it
// wakes up as a leader that nobody follows any more.
func hangLeader(t *testing.T, env *environment) {
	f := startFlow(t, env, "hang-leader")
	f.awaitMore(t, 2000, time.Minute)
	leader := env.cluster.Node(admin.Leader(t, env.cluster, f.topic, 0))
	leader.Pause()
	<-time.After(8 * time.Second)
	leader.Continue()
	f.awaitMore(t, 5000, 2*time.Minute)
	admin.AwaitInSync(t, env.cluster, f.topic)
	f.finish(t, "leader hung for 8 s")
}
