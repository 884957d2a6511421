package consumer

import (
	"io"
	"net"
	"testing"

	"github.com/headrace/headrace/schema/registry"
)

// laterAt is an address at which nobody listens until the returned function is called. From then on what comes there is passed on to another.
func laterAt(t *testing.T, to string) (address string, listen func()) {
	t.Helper()
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = reserved.Addr().String()
	if err := reserved.Close(); err != nil {
		t.Fatal(err)
	}
	return address, func() {
		t.Helper()
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				from, err := listener.Accept()
				if err != nil {
					return
				}
				go passOn(from, to)
			}
		}()
	}
}

func passOn(from net.Conn, to string) {
	behind, err := net.Dial("tcp", to)
	if err != nil {
		_ = from.Close()
		return
	}
	go func() {
		_, _ = io.Copy(behind, from)
		_ = behind.Close()
	}()
	_, _ = io.Copy(from, behind)
	_ = from.Close()
}

// webServer is an address at which something listens that is not Kafka.
func webServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = c.Read(make([]byte, 512))
				_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				_ = c.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

// TestWorkerWaitsForBrokersAndARegistryThatAreNotThereYet starts a worker before anything that it needs.
func TestWorkerWaitsForBrokersAndARegistryThatAreNotThereYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, true)
	w.pings("t", 0, 0, 3)
	cfg := w.config("t")
	cfg.Policy = Policy{DeadLetter: true}
	broker, startBroker := laterAt(t, w.kafka.ListenAddrs()[0])
	address, startRegistry := laterAt(t, w.registryURL[len("http://"):])
	cfg.Cluster.Brokers = []string{broker}
	var err error
	if cfg.Registry, err = registry.New("http://"+address, registry.WithTimeout(patience)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cfg.Registry.Close)
	var got sink
	j := w.start(cfg, On(got.handle))
	eventually(t, "the worker says what it waits for", func() bool {
		return w.logs.FilterMessageSnippet("brokers do not answer").Len() > 0
	})
	startBroker()
	eventually(t, "an event waits for the registry", func() bool {
		return w.logs.FilterMessageSnippet("event waits for an outage").Len() > 0
	})
	startRegistry()
	eventually(t, "all are handled", func() bool { return got.len() == 3 && w.committed("t", 0) == 3 })
	j.stop()
}

func TestWorkerThatWaitsForBrokersStopsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config("t")
	address, _ := laterAt(t, "")
	cfg.Cluster.Brokers = []string{address}
	j := w.start(cfg, On(new(sink).handle))
	eventually(t, "the worker says what it waits for", func() bool {
		return w.logs.FilterMessageSnippet("brokers do not answer").Len() > 0
	})
	j.stop()
}
