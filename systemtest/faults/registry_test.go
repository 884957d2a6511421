package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/events"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// version is Numbered with one more field, a schema that nobody has asked the registry for yet.
func version(n int) string {
	return fmt.Sprintf(`{"type": "record", "name": "Numbered", "namespace": "systemtest", "fields": [
  {"name": "key", "type": "string"}, {"name": "number", "type": "long"}, {"name": "payload", "type": "bytes"},
  {"name": "extra%d", "type": "string", "default": ""}
]}`, n)
}

// newVersion registers the schema, and returns what sends an event of it and the schema's id.
func (f *flow) newVersion(n int) (send func(key string, partition int32), id int) {
	f.Helper()
	parsed, err := schema.Parse(version(n))
	if err != nil {
		f.Fatal(err)
	}
	if id, err = f.registry().Register(f.Context(), fmt.Sprintf("%s-version%d", f.topic, n), parsed); err != nil {
		f.Fatal(err)
	}
	return func(key string, partition int32) {
		number := f.written.Next(key)
		f.handled.Next(key)
		body, err := schema.FromJSON(parsed, fmt.Appendf(nil, `{"key": %q, "number": %d, "payload": "", "extra%d": "x"}`, key, number, n))
		if err != nil {
			f.Fatal(err)
		}
		_, err = f.producer.SendRecord(f.Context(), f.topic, producer.Record{
			Key: []byte(key), Value: append(schema.AppendID(nil, id), body...), Partition: &partition,
		})
		f.written.Ended(key, number, outcome(err))
		f.handled.Ended(key, number, outcome(err))
	}, id
}

// registryGone takes the registry away while a worker runs: known schemas go on, an event of an unknown one waits, and is neither
// skipped nor dead-lettered. A worker that starts meanwhile waits as well.
func registryGone(t *trial) {
	p := t.patient(t.lab.schemas().URL)
	f := t.flow(plan{registryAt: p.url, idle: true})
	admin.CreateTopic(t, t.kafka(), consumer.DeadLetterTopic(f.topic, f.topic), 3, nil)
	dead := func(c *consumer.Config) { c.Policy.DeadLetter = true }
	f.work("first", dead)
	f.awaitHandled(1000, time.Minute)
	send, _ := f.newVersion(1)
	p.infect(gone)
	send("unknown", 0)
	before := f.handled.SeenOnce()
	<-time.After(pick(3*time.Second, time.Minute))
	meanwhile := f.handled.SeenOnce() - before
	t.require(meanwhile > 1000, "only %d events of known schemas were handled without the registry", meanwhile)
	p.heal()
	back := time.Now()
	f.until(time.Minute, "the event of the unknown schema is handled", func() bool { return f.handled.Times("unknown", 0) > 0 })
	took := time.Since(back)

	p.infect(gone)
	if err := f.workers[0].Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	fresh := stack.Registry(t, p.url) // one that knows nothing yet
	second := f.work("second", func(c *consumer.Config) {
		dead(c)
		c.Registry = fresh
	})
	<-time.After(pick(2*time.Second, 10*time.Second))
	t.require(second.Stats().Handled == 0, "a worker that knows no schema handled %d events", second.Stats().Handled)
	p.heal()
	f.awaitHandled(1000, time.Minute)
	letters := f.workers[0].Stats().DeadLettered + second.Stats().DeadLettered
	t.require(letters == 0, "%d events were dead-lettered because the registry was away", letters)
	f.finish()
	f.figure("handled meanwhile", "%d", meanwhile)
	f.figure("unknown schema handled after", "%s", round(took))
}

// registryIll asks a registry for one schema per illness. Each event waits until the registry is well; nothing is dead-lettered, the
// registry is asked less and less, no credential leaves its host, and no answer costs more memory than an answer may.
func registryIll(t *trial) {
	const secret = "canary-7c1e"
	var stolen atomic.Int64
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			stolen.Add(1)
		}
	}))
	t.Cleanup(thief.Close)
	p := t.patient(t.lab.schemas().URL)
	f := t.flow(plan{registryAt: p.url, idle: true, partitions: 8, perTick: 5})
	admin.CreateTopic(t, t.kafka(), consumer.DeadLetterTopic(f.topic, f.topic), 8, nil)
	reg, err := registry.New(p.url, registry.WithBasicAuth("worker", headrace.NewSecret(secret)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reg.Close)
	w := f.work("first", func(c *consumer.Config) {
		c.Policy.DeadLetter, c.Registry = true, reg
	})
	f.awaitHandled(500, time.Minute)
	ills := []struct {
		name    string
		illness illness
	}{
		{"500", status(http.StatusInternalServerError)},
		{"429", status(http.StatusTooManyRequests)},
		{"stall", p.stall},
		{"drip", p.drip},
		{"2 GiB body", flood},
		{"nonsense", nonsense},
		{"redirect to another host", redirect(thief.URL)},
	}
	ids := make([]string, len(ills))
	before := heap()
	for i, ill := range ills {
		send, id := f.newVersion(i)
		ids[i] = fmt.Sprint(id)
		p.infectID(ids[i], ill.illness)
		send(ill.name, int32(i))
	}
	hold := pick(4*time.Second, 30*time.Second)
	<-time.After(hold)
	growth := int64(heap()) - int64(before)
	for i, ill := range ills {
		t.require(f.handled.Times(ill.name, 0) == 0, "%s: the event was handled without its schema", ill.name)
		_, calls := p.asked(ids[i])
		t.require(calls > 0, "%s: the registry was never asked for schema %s", ill.name, ids[i])
		t.require(calls <= 10+int(hold.Seconds())*2, "%s: the registry was asked %d times in %s", ill.name, calls, hold)
		f.figure(ill.name, "%.1f calls/s", float64(calls)/hold.Seconds())
	}
	p.heal()
	f.until(2*time.Minute, "the events of all schemas are handled", func() bool {
		for _, ill := range ills {
			if f.handled.Times(ill.name, 0) == 0 {
				return false
			}
		}
		return true
	})
	letters := w.Stats().DeadLettered
	t.require(letters == 0, "%d events were dead-lettered because the registry was ill", letters)
	t.require(stolen.Load() == 0, "credentials were sent to another host %d times", stolen.Load())
	t.require(growth < 64<<20, "the heap grew by %d MiB", growth>>20)
	f.finish()
}

