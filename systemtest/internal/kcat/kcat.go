// Package kcat runs kcat, an independent client on librdkafka.
package kcat

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/headrace/headrace/systemtest/internal/process"
	"github.com/headrace/headrace/systemtest/internal/record"
)

// path fails the test when kcat is missing; it never skips.
func path(tb testing.TB) string {
	tb.Helper()
	found, err := exec.LookPath("kcat")
	if err != nil {
		tb.Fatalf("system tests compare with kcat: install it (Debian: apt-get install kcat): %v", err)
	}
	return found
}

func run(tb testing.TB, stdin io.Reader, args ...string) []byte {
	tb.Helper()
	var stdout bytes.Buffer
	p := process.Start(tb, process.Spec{
		Name: "kcat", Command: append([]string{path(tb)}, args...), Stdin: stdin, Stdout: &stdout,
	})
	if err := p.Wait(); err != nil {
		tb.Fatalf("kcat %s: %v\n%s", strings.Join(args, " "), err, p.Tail(30))
	}
	return stdout.Bytes()
}

// Read calls each with every record of the topic, partition by partition. Headers must be text without commas, as
// kcat separates them by commas.
func Read(tb testing.TB, brokers []string, topic string, each func(record.Record)) {
	tb.Helper()
	// Lengths first, so that any bytes may follow; kcat prints a null as length -1 and no bytes.
	const format = "%p %o %T %K %S\n%k%s%h\n"
	out := run(tb, nil, "-b", strings.Join(brokers, ","), "-t", topic, "-C", "-e", "-q", "-o", "beginning", "-f", format)
	for in := bufio.NewReader(bytes.NewReader(out)); ; {
		r, err := next(in)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			tb.Fatalf("kcat read %s: %v", topic, err)
		}
		each(r)
	}
}

func next(in *bufio.Reader) (r record.Record, err error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return r, err
	}
	var keyLength, valueLength int
	if _, err := fmt.Sscanf(line, "%d %d %d %d %d\n", &r.Partition, &r.Offset, &r.Timestamp, &keyLength, &valueLength); err != nil {
		return r, fmt.Errorf("line %q: %w", line, err)
	}
	if r.Key, err = take(in, keyLength); err != nil {
		return r, err
	}
	if r.Value, err = take(in, valueLength); err != nil {
		return r, err
	}
	headers, err := in.ReadString('\n')
	if err != nil {
		return r, fmt.Errorf("headers: %w", err)
	}
	for header := range strings.SplitSeq(strings.TrimSuffix(headers, "\n"), ",") {
		if key, value, found := strings.Cut(header, "="); found {
			r.Headers = append(r.Headers, record.Header{Key: key, Value: record.Bytes(value)})
		}
	}
	return r, nil
}

func take(in *bufio.Reader, length int) (record.Bytes, error) {
	if length < 0 {
		return nil, nil
	}
	b := make(record.Bytes, length)
	_, err := io.ReadFull(in, b)
	return b, err
}

// Write sends the records by their keys. Keys and values are text without tabs and line ends, and all records get
// the first one's headers: more kcat cannot do in one run.
func Write(tb testing.TB, brokers []string, topic, codec string, records []record.Record) {
	tb.Helper()
	args := []string{"-b", strings.Join(brokers, ","), "-t", topic, "-P", "-K", "\t", "-z", codec, "-X", "partitioner=murmur2_random", "-X", "acks=all"}
	var stdin bytes.Buffer
	for i, r := range records {
		if i == 0 {
			for _, h := range r.Headers {
				args = append(args, "-H", h.Key+"="+string(h.Value))
			}
		}
		fmt.Fprintf(&stdin, "%s\t%s\n", r.Key, r.Value)
	}
	run(tb, &stdin, args...)
}
