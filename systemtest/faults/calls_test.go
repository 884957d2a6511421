package faults

import (
	"context"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/shadow"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
	"github.com/headrace/headrace/topics"

	"github.com/headrace/headrace/systemtest/internal/events"
)

// call is one public function that takes a context.
type call struct {
	name string
	make func(context.Context) error
	free bool // may succeed, or return early: perhaps it has nothing to wait for
}

// together is how many calls are made at once: few enough that they do not hold one another up.
const together = 6

// overrun makes calls that cannot succeed, each with the same time, and returns by how much the worst went beyond it.
func (t *trial) overrun(limit time.Duration, calls []call) time.Duration {
	t.Helper()
	var wg sync.WaitGroup
	room, lateness := make(chan struct{}, together), make([]time.Duration, len(calls))
	for i, call := range calls {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			lateness[i] = t.lateness(limit, call)
		})
	}
	wg.Wait()
	return slices.Max(lateness)
}

// lateness makes one call and returns how long after its deadline it has returned. One that is too late is made again: a busy machine may
// stop for a moment, a call that does not mind its context is late each time.
func (t *trial) lateness(limit time.Duration, call call) time.Duration {
	// A tenth, and the time two busy processors may take to run a goroutine.
	bound := limit/10 + 100*time.Millisecond
	late := t.once(limit, call)
	for again := 0; late > bound && again < 2; again++ {
		t.Logf("%s returned %s after its deadline of %s: making it again", call.name, late, limit)
		late = t.once(limit, call)
	}
	t.require(late <= bound, "%s returned %s after its deadline of %s", call.name, late, limit)
	return late
}

func (t *trial) once(limit time.Duration, call call) time.Duration {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	start := time.Now()
	err := call.make(ctx)
	took := time.Since(start)
	if !call.free {
		t.require(err != nil, "%s succeeded though nobody answers", call.name)
		t.require(took > limit/2, "%s returned after %s and has not waited for anybody: %v", call.name, took, err)
	}
	return max(0, took-limit)
}

// errorOf keeps the error of a call that returns something beside it.
func errorOf[V any](_ V, err error) error { return err }