// unknownIDs sends events with ids that the registry does not know, each three times. It is asked once for each.
func unknownIDs(t *trial) {
	server, cluster := t.scripted()
	p := t.patient(server.RegistryURL)
	reg := stack.Registry(t, p.url)
	topic, group := t.name("events"), t.name("group")
	for _, name := range []string{topic, consumer.DeadLetterTopic(topic, group)} {
		if err := server.Broker().CreateTopic(name, 3, nil); err != nil {
			t.Fatal(err)
		}
	}
	out := stack.Producer(t, producer.Config{Cluster: cluster, Registry: reg})
	ids := pick(2000, 10_000)
	for range 3 {
		for id := range ids {
			partition := int32(id % 3)
			out.PostRecord(t.Context(), topic, producer.Record{Value: append(schema.AppendID(nil, 1_000_000+id), 0), Partition: &partition}, func(_ headrace.Location, err error) {
				t.require(err == nil, "send: %v", err)
			})
		}
	}
	if err := out.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	config := consumer.Config{
		Cluster: cluster, Registry: reg, Group: group, Topics: []string{topic}, Policy: consumer.Policy{DeadLetter: true},
	}
	config.Concurrency = *concurrency
	w := stack.Work(t, config, consumer.On(func(context.Context, events.Numbered) error {
		t.verdict.FalseOK++
		return nil
	}))
	w.Until(t, 3*time.Minute, "every event is dead-lettered", func() bool { return w.Stats().DeadLettered >= int64(3*ids) })
	took := time.Since(start)
	if err := w.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
	calls, _ := p.asked("")
	t.n += 3 * ids
	t.require(w.Stats().DeadLettered == int64(3*ids), "%d dead letters for %d events", w.Stats().DeadLettered, 3*ids)
	t.require(calls <= ids, "the registry was asked %d times for %d ids", calls, ids)
	t.figure("ids", "%d", ids)
	t.figure("calls to the registry", "%d", calls)
	t.figure("dead letters/s", "%.0f", float64(3*ids)/took.Seconds())
}

// hostile are schemas that somebody with write access to the registry might leave there for the full name of an event.
func hostile() map[string]string {
	record := func(fields string) string {
		return `{"type": "record", "name": "Numbered", "namespace": "systemtest", "fields": [` + fields + `]}`
	}
	many := func(n int, format string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(parts, ",")
	}
	return map[string]string{
		"a record of itself":         record(`{"name": "key", "type": "systemtest.Numbered"}`),
		"two records of each other":  record(`{"name": "key", "type": {"type": "record", "name": "Other", "fields": [{"name": "back", "type": "Numbered"}]}}`),
		"30,000 arrays deep":         record(`{"name": "key", "type": ` + strings.Repeat(`{"type":"array","items":`, 30_000) + `"long"` + strings.Repeat("}", 30_000) + `}`),
		"100,000 open brackets":      strings.Repeat("[", 100_000),
		"20,000 fields":              record(many(20_000, `{"name": "f%d", "type": "long"}`)),
		"20,000 symbols":             record(`{"name": "key", "type": {"type": "enum", "name": "E", "symbols": [` + many(20_000, `"S%d"`) + `]}}`),
		"fixed of 2^31-1 bytes":      record(`{"name": "key", "type": {"type": "fixed", "name": "F", "size": 2147483647}}`),
		"array of nothing":           record(`{"name": "key", "type": {"type": "array", "items": "null"}}`),
		"an undefined name":          record(`{"name": "key", "type": "systemtest.Nowhere"}`),
		"another type for the field": record(`{"name": "key", "type": "boolean"}`),
		"no schema at all":           `"nonsense"`,
		"2 MiB of documentation":     `{"type": "record", "name": "Numbered", "namespace": "systemtest", "fields": [], "doc": "` + strings.Repeat("x", 2<<20) + `"}`,
	}
}

// hostileSchemas has the registry answer with schemas that are made to hurt. No event of theirs reaches a handler, and the worker
// handles the events around them.
func hostileSchemas(t *trial) {
	p := t.patient(t.lab.schemas().URL)
	reg := stack.Registry(t, p.url)
	topic, group := t.name("events"), t.name("group")
	encode := t.encoder(t.registry(), topic)
	values := map[string]record.Bytes{}
	number := 8_000_000
	for name, text := range hostile() {
		number++
		answer, err := json.Marshal(map[string]string{"schema": text})
		if err != nil {
			t.Fatal(err)
		}
		p.infectID(fmt.Sprint(number), func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
		values[name] = append(schema.AppendID(nil, number), 0x02, 0x02, 0x02, 0x00)
	}
	start := time.Now()
	t.quarantine(reg, topic, group, encode, values)
	t.cases(len(values), "schemas")
	t.figure("all refused within", "%s", round(time.Since(start)))
}
