package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	root "github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/topics"

	"github.com/headrace/headrace/systemtest/bench/contender"
	"github.com/headrace/headrace/systemtest/bench/flight"
	"github.com/headrace/headrace/systemtest/bench/measure"
	"github.com/headrace/headrace/systemtest/bench/order"
	"github.com/headrace/headrace/systemtest/bench/report"
)

var (
	mode    = flag.String("mode", "full", "full or quick")
	rounds  = flag.Int("rounds", 0, "how often each contender runs each workload; 0 is 3 for quick and 5 for full")
	profile = flag.String("profile", "", "folder for a CPU profile of each process")
	only    = flag.String("only", "", "run only workloads whose name has this in it")
	file    = flag.String("flights", "", "flights file; the default is the whole year beside the checkout, else the sample of examples/flights")
	output  = flag.String("output", "../out", "folder for bench.json and bench.svg")
)

// jobVariable makes this binary a contender's process: it holds the job as JSON.
const jobVariable = "HEADRACE_BENCH_JOB"

// profileVariable names the folder where a contender's process leaves its CPU profile.
const profileVariable = "HEADRACE_BENCH_PROFILE"

// jobLimit ends a process that hangs.
const jobLimit = 3 * time.Minute

func TestMain(m *testing.M) {
	text := os.Getenv(jobVariable)
	if text == "" {
		m.Run() // its result is the exit code of the test binary
		return
	}
	os.Exit(runJob(text)) //nolint:forbidigo // a contender's process is a program of its own
}

func runJob(text string) int {
	var job contender.Job
	err := json.Unmarshal([]byte(text), &job)
	var result measure.Result
	if err == nil {
		result, err = measured(job)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if json.NewEncoder(os.Stdout).Encode(result) != nil {
		return 1
	}
	return 0
}

func measured(job contender.Job) (result measure.Result, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), jobLimit)
	defer cancel()
	if folder := os.Getenv(profileVariable); folder != "" {
		name := strings.ReplaceAll(job.Task+"-"+job.Contender+".pprof", " ", "-")
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			return result, err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return result, err
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, f.Close())
		}()
	}
	return measure.Run(ctx, job)
}

// TestBench is no test but the benchmark itself, a process per contender and round, in turn. A contender that fails fails it.
func TestBench(t *testing.T) {
	folder := absolute(t, *output)
	data := flightsFile(t)
	t.Chdir("../systemtest") // its harness finds its jars from there
	b := start(t)
	b.warm(t)
	var rows []report.Row
	for _, w := range Workloads(*mode == "quick", data) {
		if strings.Contains(w.Name, *only) {
			rows = append(rows, b.workload(t, w)...)
		}
	}
	if err := report.Table(os.Stdout, rows); err != nil {
		t.Fatal(err)
	}
	b.write(t, folder, rows)
}

type bench struct {
	kafka     *kraft.Cluster
	registry  string
	schemaID  int
	flightIDs []int
	rounds    int
	short     bool // a quick run whose rounds nobody has chosen
	topics    int
	filled    map[string]string // partitions, codec and size to a topic that holds events
}

func start(t *testing.T) *bench {
	t.Helper()
	b := &bench{rounds: *rounds, short: *rounds == 0 && *mode == "quick", filled: map[string]string{}}
	if b.rounds == 0 {
		b.rounds = map[string]int{"quick": 3}[*mode]
		b.rounds = max(b.rounds, 3)
		if *mode == "full" {
			b.rounds = 5
		}
	}
	// Segments and retention that let the logs of finished runs go.
	b.kafka = kraft.Start(t, kraft.Config{AsShipped: true, Properties: map[string]string{"log.retention.check.interval.ms": "10000"}})
	servers, err := devserver.Start(devserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = servers.Close() })
	b.registry = servers.RegistryURL
	return b
}

// warm has the broker take and serve what the first workload does, until its compiler knows how: what comes first would pay for it.
func (b *bench) warm(t *testing.T) {
	t.Helper()
	job := Workloads(true, "")[0].Job
	job.Contender = "floor"
	for range 3 {
		b.unmeasured(t, job)
	}
}

// sendsToWarm is after how many requests of one event the broker answers about as quickly as it ever will. The first thousands take it
// twice as long, and large batches do not teach it that.
const sendsToWarm = 20_000

func (b *bench) unmeasured(t *testing.T, job contender.Job) {
	t.Helper()
	job.Brokers, job.RegistryURL = b.kafka.Brokers(), b.registry
	b.prepare(t, &job, Workload{Partitions: 12})
	if _, err := run(t, job); err != nil {
		t.Fatalf("warm the broker: %v", err)
	}
	b.drop(t, job.Topic)
}

