package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/project"
)

// agreement is what a command that cannot be undone was told beforehand.
type agreement struct {
	yes   bool
	named []string // what the flag names
	flag  string   // empty is --confirm
}

// confirmed is the agreement of --yes and --confirm.
func confirmed(yes bool, name string) agreement {
	if name == "" {
		return agreement{yes: yes}
	}
	return agreement{yes: yes, named: []string{name}}
}

// bindConfirm adds the flag that names what is changed, for production.
func bindConfirm(cmd *cobra.Command, confirmed *string, what string) {
	cmd.Flags().StringVar(confirmed, "confirm", "", "`name` of "+what+", for production")
}

// writing is where a command writes: what production is known by.
type writing struct {
	by       *app              // the command line that has chosen the context
	cluster  *headrace.Cluster // nil: no broker is written to
	registry string            // URL; empty: no registry is written to
}

// agree asks whether to do what was shown. In production that is --yes and the name of what is changed, not only an answer. It is for
// what cannot be taken back by the same command: offsets that move, events that are written again, letters and schemas that go.
func (a *app) agree(ctx context.Context, given agreement, to writing, question string, names ...string) error {
	for _, name := range given.named {
		if !slices.Contains(names, name) {
			return usagef("%s is %q, and this changes %q", given.by(), name, strings.Join(names, ", "))
		}
	}
	production, err := to.production(ctx)
	if err != nil {
		return err
	}
	if production == "" {
		return a.confirm(ctx, given.yes, question)
	}
	if !given.yes {
		return usagef("--yes is missing: context %s is production", production)
	}
	for _, name := range names {
		if slices.Contains(given.named, name) {
			continue
		}
		if err := a.typed(ctx, name, given.by(), production); err != nil {
			return err
		}
	}
	return nil
}

func (g agreement) by() string { return cmp.Or(g.flag, "--confirm") }

// typed wants the name of what is changed, from the person at the terminal.
func (a *app) typed(ctx context.Context, name, flag, production string) error {
	if !a.IsTerminal(a.Stdin) {
		return usagef("%s %s is missing: context %s is production, and stdin is not a terminal", flag, oneLine(name), production)
	}
	fmt.Fprintf(a.Stderr, "Context %s is production. Type the name of what is changed, %s: ", production, oneLine(name))
	answer, err := a.answer(ctx)
	if err != nil {
		return err
	}
	if answer != name {
		return errDeclined
	}
	return nil
}

// production is the name of the context that is written to, when it is marked so: the one chosen, one with a broker of the cluster, or
// one with the registry. A cluster has more addresses than those it was reached by, so that it is asked for its own.
func (w writing) production(ctx context.Context) (string, error) {
	file, err := w.by.project()
	if err != nil || file == nil {
		return "", err
	}
	contexts := slices.DeleteFunc(slices.Clone(file.Contexts), func(c project.Context) bool { return !c.Production })
	if len(contexts) == 0 {
		return "", nil
	}
	chosen, err := w.by.chosenContext()
	if _, ambiguous := errors.AsType[*project.AmbiguousError](err); err != nil && !ambiguous {
		return "", err // where none is chosen, what is written to was named by flag or environment
	}
	var brokers []string
	if w.cluster != nil {
		brokers = w.cluster.Brokers
	}
	isMeant := func(c project.Context) bool {
		return chosen != nil && c.Name == chosen.Name || shareOne(c.Brokers, brokers) ||
			w.registry != "" && c.Registry != nil && sameRegistry(c.Registry.URL, w.registry)
	}
	i := slices.IndexFunc(contexts, isMeant)
	if i < 0 && w.cluster != nil {
		if brokers, err = w.advertised(ctx); err != nil {
			return "", err
		}
		i = slices.IndexFunc(contexts, isMeant)
	}
	if i < 0 {
		return "", nil
	}
	return contexts[i].Name, nil
}

// advertised are the addresses that the cluster that is written to gives its clients.
func (w writing) advertised(ctx context.Context) (addresses []string, err error) {
	client, err := kafka.Open(*w.cluster)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := w.by.within(ctx)
	defer cancel()
	seen, err := client.Overview(ctx, kafka.AnyNode)
	for _, broker := range seen.Brokers {
		addresses = append(addresses, broker.Addr)
	}
	return addresses, err
}

// agree asks whether to apply the plan.
func (r *replayApplying) agree(ctx context.Context, question, name string) error {
	to := writing{by: r.app, cluster: &r.from}
	if r.to != nil {
		to.by, to.cluster = r.other(r.toContext), r.to
	}
	var err error
	if to.registry, err = r.registers(to.by); err != nil {
		return err
	}
	return r.app.agree(ctx, confirmed(r.yes, r.confirmed), to, question, name)
}

// registers is the URL of the registry that schemas are registered with; "" when none are.
func (r *replayApplying) registers(there *app) (string, error) {
	if !r.values.register {
		return "", nil
	}
	client, err := there.registryClient()
	if err != nil {
		return "", err
	}
	defer client.Close()
	return client.URL(), nil
}

func shareOne(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if strings.EqualFold(x, y) {
				return true
			}
		}
	}
	return false
}

// sameRegistry reports whether two URLs are one registry's, by host, port and path.
func sameRegistry(a, b string) bool {
	x, err1 := url.Parse(a)
	y, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && strings.EqualFold(hostOf(x), hostOf(y)) &&
		strings.TrimRight(x.Path, "/") == strings.TrimRight(y.Path, "/")
}

func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
