// Package javaclient runs the Java client of the Kafka version under test, as an independent reader and writer.
package javaclient

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/headrace/headrace/systemtest/internal/cache"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/maven"
	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/record"
)

// Client runs one JVM per call. It is safe for concurrent use.
type Client struct {
	java, classPath, bootstrap string
}

// New compiles the client, once per source and Kafka version, and points it at the cluster's first listener.
func New(tb testing.TB, c *kraft.Cluster) *Client {
	tb.Helper()
	java, err := maven.Java("java")
	if err != nil {
		tb.Fatalf("java client: %v", err)
	}
	classes, err := compile(c)
	if err != nil {
		tb.Fatalf("java client: %v", err)
	}
	return &Client{
		java:      java,
		classPath: classes + string(os.PathListSeparator) + filepath.Join(c.Jars, "*"),
		bootstrap: strings.Join(c.Brokers(), ","),
	}
}

func compile(c *kraft.Cluster) (classes string, err error) {
	root, err := cache.Root()
	if err != nil {
		return "", err
	}
	sources, err := filepath.Glob(filepath.Join(root, "java", "*.java"))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	name := fmt.Sprintf("java-%s-%s", c.Version, hex.EncodeToString(sum.Sum(nil))[:12])
	return cache.Dir(name, func(dir string) error {
		javac, err := maven.Java("javac")
		if err != nil {
			return err
		}
		args := append([]string{"-proc:none", "-cp", filepath.Join(c.Jars, "*"), "-d", dir}, sources...)
		if out, err := exec.Command(javac, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("javac: %w\n%s", err, out)
		}
		return nil
	})
}

// run returns standard output; standard error goes to the log that a failed test shows.
func (c *Client) run(tb testing.TB, stdin io.Reader, args ...string) []byte {
	tb.Helper()
	var stdout bytes.Buffer
	p := process.Start(tb, process.Spec{
		Name: "java-" + args[0],
		Command: append([]string{
			c.java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", c.classPath, "Client",
		}, args...),
		Stdin: stdin, Stdout: &stdout,
	})
	if err := p.Wait(); err != nil {
		tb.Fatalf("java client %s: %v\n%s", strings.Join(args, " "), err, p.Tail(30))
	}
	return stdout.Bytes()
}

// Isolation says which records of transactions a reader sees.
type Isolation string

// Java's own names.
const (
	Committed   Isolation = "read_committed"
	Uncommitted Isolation = "read_uncommitted"
)

// Read returns every record of the topic.
func (c *Client) Read(tb testing.TB, topic string, isolation Isolation) []record.Record {
	tb.Helper()
	var records []record.Record
	decoder := json.NewDecoder(bytes.NewReader(c.run(tb, nil, "read", c.bootstrap, topic, string(isolation))))
	for decoder.More() {
		var r record.Record
		if err := decoder.Decode(&r); err != nil {
			tb.Fatalf("java client read %s: %v", topic, err)
		}
		records = append(records, r)
	}
	return records
}

// Digest returns the digest of every partition that has records.
func (c *Client) Digest(tb testing.TB, topic string) map[int32]record.Digest {
	tb.Helper()
	sums := map[int32]record.Digest{}
	decoder := json.NewDecoder(bytes.NewReader(c.run(tb, nil, "digest", c.bootstrap, topic)))
	for decoder.More() {
		var line struct {
			Partition int32  `json:"partition"`
			Records   int64  `json:"records"`
			SHA256    string `json:"sha256"`
		}
		if err := decoder.Decode(&line); err != nil {
			tb.Fatalf("java client digest %s: %v", topic, err)
		}
		sums[line.Partition] = record.Digest{Records: line.Records, SHA256: line.SHA256}
	}
	return sums
}

// Partitions returns the partition of count that Java's producer chooses for each key, in the keys' order.
func (c *Client) Partitions(tb testing.TB, keys []string, count int) []int32 {
	tb.Helper()
	var stdin bytes.Buffer
	for _, key := range keys {
		fmt.Fprintf(&stdin, "%x\n", key)
	}
	chosen := make([]int32, 0, len(keys))
	lines := bufio.NewScanner(bytes.NewReader(c.run(tb, &stdin, "partition", strconv.Itoa(count))))
	for lines.Scan() {
		partition, err := strconv.ParseInt(lines.Text(), 10, 32)
		if err != nil {
			tb.Fatalf("java client partition: %v", err)
		}
		chosen = append(chosen, int32(partition))
	}
	if len(chosen) != len(keys) {
		tb.Fatalf("java client partition: %d answers for %d keys", len(chosen), len(keys))
	}
	return chosen
}