// calls is every public function that talks to brokers, but for those of a producer.
func (t *trial) calls(cluster headrace.Cluster, reg *registry.Client, topic string) []call {
	from, to := reader.Range{From: reader.AtStart()}, reader.Range{From: reader.AtStart(), To: reader.AtEnd()}
	at := topics.Connection{Cluster: cluster}
	spec := topics.WantedTopic{Name: topic + "-wanted", Partitions: 1}
	wanted := &topics.Wanted{Topics: []topics.WantedTopic{spec}}
	change := topics.Change{Kind: topics.CreateTopic, Topic: spec.Name, Partitions: 1}
	move := groups.Move{Topic: topic, From: groups.None, End: 1, To: 1}
	redrive := deadletter.Redrive{
		Topic: topic, Partitions: []deadletter.RedrivePartition{{Spans: []headrace.OffsetRange{{To: 1}}, Events: 1}}, Returns: []deadletter.Return{{Topic: topic, Events: 1}},
	}
	everything := replay.Plan{
		Version: replay.PlanVersion, ID: "silence", MadeAt: time.Now(), Source: replay.Source{Topics: []string{topic}},
		Topics: []replay.TopicState{{Name: topic, Partitions: 1}},
		Spans:  []replay.Span{{Topic: topic, OffsetRange: headrace.OffsetRange{To: 1}, LogEnd: 1, Committed: 1, Events: 1, Bytes: 1}},
		Counts: replay.Counts{Scanned: 1, Events: 1, Bytes: 1},
	}
	rewind, copied, handled := everything, everything, everything
	handled.Target = replay.Target{Handlers: topic}
	worker := consumer.Config{Cluster: cluster, Group: topic, Topics: []string{topic}, Registry: reg}
	nothing := consumer.On(func(context.Context, events.Numbered) error { return nil })
	rewind.Target = replay.Target{Rewind: topic}
	copied.Target = replay.Target{Topic: topic + "-copy", Partitions: 1}
	folder := t.TempDir()
	return []call{
		{name: "reader.Read", make: func(ctx context.Context) error {
			return reader.Read(ctx, reader.Config{Cluster: cluster, Topic: topic, Range: from}, func(reader.Record) error { return nil })
		}},
		{name: "reader.Resolve", make: func(ctx context.Context) error { return errorOf(reader.Resolve(ctx, cluster, topic, nil, to)) }},
		{name: "reader.Scan", make: func(ctx context.Context) error {
			return errorOf(reader.Scan(ctx, reader.ScanConfig{Read: reader.Config{Cluster: cluster, Topic: topic, Range: to}}))
		}},
		{name: "Worker.Run", free: true, make: func(ctx context.Context) error {
			w, err := consumer.New(worker, nothing)
			if err != nil {
				return err
			}
			return w.Run(ctx)
		}},
		{name: "consumer.Replay", make: func(ctx context.Context) error {
			return consumer.Replay(ctx, consumer.ReplayConfig{ID: "silence", Worker: worker, Spans: []consumer.ReplaySpan{{Topic: topic, OffsetRange: headrace.OffsetRange{To: 1}}}}, nothing)
		}},
		{name: "topics.List", make: func(ctx context.Context) error { return errorOf(topics.List(ctx, cluster, topic)) }},
		{name: "topics.Describe", make: func(ctx context.Context) error { return errorOf(topics.Describe(ctx, cluster, topic)) }},
		{name: "topics.Create", make: func(ctx context.Context) error {
			return topics.Create(ctx, cluster, topics.Spec{Name: topic + "-never"})
		}},
		{name: "topics.Observe", make: func(ctx context.Context) error { return errorOf(topics.Observe(ctx, at, wanted, topics.Options{})) }},
		{name: "topics.Export", make: func(ctx context.Context) error { return errorOf(topics.Export(ctx, at)) }},
		{name: "topics.Apply", make: func(ctx context.Context) error {
			plan := topics.Plan{Format: topics.PlanFormat, ClusterID: "elsewhere", Changes: []topics.Change{change}}
			return errorOf(topics.Apply(ctx, at, plan, topics.ApplyOptions{}))
		}},
		{name: "groups.List", make: func(ctx context.Context) error { return errorOf(groups.List(ctx, cluster)) }},
		{name: "groups.Describe", make: func(ctx context.Context) error { return errorOf(groups.Describe(ctx, cluster, topic)) }},
		{name: "groups.PlanSeek", make: func(ctx context.Context) error {
			return errorOf(groups.PlanSeek(ctx, cluster, topic, groups.Target{Topic: topic}))
		}},
		{name: "groups.Apply", make: func(ctx context.Context) error {
			return groups.Apply(ctx, cluster, groups.Seek{Group: topic, Moves: []groups.Move{move}})
		}},
		{name: "replay.Make", make: func(ctx context.Context) error {
			return errorOf(replay.Make(ctx, replay.Request{From: cluster, Source: everything.Source, Target: rewind.Target}))
		}},
		{name: "replay.PlanRewind", make: func(ctx context.Context) error {
			return errorOf(replay.PlanRewind(ctx, cluster, rewind, replay.Auditing{}))
		}},
		{name: "replay.Rewind", make: func(ctx context.Context) error {
			return errorOf(replay.Rewind(ctx, cluster, rewind, replay.Auditing{}))
		}},
		{name: "replay.Copy", make: func(ctx context.Context) error {
			return errorOf(replay.Copy(ctx, replay.CopyConfig{From: cluster, Plan: copied, Checkpoint: filepath.Join(folder, "checkpoint")}))
		}},
		{name: "replay.Run", make: func(ctx context.Context) error {
			return errorOf(replay.Run(ctx, handled, replay.RunConfig{Worker: worker, Checkpoint: filepath.Join(folder, "run")}, nothing))
		}},
		{name: "shadow.Compare", make: func(ctx context.Context) error {
			written, again := shadow.Output{Topic: topic, Range: to}, shadow.Output{Topic: topic + "-shadow", Range: to}
			return errorOf(shadow.Compare(ctx, shadow.Config{Cluster: cluster, Expected: written, Shadow: again}))
		}},
		{name: "replay.PlanCopy", make: func(ctx context.Context) error {
			return errorOf(replay.PlanCopy(ctx, replay.CopyConfig{From: cluster, Plan: copied, Checkpoint: filepath.Join(folder, "planned")}))
		}},
		{name: "replay.Cancel", make: func(ctx context.Context) error { return replay.Cancel(ctx, cluster, copied.ID, "nobody") }},
		{name: "replay.Status", make: func(ctx context.Context) error { return errorOf(replay.Status(ctx, cluster, copied.ID)) }},
		{name: "replay.List", make: func(ctx context.Context) error { return errorOf(replay.List(ctx, cluster)) }},
		{name: "deadletter.Read", make: func(ctx context.Context) error {
			return deadletter.Read(ctx, deadletter.Query{Cluster: cluster, Topics: []string{topic}}, func(deadletter.Letter) error { return nil })
		}},
		{name: "deadletter.ReadAt", make: func(ctx context.Context) error {
			_, _, err := deadletter.ReadAt(ctx, cluster, reg, headrace.Location{Topic: topic})
			return err
		}},
		{name: "deadletter.Topics", make: func(ctx context.Context) error { return errorOf(deadletter.Topics(ctx, cluster, false)) }},
		{name: "deadletter.Runs", make: func(ctx context.Context) error { return errorOf(deadletter.Runs(ctx, cluster)) }},
		{name: "deadletter.PlanRedrive", make: func(ctx context.Context) error {
			return errorOf(deadletter.PlanRedrive(ctx, deadletter.RedriveRequest{Cluster: cluster, Topic: topic}))
		}},
		{name: "deadletter.PlanDiscard", make: func(ctx context.Context) error {
			return errorOf(deadletter.PlanDiscard(ctx, deadletter.DiscardRequest{Cluster: cluster, Topic: topic, Reason: "nobody needs it"}))
		}},
		{name: "deadletter.ApplyRedrive", make: func(ctx context.Context) error {
			return errorOf(deadletter.ApplyRedrive(ctx, deadletter.RedriveConfig{Cluster: cluster}, redrive))
		}},
	}
}

