package badinput

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/ports"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// addresses are those of brokers and registries that are not there, do not answer, or are something else.
func addresses(t *testing.T, env *environment) {
	admin.CreateTopic(t, env.cluster, "addresses", 1, nil)
	closed := fmt.Sprintf("127.0.0.1:%d", ports.Free(t))
	base, err := url.Parse(env.registryURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("of", func(t *testing.T) {
		for name, address := range map[string]string{
			"nobody listens":      closed,
			"unknown host":        "no-such-host.invalid:9092",
			"accepts and is mute": mute(t),
			"speaks HTTP":         base.Host,
		} {
			t.Run("broker "+name, func(t *testing.T) {
				t.Parallel()
				wrongBroker(t, env, address)
			})
		}
		for name, address := range map[string]string{
			"nobody listens":      "http://" + closed,
			"unknown host":        "http://no-such-host.invalid:8081",
			"accepts and is mute": "http://" + mute(t),
			"wrong path":          "http://" + base.Host + "/no/registry/here",
		} {
			t.Run("registry "+name, func(t *testing.T) {
				t.Parallel()
				wrongRegistry(t, env, address)
			})
		}
	})
	if ends := admin.Ends(t, env.cluster, "addresses"); ends[0] != 0 {
		t.Errorf("topic holds %d records, none was acknowledged", ends[0])
	}
}

func wrongBroker(t *testing.T, env *environment, address string) {
	t.Helper()
	cluster := headrace.Cluster{Brokers: []string{address}}
	err := timed(t, func(ctx context.Context) error { return send(ctx, t, cluster, env.registry, "addresses") })
	says(t, err, "addresses", address)
	certainlyNotWritten(t, err)
	says(t, timed(t, func(ctx context.Context) error {
		_, err := read(ctx, cluster, "addresses")
		return err
	}), address)
	// A worker that starts says at once that nobody is there. One that gets no answer waits until it is told to stop.
	if err := timed(t, func(ctx context.Context) error { return work(ctx, cluster, env.registry, "addresses", "addresses") }); err != nil {
		says(t, err, address)
	}
}

func wrongRegistry(t *testing.T, env *environment, address string) {
	t.Helper()
	reg := stack.Registry(t, address)
	err := timed(t, func(ctx context.Context) error {
		return send(ctx, t, stack.Cluster(env.cluster), reg, "addresses")
	})
	says(t, err, "registry", address)
	certainlyNotWritten(t, err)
	if !registry.Unavailable(err) {
		t.Errorf("registry.Unavailable(%v) = false: an outage must be told from a refusal", err)
	}
}

// certainlyNotWritten holds the outcome of a send that never left.
func certainlyNotWritten(t *testing.T, err error) {
	t.Helper()
	var failure *producer.Error
	if !errors.As(err, &failure) || failure.Outcome != producer.Failed {
		t.Errorf("outcome of %v is not Failed", err)
	}
}

// mute accepts connections and never answers.
func mute(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		var open []net.Conn
		for {
			conn, err := listener.Accept()
			if err != nil {
				break
			}
			open = append(open, conn)
		}
		for _, conn := range open {
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}
