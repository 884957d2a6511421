package faults

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/proxy"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// lab is three brokers, a proxy before each, and a registry. Each is started when a row first needs it.
type lab struct {
	version string
	started bool
	brokers func() *brokers
	schemas func() *apicurio.Registry
}

type brokers struct {
	*kraft.Cluster
	faults *proxy.Faults
}

// cleaned makes the brokers' log cleaner look every tenth of a second, and delete records at once.
var cleaned = map[string]string{"log.cleaner.backoff.ms": "100"}

func newLab(t *testing.T, version string) *lab {
	l := &lab{version: version}
	l.brokers = sync.OnceValue(func() *brokers {
		cluster := kraft.Start(t, kraft.Config{Version: version, Nodes: 3, Proxied: true, Properties: cleaned})
		b := &brokers{Cluster: cluster, faults: proxy.Front(t, cluster)}
		l.started = true
		return b
	})
	l.schemas = sync.OnceValue(func() *apicurio.Registry { return apicurio.Start(t) })
	return l
}

// kafka returns the brokers.
func (l *lab) kafka() *kraft.Cluster { return l.brokers().Cluster }

// lines returns the faults of the lines to the brokers.
func (l *lab) lines() *proxy.Faults { return l.brokers().faults }

// cluster is how the toolkit reaches the brokers: through the proxies.
func (l *lab) cluster() headrace.Cluster { return stack.Cluster(l.kafka()) }

// registry is a client of its own for each trial, so that none profits from what another has cached.
func (t *trial) registry() *registry.Client { return stack.Registry(t.T, t.schemas().URL) }

// mend undoes what the row before may have left, so that a broken row does not break the next one.
func (l *lab) mend(t *testing.T) {
	t.Helper()
	if !l.started {
		return
	}
	l.lines().Clear()
	var down []*kraft.Node
	for _, n := range l.kafka().Nodes() {
		n.Continue()
		if !n.Alive() {
			n.Launch()
			down = append(down, n)
		}
	}
	for _, n := range down {
		n.AwaitReady(t)
	}
}

// connections waits until no client holds a connection, and returns how many do when limit has passed.
func (l *lab) connections(limit time.Duration) int {
	if !l.started {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		open := l.lines().Connections()
		if open == 0 || ctx.Err() != nil {
			return open
		}
		<-time.After(20 * time.Millisecond)
	}
}
