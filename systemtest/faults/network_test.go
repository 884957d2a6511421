package faults

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/topics"

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

// call is one public function that takes a context.
type call struct {
	name string
	make func(context.Context) error
	free bool // may succeed: perhaps it has nothing to wait for
}

// overrun makes calls that cannot succeed, each with the same time, and returns by how much the worst went beyond it.
func (t *trial) overrun(limit time.Duration, calls []call) time.Duration {
	t.Helper()
	worst := time.Duration(0)
	for _, call := range calls {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		start := time.Now()
		err := call.make(ctx)
		late := time.Since(start) - limit
		cancel()
		if err == nil && !call.free {
			t.Errorf("%s succeeded though nobody answers", call.name)
		}
		// A tenth, and the time two busy processors may take to run a goroutine.
		if late > limit/10+100*time.Millisecond {
			t.Errorf("%s returned %s after its deadline of %s", call.name, late, limit)
		}
		worst = max(worst, late)
	}
	return worst
}

// calls is every public function of producer, consumer and topics that talks to brokers.
func calls(cluster headrace.Cluster, p *producer.Producer, topic string) []call {
	numbered := producer.For[events.Numbered](p, topic)
	at := consumer.Range{From: consumer.AtStart(), To: consumer.AtEnd()}
	return []call{
		{name: "Topic.Send", make: func(ctx context.Context) error { return numbered.Send(ctx, "key", events.Numbered{Number: 1}) }},
		{name: "Topic.Tombstone", make: func(ctx context.Context) error { return numbered.Tombstone(ctx, "key") }},
		{name: "Producer.SendRecord", make: func(ctx context.Context) error {
			return p.SendRecord(ctx, topic, producer.Record{Value: []byte("v")})
		}},
		{name: "Producer.Flush", make: p.Flush, free: true},
		{name: "consumer.Read", make: func(ctx context.Context) error {
			return consumer.Read(ctx, consumer.ReadConfig{Cluster: cluster, Topic: topic, Range: at}, func(consumer.Record) error { return nil })
		}},
		{name: "consumer.Resolve", make: func(ctx context.Context) error {
			_, err := consumer.Resolve(ctx, cluster, topic, nil, at)
			return err
		}},
		{name: "topics.List", make: func(ctx context.Context) error {
			_, err := topics.List(ctx, cluster, topic)
			return err
		}},
		{name: "topics.Describe", make: func(ctx context.Context) error {
			_, err := topics.Describe(ctx, cluster, topic)
			return err
		}},
		{name: "topics.Create", make: func(ctx context.Context) error {
			return topics.Create(ctx, cluster, topics.Spec{Name: topic + "-never"})
		}},
	}
}

// blackHole swallows whatever is sent, both ways, and holds every public call to its deadline meanwhile; then it swallows one broker
// only, which the others' partitions must not notice.
func blackHole(t *trial) {
	f := t.flow(plan{})
	aside := t.name("aside")
	admin.CreateTopic(t, t.kafka(), aside, 1, nil)
	numbered := producer.For[events.Numbered](f.producer, aside)
	if err := numbered.Send(t.Context(), "key", events.Numbered{}); err != nil {
		t.Fatal(err)
	}
	f.awaitMore(1000, time.Minute)
	all := calls(t.cluster(), f.producer, aside)
	f.lines().BlackHole()
	worst := t.overrun(pick(500*time.Millisecond, 2*time.Second), all)
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
	f.figure("calls", "%d", len(all))
	f.figure("worst overrun", "%s", round(worst))
	f.figure("acknowledged by the others", "%d", meanwhile)
}

// silentListener accepts connections and never says a word: the calls end in the TLS handshake, or in that of SASL.
func silentListener(t *trial) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go hold(listener)
	limit, worst, made := pick(300*time.Millisecond, 2*time.Second), time.Duration(0), 0
	registry, err := schema.NewRegistry("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	sasl := &headrace.SASL{Mechanism: headrace.Plain, Username: "user", Password: "secret"}
	for name, cluster := range map[string]headrace.Cluster{
		"plaintext": {},
		"TLS":       {TLS: &headrace.TLS{}},
		"SASL":      {SASL: sasl},
	} {
		cluster.Brokers = []string{listener.Addr().String()}
		p, err := producer.New(producer.Config{Cluster: cluster, Registry: registry})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all := append(calls(cluster, p, "topic"),
			call{name: "Registry.Schema", make: func(ctx context.Context) error {
				_, err := registry.Schema(ctx, 1)
				return err
			}},
			call{name: "Producer.Close", make: p.Close, free: true})
		made += len(all)
		worst = max(worst, t.overrun(limit, all))
	}
	t.cases(made, "calls")
	t.figure("deadline", "%s", limit)
	t.figure("worst overrun", "%s", round(worst))
}

// hold keeps every connection open and says nothing.
func hold(listener net.Listener) {
	var held []net.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		held = append(held, c)
	}
}