// flightsFile is where the flights are.
func flightsFile(t *testing.T) string {
	t.Helper()
	if *file != "" {
		return absolute(t, *file)
	}
	if whole := absolute(t, "../../shared/data/flights-2013.csv.gz"); exists(whole) {
		return whole
	}
	return absolute(t, "../examples/flights/data/flights-sample.csv.gz")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (b *bench) workload(t *testing.T, w Workload) []report.Row {
	t.Helper()
	results := map[string][]measure.Result{}
	rounds := b.rounds
	if w.Once && b.short {
		rounds = 1
	}
	if w.Job.Task == "send" {
		job := w.Job
		job.Contender, job.Events = w.Contenders[0], sendsToWarm
		b.unmeasured(t, job)
	}
	for round := range rounds {
		for i := range w.Contenders {
			name := w.Contenders[(round+i)%len(w.Contenders)] // each is the first in turn
			job := w.Job
			job.Contender, job.Brokers, job.RegistryURL = name, b.kafka.Brokers(), b.registry
			if fewer := contender.All()[name].Fewer; fewer > 0 && job.Task == "produce" {
				job.Events, job.WarmUp = job.Events/fewer, job.WarmUp/fewer
			}
			b.prepare(t, &job, w)
			result, err := run(t, job)
			if err != nil {
				t.Errorf("%s: %s: %v", w.Name, name, err)
				continue
			}
			results[name] = append(results[name], result)
			t.Logf("round %d of %d: %s: %s: %.0f events/s, %.0f ns CPU per event", round+1, rounds, w.Name, name, result.EventsPerSecond, result.CPUNanos)
			if job.Task == "produce" || job.Task == "send" {
				b.drop(t, job.Topic)
			}
			if job.Task == "chain" || job.Task == "copy" {
				b.drop(t, job.To)
			}
		}
	}
	var rows []report.Row
	for _, name := range w.Contenders {
		rows = append(rows, report.Summarize(w.Name, name, results[name]))
	}
	return rows
}

// prepare gives a job its topic: an empty one to write to, a filled one to read.
func (b *bench) prepare(t *testing.T, job *contender.Job, w Workload) {
	t.Helper()
	if job.Task == "produce" || job.Task == "send" {
		job.Topic = b.create(t, w.Partitions)
		job.SchemaID, job.FlightIDs = b.schemaID, b.flightIDs
		return
	}
	key := fmt.Sprint(w.Partitions, job.Codec, job.Size, job.Events, job.Flights, w.Backlog)
	if b.filled[key] == "" {
		fill := *job
		fill.Task, fill.Contender, fill.Topic = "produce", "headrace", b.create(t, w.Partitions)
		fill.Goroutines, fill.SchemaID, fill.FlightIDs = 1, b.schemaID, b.flightIDs
		// More than is read, so that no reader ends at the end of the log.
		fill.Events += fill.Events / 4
		fill.Events = max(fill.Events, w.Backlog)
		if _, err := run(t, fill); err != nil {
			t.Fatalf("fill a topic for %s: %v", w.Name, err)
		}
		b.filled[key] = fill.Topic
	}
	job.Topic, job.Group = b.filled[key], "bench-"+strconv.FormatInt(time.Now().UnixNano(), 36)
	job.SchemaID, job.FlightIDs = b.schemaID, b.flightIDs
	if job.Task == "copy" {
		var err error
		if job.Events, err = contender.Holds(t.Context(), job.Brokers, job.Topic); err != nil {
			t.Fatal(err)
		}
	}
	if job.Task == "chain" || job.Task == "copy" {
		job.To = b.create(t, w.Partitions)
	}
}

func (b *bench) create(t *testing.T, partitions int32) string {
	t.Helper()
	b.topics++
	name := fmt.Sprintf("bench-%d", b.topics)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cluster := root.Cluster{Brokers: b.kafka.Brokers()}
	spec := topics.Spec{Name: name, Partitions: int(partitions), Configs: map[string]string{"max.message.bytes": "2097152"}}
	if err := topics.Create(ctx, cluster, spec); err != nil { // returns when the broker knows the topic
		t.Fatal(err)
	}
	reg, err := registry.New(b.registry)
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	register := func(event schema.Event, subject func(*schema.Schema) string) int {
		s, err := schema.Parse(event.AvroSchema())
		if err != nil {
			t.Fatal(err)
		}
		id, err := reg.Register(ctx, subject(s), s)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	b.schemaID = register(order.Order{}, func(*schema.Schema) string { return schema.TopicName(name) })
	b.flightIDs = nil
	for _, event := range flight.Types() {
		b.flightIDs = append(b.flightIDs, register(event, func(s *schema.Schema) string { return schema.TopicRecordName(name, s.FullName()) }))
	}
	return name
}

func (b *bench) drop(t *testing.T, topic string) {
	t.Helper()
	if _, err := b.kafka.Admin.DeleteTopics(t.Context(), topic); err != nil {
		t.Errorf("delete %s: %v", topic, err)
	}
}

func run(t *testing.T, job contender.Job) (measure.Result, error) {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		return measure.Result{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return measure.Result{}, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), jobLimit+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), jobVariable+"="+string(text), profileVariable+"="+*profile)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	var result measure.Result
	if err == nil {
		err = json.Unmarshal(out, &result)
	}
	if err != nil {
		return result, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return result, nil
}

func (b *bench) write(t *testing.T, folder string, rows []report.Row) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	var table, chart bytes.Buffer
	if err := report.JSON(&table, rows); err != nil {
		t.Fatal(err)
	}
	if err := report.Chart(&chart, rows, "produce, 12 partitions", "consume, 12 partitions"); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"bench.json": table.Bytes(), "bench.svg": chart.Bytes()} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
