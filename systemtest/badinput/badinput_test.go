// Package badinput gives the toolkit what it cannot use, on real servers, and expects a clear error or a dead letter
// by the deadline, and nothing lost.
package badinput

import (
	"context"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/pki"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// password must not be seen in any error.
const password = "canary-7f3a"

// deadline is how long calls may take that nobody answers; slack is what they may overrun it by on a busy machine; patience
// is for calls that a server answers, one way or the other, however busy the machine is.
const (
	deadline = 3 * time.Second
	slack    = 2 * time.Second
	patience = 30 * time.Second
)

// environment is one broker that can be reached in every way, well and badly.
type environment struct {
	cluster     *kraft.Cluster
	authority   *pki.Authority
	stranger    *pki.Authority
	registryURL string
	registry    *registry.Client
}

func TestBadInput(t *testing.T) {
	authority := pki.NewAuthority(t, "systemtest")
	server := authority.Issue(t, "broker", time.Hour)
	expired := authority.Issue(t, "expired broker", -time.Hour)
	reg := apicurio.Start(t)
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) {
			env := &environment{
				authority: authority, stranger: pki.NewAuthority(t, "stranger"),
				registryURL: reg.URL, registry: stack.Registry(t, reg.URL),
			}
			env.cluster = kraft.Start(t, kraft.Config{
				Version: version,
				Listeners: []kraft.Listener{
					{Name: "CLIENT"},
					{Name: "TLS", Identity: server},
					{Name: "EXPIRED", Identity: expired},
					{Name: "SASL", SASL: true},
					{Name: "SASLTLS", Identity: server, SASL: true},
				},
				Users:     map[string]string{"alice": password, "bob": password},
				Authorize: true,
			})
			t.Run("addresses", func(t *testing.T) { addresses(t, env) })
			t.Run("credentials", func(t *testing.T) { credentials(t, env) })
			t.Run("rights", func(t *testing.T) { rights(t, env) })
			t.Run("topics", func(t *testing.T) { topics(t, env) })
			t.Run("schemas", func(t *testing.T) { schemas(t, env) })
			t.Run("sizes", func(t *testing.T) { sizes(t, env) })
			t.Run("values", func(t *testing.T) { values(t, env) })
		})
	}
}

// on is the cluster through a listener, with credentials or nil.
func (e *environment) on(listener string, tls *headrace.TLS, sasl *headrace.SASL) headrace.Cluster {
	return headrace.Cluster{Brokers: e.cluster.Brokers(listener), ClientID: "badinput", TLS: tls, SASL: sasl}
}

// answered runs a call that a server answers long before its deadline.
func answered(t *testing.T, call func(context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return call(ctx)
}

// timed runs call with a deadline and fails the test when it returns later.
func timed(t *testing.T, call func(context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	start := time.Now()
	err := call(ctx)
	if took := time.Since(start); took > deadline+slack {
		t.Errorf("returned after %s, the deadline was %s", took.Round(time.Millisecond), deadline)
	}
	return err
}
