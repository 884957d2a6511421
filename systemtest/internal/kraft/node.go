package kraft

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/headrace/headrace/systemtest/internal/process"
)

// stopLimit is how long a broker may take to hand over its partitions on SIGTERM.
const stopLimit = 30 * time.Second

// Node is one broker, which is a controller too. Its methods are for one goroutine at a time.
type Node struct {
	// ID is the broker id, counted from 1.
	ID int32
	// Internal is the address of the internal listener.
	Internal string

	cluster    *Cluster
	controller int
	dir        string
	bound      map[string]string
	advertised map[string]string
	process    *process.Process
}

// ProxyPorts returns where clients are sent for the first listener, and where the broker really listens.
func (n *Node) ProxyPorts() (advertised, bound string) {
	name := n.cluster.config.Listeners[0].Name
	return n.advertised[name], n.bound[name]
}

// Kill ends the node with SIGKILL: nothing is flushed, no leadership is handed over.
func (n *Node) Kill() { n.process.Kill() }

// Stop ends the node with SIGTERM, after which it hands over its partitions.
func (n *Node) Stop() { n.process.Stop(stopLimit) }

// Pause stops the node with SIGSTOP: connections stay open and nothing answers.
func (n *Node) Pause() { n.process.Signal(syscall.SIGSTOP) }

// Continue ends Pause.
func (n *Node) Continue() { n.process.Signal(syscall.SIGCONT) }

// Start runs a node that has ended again, on its ports and data, and returns when it answers.
func (n *Node) Start(tb testing.TB) {
	tb.Helper()
	n.Launch()
	n.AwaitReady(tb)
}

// Launch runs a node that has ended again and does not wait for it: nodes that need each other are launched together.
// The process is tied to the test that started the cluster: a node that a subtest restarts outlives the subtest.
func (n *Node) Launch() {
	n.process = process.Start(n.cluster.tb, process.Spec{
		Name:    fmt.Sprintf("kafka-%s-node-%d", n.cluster.Version, n.ID),
		Command: n.java("kafka.Kafka", n.propertiesFile()),
		Log:     filepath.Join(n.dir, "server.log"),
		Dir:     n.dir,
	})
}

// AwaitReady waits until this node itself knows all running nodes.
func (n *Node) AwaitReady(tb testing.TB) {
	tb.Helper()
	running := 0
	for _, other := range n.cluster.nodes {
		if other.process != nil && other.process.Alive() {
			running++
		}
	}
	n.process.Await(tb, startLimit, func() error {
		seen, err := brokersSeenBy(n.Internal)
		if err == nil && seen < running {
			return fmt.Errorf("it knows %d of %d brokers", seen, running)
		}
		return err
	})
}

func (n *Node) format(tb testing.TB, users []string) error {
	if err := os.WriteFile(n.propertiesFile(), []byte(n.cluster.properties(n)), 0o600); err != nil {
		return err
	}
	command := n.java("kafka.tools.StorageTool", append([]string{"format", "-t", n.cluster.config.ClusterID, "-c", n.propertiesFile()}, users...)...)
	format := process.Start(tb, process.Spec{Name: fmt.Sprintf("kafka-format-%d", n.ID), Command: command})
	if err := format.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, format.Tail(20))
	}
	return nil
}

func (n *Node) propertiesFile() string { return filepath.Join(n.dir, "server.properties") }

// java is the command line of a main class, with a small heap and the quick compiler: these JVMs live for a minute, unless they run as
// kafka-server-start.sh and kafka-run-class.sh have it.
func (n *Node) java(class string, args ...string) []string {
	command := []string{n.cluster.java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}
	if n.cluster.config.AsShipped {
		command = []string{
			n.cluster.java, "-Xmx1g", "-Xms1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
			"-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-XX:MaxInlineLevel=15",
		}
	}
	command = append(command,
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-cp", filepath.Join(n.cluster.Jars, "*"), class)
	return append(command, args...)
}

// Alive reports whether the node's process runs; a paused one does.
func (n *Node) Alive() bool { return n.process.Alive() }