// producing is every public function of a producer that may have to wait.
func producing(p *producer.Producer, topic string) []call {
	numbered := producer.For[events.Numbered](p, topic)
	return []call{
		{name: "Topic.Send", make: func(ctx context.Context) error {
			_, err := numbered.Send(ctx, "key", events.Numbered{Number: 1})
			return err
		}},
		{name: "Topic.Tombstone", make: func(ctx context.Context) error { _, err := numbered.Tombstone(ctx, "key"); return err }},
		{name: "Topic.Post", free: true, make: func(ctx context.Context) error {
			numbered.Post(ctx, "key", events.Numbered{Number: 2}, nil)
			return nil
		}},
		{name: "Producer.SendRecord", make: func(ctx context.Context) error {
			_, err := p.SendRecord(ctx, topic, producer.Record{Value: []byte("v")})
			return err
		}},
		{name: "Producer.PostRecord", free: true, make: func(ctx context.Context) error {
			p.PostRecord(ctx, topic, producer.Record{Value: []byte("v")}, nil)
			return nil
		}},
		{name: "Producer.Flush", make: p.Flush, free: true},
	}
}

// asking is every public function that talks to a registry, with a client each: one remembers for a while that nobody answers.
func (t *trial) asking(at string) []call {
	numbered, err := schema.Of[events.Numbered]()
	if err != nil {
		t.Fatal(err)
	}
	ref, step := schema.RefID(1), registry.Step{State: registry.StateNew}
	step.Registration = registry.Registration{Subject: "subject", Schema: numbered}
	scan := reader.SchemaScan{Topic: "topic", Events: 1, Writers: []reader.WriterCount{{Ref: ref, Events: 1}}}
	folder := t.TempDir()
	var calls []call
	for name, ask := range map[string]func(context.Context, *registry.Client) error{
		"Schema": func(ctx context.Context, r *registry.Client) error { return errorOf(r.Schema(ctx, 1)) },
		"SchemaByGUID": func(ctx context.Context, r *registry.Client) error {
			return errorOf(r.SchemaByGUID(ctx, schema.GUID{1}))
		},
		"Resolve":  func(ctx context.Context, r *registry.Client) error { return errorOf(r.Resolve(ctx, ref)) },
		"Latest":   func(ctx context.Context, r *registry.Client) error { return errorOf(r.Latest(ctx, "subject")) },
		"Version":  func(ctx context.Context, r *registry.Client) error { return errorOf(r.Version(ctx, "subject", 1)) },
		"Versions": func(ctx context.Context, r *registry.Client) error { return errorOf(r.Versions(ctx, "subject")) },
		"Subjects": func(ctx context.Context, r *registry.Client) error { return errorOf(r.Subjects(ctx)) },
		"Lookup": func(ctx context.Context, r *registry.Client) error {
			return errorOf(r.Lookup(ctx, "subject", numbered))
		},
		"Register": func(ctx context.Context, r *registry.Client) error {
			return errorOf(r.Register(ctx, "subject", numbered))
		},
		"Compatible":    func(ctx context.Context, r *registry.Client) error { return r.Compatible(ctx, "subject", numbered) },
		"Compatibility": func(ctx context.Context, r *registry.Client) error { return errorOf(r.Compatibility(ctx, "subject")) },
		"SetCompatibility": func(ctx context.Context, r *registry.Client) error {
			return r.SetCompatibility(ctx, "subject", schema.Backward)
		},
		"Delete": func(ctx context.Context, r *registry.Client) error {
			return errorOf(r.Delete(ctx, registry.Deletion{Subject: "subject"}))
		},
		"Plan": func(ctx context.Context, r *registry.Client) error { return errorOf(r.Plan(ctx, step.Registration)) },
		"Apply": func(ctx context.Context, r *registry.Client) error {
			return errorOf(r.Apply(ctx, &registry.Plan{Steps: []registry.Step{step}}))
		},
		"WriteSnapshot": func(ctx context.Context, r *registry.Client) error {
			return errorOf(r.WriteSnapshot(ctx, filepath.Join(folder, "snapshot"), registry.SnapshotScope{}))
		},
		"SchemaScan.Check": func(ctx context.Context, r *registry.Client) error { return errorOf(scan.Check(ctx, r, numbered)) },
		"DecoderSession.Decode": func(ctx context.Context, r *registry.Client) error {
			decoder, err := schema.NewDecoder[events.Numbered](r)
			if err != nil {
				return err
			}
			return errorOf(decoder.Session().Decode(ctx, ref, []byte{0}))
		},
		"Decoder.Decode": func(ctx context.Context, r *registry.Client) error {
			decoder, err := schema.NewDecoder[events.Numbered](r)
			if err != nil {
				return err
			}
			return decoder.Decode(ctx, ref, []byte{0}, new(events.Numbered))
		},
	} {
		reg, err := registry.New(at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(reg.Close)
		if !strings.Contains(name, ".") {
			name = "Registry." + name
		}
		calls = append(calls, call{name: name, make: func(ctx context.Context) error { return ask(ctx, reg) }})
	}
	return calls
}

// silence listens, takes what is said, and never says a word.
func (t *trial) silence() (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go hold(listener)
	return listener.Addr().String()
}

// webAddress is the URL of what listens at an address.
func webAddress(address string) string { return (&url.URL{Scheme: "http", Host: address}).String() }

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
