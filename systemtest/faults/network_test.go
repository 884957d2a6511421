package faults

import (
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/proxy"
)

// cutAnswers loses the answers to Produce requests after the broker has written the records. Only its sequence numbers keep the
// producer from writing them twice.
func cutAnswers(t *trial) {
	f := t.flow(plan{})
	f.awaitMore(1000, time.Minute)
	f.cut(proxy.Produce, pick(150, 1000), 0.7, 4*time.Minute)
	f.awaitMore(1000, time.Minute)
	f.finish()
}

// cutCommits loses the answers to OffsetCommit requests after the group has committed.
func cutCommits(t *trial) {
	f := t.flow(plan{})
	f.awaitMore(1000, time.Minute)
	f.cut(proxy.OffsetCommit, pick(20, 100), 0.5, 4*time.Minute)
	f.finish()
}

func (f *flow) cut(api int16, cuts int, share float64, limit time.Duration) {
	f.Helper()
	before := f.lines().Cuts()
	f.lines().CutAnswers(api, cuts, share)
	f.until(limit, fmt.Sprintf("%d answers are cut off", cuts), func() bool { return f.lines().Cuts()-before >= cuts })
	f.figure("answers lost", "%d", cuts)
}

// killConnections hangs up on everybody at random moments.
func killConnections(t *trial) {
	f := t.flow(plan{})
	f.awaitMore(1000, time.Minute)
	start, before := time.Now(), f.acked()
	times := pick(15, 60)
	closed := f.hangUp(times)
	rate := float64(f.acked()-before) / time.Since(start).Seconds()
	f.awaitMore(1000, time.Minute)
	f.finish()
	t.require(closed >= times, "only %d connections were there to close", closed)
	t.figure("connections closed", "%d", closed)
	t.figure("events/s meanwhile", "%.0f", rate)
}

// hangUp closes every connection a number of times and returns how many there were.
func (f *flow) hangUp(times int) (closed int) {
	for range times {
		<-time.After(time.Duration(100+f.random.IntN(500)) * time.Millisecond)
		closed += f.lines().HangUp()
	}
	return closed
}

// worsenLines makes every line slow, thin and torn, one after the other.
func worsenLines(t *trial) {
	f := t.flow(plan{perTick: 2})
	f.awaitMore(500, time.Minute)
	for _, bad := range []struct {
		name string
		line proxy.Line
	}{
		{"200 ms ± 200 ms", proxy.Line{Delay: 200 * time.Millisecond, Jitter: 200 * time.Millisecond}},
		{"1 Mbit/s", proxy.Line{Rate: 125_000}},
		{"64-byte pieces", proxy.Line{Slice: 64}},
	} {
		f.lines().Worsen(bad.line)
		start, before := time.Now(), f.acked()
		<-time.After(pick(4*time.Second, 15*time.Second))
		f.figure("events/s with "+bad.name, "%.0f", float64(f.acked()-before)/time.Since(start).Seconds())
		f.awaitMore(100, time.Minute)
	}
	f.lines().Clear()
	f.finish()
}

// blackHole swallows whatever is sent, both ways, and holds every public call to its deadline meanwhile; then it swallows one broker
// only, which the others' partitions must not notice.
func blackHole(t *trial) {
	f := t.flow(plan{})
	aside := t.name("aside")
	admin.CreateTopic(t, t.kafka(), aside, 1, nil)
	numbered := producer.For[events.Numbered](f.producer, aside)
	if _, err := numbered.Send(t.Context(), "key", events.Numbered{}); err != nil {
		t.Fatal(err)
	}
	f.awaitMore(1000, time.Minute)
	limit, questions := pick(500*time.Millisecond, 2*time.Second), t.asking(webAddress(t.silence()))
	worst := t.overrun(limit, questions)
	all := slices.Concat(producing(f.producer, aside), t.calls(t.cluster(), f.schemas, aside))
	f.lines().BlackHole()
	worst = max(worst, t.overrun(limit, all))
	f.lines().Clear()
	f.lines().HangUp() // what was swallowed is gone: no retransmission brings it back
	f.awaitMore(1000, time.Minute)

	_, upstream := f.leader().ProxyPorts()
	f.lines().BlackHole(upstream)
	start := f.acked()
	<-time.After(pick(2*time.Second, 10*time.Second))
	meanwhile := f.acked() - start
	t.require(meanwhile > 0, "nothing was acknowledged by the brokers that answer")
	f.lines().Clear()
	f.lines().HangUp()
	f.awaitMore(1000, time.Minute)
	f.finish()
	f.figure("calls", "%d", len(all)+len(questions))
	f.figure("worst overrun", "%s", round(worst))
	f.figure("acknowledged by the others", "%d", meanwhile)
}

// silentListener accepts connections and never says a word: the calls end in the TLS handshake, or in that of SASL.
func silentListener(t *trial) {
	address := t.silence()
	limit, worst, made := pick(300*time.Millisecond, 2*time.Second), time.Duration(0), 0
	reg, err := registry.New(webAddress(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reg.Close)
	sasl := &headrace.SASL{Mechanism: headrace.Plain, Username: "user", Password: headrace.NewSecret("secret")}
	for name, cluster := range map[string]headrace.Cluster{
		"plaintext": {},
		"TLS":       {TLS: &headrace.TLS{}},
		"SASL":      {SASL: sasl},
	} {
		cluster.Brokers = []string{address}
		p, err := producer.New(producer.Config{Cluster: cluster, Registry: reg})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all := slices.Concat(producing(p, "topic"), t.calls(cluster, reg, "topic"))
		worst = max(worst, t.overrun(limit, all), t.lateness(limit, call{name: "Producer.Close", make: p.Close, free: true}))
		made += len(all) + 1
	}
	all := t.asking(webAddress(address))
	made += len(all)
	worst = max(worst, t.overrun(limit, all))
	t.cases(made, "calls")
	t.figure("deadline", "%s", limit)
	t.figure("worst overrun", "%s", round(worst))
}
