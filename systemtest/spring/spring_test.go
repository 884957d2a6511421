// Package spring reads and returns dead letters of a real Spring Kafka program.
package spring

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/internal/cli"
	"github.com/headrace/headrace/reader"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/cache"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/maven"
	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/record"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

const events = 4

// program starts the Spring program, which fails for every event.
func program(t *testing.T, cluster *kraft.Cluster) *process.Process {
	t.Helper()
	jars, err := maven.SpringKafkaJars()
	if err != nil {
		t.Fatal(err)
	}
	root, err := cache.Root()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(root, "java", "spring", "Retryable.java")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	classPath := filepath.Join(jars, "*")
	classes, err := cache.Dir("java-spring-"+hex.EncodeToString(sum[:6]), func(dir string) error {
		javac, err := maven.Java("javac")
		if err != nil {
			return err
		}
		if out, err := exec.Command(javac, "-proc:none", "-parameters", "-cp", classPath, "-d", dir, source).CombinedOutput(); err != nil {
			return fmt.Errorf("javac: %w\n%s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	java, err := maven.Java("java")
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = read.Close(), write.Close() })
	return process.Start(t, process.Spec{
		Name: "spring", Stdin: read,
		Command: []string{
			java, "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
			"-cp", classes + string(os.PathListSeparator) + classPath, "Retryable", strings.Join(cluster.Brokers(), ","),
		},
	})
}

// TestDeadLettersOfSpring has both families of headers that Spring writes: of @RetryableTopic, and of a DeadLetterPublishingRecoverer.
func TestDeadLettersOfSpring(t *testing.T) {
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) {
			cluster := kraft.Start(t, kraft.Config{Version: version})
			families := []struct{ topic, dead, group, kind, says string }{
				{"spring-retried", "spring-retried-dlt", "spring-mail", "IllegalStateException", "no such address"},
				{"spring-recovered", "spring-recovered-dlt", "spring-bills", "IllegalArgumentException", "no such customer"},
			}
			for _, f := range families {
				admin.CreateTopic(t, cluster, f.topic, 2, nil)
				admin.CreateTopic(t, cluster, f.dead, 2, nil)
				var written []record.Record
				for i := range events {
					written = append(written, record.Record{
						Partition: 1, Key: record.Bytes(fmt.Append(nil, "k", i)), Value: record.Bytes(fmt.Append(nil, "v", i)), Timestamp: 1_700_000_000_000 + int64(i),
						Headers: []record.Header{{Key: "trace", Value: record.Bytes("abc")}, {Key: "kafka_dlt-mine", Value: record.Bytes("stays")}},
					})
				}
				admin.Write(t, cluster, f.topic, written...)
			}
			spring := program(t, cluster)
			for _, f := range families {
				await(t, cluster, f.dead, spring)
			}
			spring.Kill()
			for _, f := range families {
				t.Run(f.dead, func(t *testing.T) {
					var letters []deadletter.Letter
					query := deadletter.Query{Cluster: stack.Cluster(cluster), Topics: []string{f.dead}}
					if err := deadletter.Read(t.Context(), query, func(d deadletter.Letter) error { letters = append(letters, d); return nil }); err != nil {
						t.Fatal(err)
					}
					for _, d := range letters {
						t.Logf("group %q, kind %q, attempts %d, origin %s, died %s, headers %d of %d", d.Group, d.Kind, d.Attempts, d.Origin, d.Died, len(d.Headers), len(d.Raw))
						if d.Family != deadletter.FamilySpring || d.Origin.Topic != f.topic || d.Origin.Partition != 1 || d.Kind != f.kind || !strings.Contains(d.Error, f.says) ||
							d.Stack == "" || d.Group != f.group || d.Time.UnixMilli() != 1_700_000_000_000+d.Origin.Offset || time.Since(d.Died) > time.Hour || len(d.Headers) != 2 {
							t.Errorf("read as %+v", d)
						}
						if want := 3; f.topic == "spring-retried" && d.Attempts != want {
							t.Errorf("%d attempts, want %d", d.Attempts, want)
						}
					}
					run(t, cluster, 0, "4 ", "dead", "list", f.dead)
					run(t, cluster, 0, f.says, "dead", "show", f.dead, fmt.Sprintf("%d:%d", letters[0].Partition, letters[0].Offset))
					run(t, cluster, 2, "--target "+f.topic+" is missing", "dead", "redrive", f.dead, "--yes")
					run(t, cluster, 0, "returned 4 events", "dead", "redrive", f.dead, "--yes", "--target", f.topic)
					check(t, cluster, f.topic)
				})
			}
		})
	}
}

// check wants every event once more, in its partition, with its own headers and those of its return.
func check(t *testing.T, cluster *kraft.Cluster, topic string) {
	t.Helper()
	seen := 0
	err := reader.Read(t.Context(), reader.Config{Cluster: stack.Cluster(cluster), Topic: topic, Range: reader.Range{To: reader.AtEnd()}}, func(r reader.Record) error {
		if seen++; seen <= events {
			return nil
		}
		var keys []string
		for _, h := range r.Headers {
			keys = append(keys, h.Key)
		}
		n := seen - events - 1
		if got := strings.Join(keys, " "); got != "trace kafka_dlt-mine __redrive.count __redrive.mark" || r.Partition != 1 ||
			string(r.Key) != fmt.Sprint("k", n) || string(r.Value) != fmt.Sprint("v", n) || r.Time.UnixMilli() != 1_700_000_000_000+int64(n) {
			t.Errorf("returned as key %s value %s partition %d time %s with headers %s", r.Key, r.Value, r.Partition, r.Time, got)
		}
		return nil
	})
	if err != nil || seen != 2*events {
		t.Errorf("topic %s holds %d events, %v", topic, seen, err)
	}
}

// await waits for the dead letters of all events.
func await(t *testing.T, cluster *kraft.Cluster, dead string, spring *process.Process) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) { //nolint:forbidigo // another program is at work
		n := int64(0)
		for _, end := range admin.Ends(t, cluster, dead) {
			n += end
		}
		switch {
		case n == events:
			return
		case !spring.Alive():
			t.Fatalf("the program ended:\n%s", spring.Tail(40))
		case time.Now().After(deadline):
			t.Fatalf("topic %s holds %d dead letters\n%s", dead, n, spring.Tail(40))
		}
	}
}

// run runs a command of the command line.
func run(t *testing.T, cluster *kraft.Cluster, code int, says string, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := cli.Main(t.Context(), cli.Env{
		Args: append(args, "--brokers", strings.Join(cluster.Brokers(), ",")), Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir(),
	})
	if got != code || !strings.Contains(stdout.String()+stderr.String(), says) {
		t.Errorf("%s: exit code %d\n%s%s", strings.Join(args, " "), got, stdout.String(), stderr.String())
	}
}
