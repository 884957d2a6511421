package faults

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headrace/headrace/producer"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/proxy"
)

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

// cutCommits loses the answer to an OffsetCommit request 50 times, after the group has committed.
func cutCommits(t *testing.T, env *environment) {
	const cuts = 50
	f := startFlow(t, env, "cut-commits")
	f.awaitMore(t, 1000, time.Minute)
	before := env.faults.Cuts()
	env.faults.CutAnswers(proxy.OffsetCommit, cuts, 0.5)
	f.worker.Until(t, 2*time.Minute, "50 answers are cut off", func() bool { return env.faults.Cuts()-before >= cuts })
	f.finish(t, "50 answers to commits cut off")
}

// blackHole swallows whatever is sent, both ways, and holds calls to their deadlines meanwhile.
func blackHole(t *testing.T, env *environment) {
	const deadline = 2 * time.Second
	const aside = "black-hole-aside"
	admin.CreateTopic(t, env.cluster, aside, 1, nil)
	f := startFlow(t, env, "black-hole")
	numbered := producer.For[events.Numbered](f.producer, aside)
	if err := numbered.Send(t.Context(), "key", events.Numbered{}); err != nil {
		t.Fatal(err)
	}
	f.awaitMore(t, 1000, time.Minute)
	env.faults.BlackHole(true)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	start := time.Now()
	err := numbered.Send(ctx, "key", events.Numbered{Number: 1})
	late := time.Since(start) - deadline
	if err == nil || late > deadline/10 {
		t.Errorf("Send into the black hole: %v, %s after its deadline", err, late)
	}
	<-time.After(time.Second)
	env.faults.BlackHole(false)
	env.faults.HangUp() // what was swallowed is gone: no retransmission brings it back
	f.awaitMore(t, 1000, time.Minute)
	f.finish(t, "no answer from anybody for 3 s")
}
