package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/devserver"
	"github.com/headrace/headrace/producer"
)

// scanned is a topic with two versions of an order, another event, a tombstone, and values that no registry knows.
func scanned(t *testing.T) servers {
	t.Helper()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	send := func(event, lines string) {
		s.run(lines, "produce", "orders", "--event", event, "--meta").want(t, exitDone)
	}
	meta := func(at, value string) string {
		return `{"key":"k","time":"2026-11-23T10:00:` + at + `.000Z","value":` + value + "}\n"
	}
	s.register("orders-shop.Order", `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"}]}`)
	s.register("orders-shop.Refund", refundSchema)
	send("shop.Order", meta("00", `{"id":1}`)+meta("01", `{"id":2}`)+meta("02", "null"))
	send("shop.Refund", meta("03", `{"order":1}`))
	s.register("orders-shop.Order", `{"type":"record","name":"Order","namespace":"shop","fields":[
		{"name":"id","type":"long"},{"name":"customer","type":["null","string"],"default":null}]}`)
	send("shop.Order", meta("04", `{"id":3,"customer":"c"}`)+meta("05", `{"id":4}`)+meta("06", `{"id":5}`))
	return s
}

// put writes values as they are.
func (s servers) put(topic string, value []byte) {
	s.t.Helper()
	p, err := producer.New(producer.Config{Cluster: headrace.Cluster{Brokers: []string{s.KafkaAddr}}})
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = p.SendRecord(s.t.Context(), topic, producer.Record{Value: value})
	if err := errors.Join(err, p.Close(s.t.Context())); err != nil {
		s.t.Fatal(err)
	}
}

func TestScanListsTheSchemasInALog(t *testing.T) {
	t.Parallel()
	s := scanned(t)
	for _, out := range formats {
		golden(t, "schema_scan_"+out, s.run("", "schema", "scan", "orders", "-o", out).want(t, exitDone, "looked at 7 events").stdout)
	}
	part := s.run("", "schema", "scan", "orders", "--offset", ":2", "-o", "jsonl").want(t, exitDone, "looked at 2 events").stdout
	if strings.Count(part, "\n") != 1 || !strings.Contains(part, `"schema_id":1,`) || !strings.Contains(part, `"events":2,`) {
		t.Errorf("the first two: %s", part)
	}
	s.run("", "schema", "scan", "orders", "--sample", "4").want(t, exitDone, "of a sample")
	s.run("", "schema", "scan", "nobody").want(t, exitFailed, "nobody")
}

func TestScanIsAGateForReaders(t *testing.T) {
	t.Parallel()
	s := scanned(t)
	good, bad, other := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, good, "order.avsc", `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"double"}]}`)
	write(t, bad, "order.avsc", `{"type":"record","name":"Order","namespace":"shop","fields":[
  {"name":"id","type":"long"},
  {"name":"customer","type":"string"}
]}`)
	write(t, other, "else.avsc", `{"type":"record","name":"shop.Else","fields":[]}`)

	r := s.run("", "schema", "scan", "orders", "--reader", good).want(t, exitDone)
	golden(t, "schema_scan_reader", r.stdout)
	for _, out := range []string{"table", "text", "github-actions", "junit"} {
		r := s.run("", "schema", "scan", "orders", "--reader", bad, "-o", out).want(t, exitFindings)
		golden(t, "schema_scan_findings_"+out, strings.ReplaceAll(r.stdout, bad, "FOLDER"))
	}
	if r := s.run("", "schema", "scan", "orders", "-r", bad, "-o", "json").want(t, exitFindings); strings.Count(r.stdout, `"reader": "fails"`) != 2 ||
		!strings.Contains(r.stdout, "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1") {
		t.Errorf("as JSON: %s", r.stdout)
	}
	s.run("", "schema", "scan", "orders", "--reader", other).want(t, exitFailed, "none of the 3 schemas in topic orders has a reader among "+other)
	s.run("", "schema", "scan", "orders", "--reader", filepath.Join(other, "gone")).want(t, exitFailed, "gone")
}

func TestScanWarnsOfValuesThatNobodyCanRead(t *testing.T) {
	t.Parallel()
	s := scanned(t)
	folder := t.TempDir()
	write(t, folder, "order.avsc", `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"}]}`)
	s.put("orders", []byte("hello"))
	r := s.run("", "schema", "scan", "orders", "--reader", folder).want(t, exitDone)
	if !strings.Contains(r.stdout, "(not registry Avro)") || !strings.Contains(r.stdout, "warning: NOT_REGISTRY_AVRO: 1 event from topic orders partition 0 offset 7: ") {
		t.Errorf("plain text: %s", r.stdout)
	}
	s.put("orders", []byte{0, 0, 0, 1, 0x2a})
	r = s.run("", "schema", "scan", "orders", "--reader", folder, "-o", "text").want(t, exitFindings)
	if !strings.Contains(r.stdout, "topic orders: SCHEMA_UNKNOWN: schema id 298, 1 event from topic orders partition 0 offset 8: ") {
		t.Errorf("an id that the registry does not have: %s", r.stdout)
	}
}

func TestSamplesAreWhatProduceTakes(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	s.register("orders-value", orderSchema)
	file := write(t, t.TempDir(), "order.avsc", orderSchema)
	for _, how := range [][]string{{file}, {"--subject", "orders-value", "--tagged"}} {
		sample := func(seed string) string {
			return s.run("", append([]string{"schema", "sample", "-n", "20", "--seed", seed}, how...)...).want(t, exitDone).stdout
		}
		lines := sample("1")
		if strings.Count(lines, "\n") != 20 || sample("1") != lines || sample("2") == lines {
			t.Errorf("samples do not follow from their seed: %s", lines)
		}
		s.run(lines, "produce", "orders").want(t, exitDone, "sent 20 events")
	}
	tagged := s.run("", "consume", "orders", "--tagged", "--until-end").want(t, exitDone).stdout
	bare := s.run("", "consume", "orders", "--until-end").want(t, exitDone).stdout
	if !strings.Contains(tagged, `"customer":{"string":"`) || strings.Contains(bare, `{"string":"`) {
		t.Errorf("the value of a union is named in %s, and bare in %s", tagged, bare)
	}
	s.run(tagged, "produce", "orders").want(t, exitDone, "sent 40 events")
	golden(t, "schema_sample", s.run("", "schema", "sample", file, "-n", "3", "--seed", "8").want(t, exitDone).stdout)
	golden(t, "schema_sample_tagged", s.run("", "schema", "sample", file, "-n", "3", "--seed", "8", "--tagged").want(t, exitDone).stdout)
	s.run("", "schema", "sample", file, "-n", "-1").want(t, exitUsage, "-n -1")
}

func TestSnapshotIsWrittenForServices(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.register("orders-value", orderSchema)
	s.register("refunds-value", refundSchema)
	path := filepath.Join(t.TempDir(), "registry.snapshot")
	s.run("", "schema", "snapshot", "--out", path, "--url", "http://registry.internal:8081/").want(t, exitDone, "wrote "+path+": 2 versions")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), `"registry":"http://registry.internal:8081"`) || !strings.Contains(string(text), "Refund") {
		t.Errorf("%v: %s", err, text)
	}
	s.run("", "schema", "snapshot", "--out", path, "--subject", "orders-value").want(t, exitDone, "1 versions")
	s.run("", "schema", "snapshot", "--out", path, "--subject", "nobody-value").want(t, exitFailed, "nobody-value")
}
