package faults

import (
	"testing"
	"time"

	"github.com/headrace/headrace/systemtest/internal/admin"
)

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
