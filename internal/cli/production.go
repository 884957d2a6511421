package cli

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/project"
)

// agree asks whether to do what was shown. In production that is --yes and the name of what is written to, not only an answer.
func (r *replayApplying) agree(ctx context.Context, question, name string) error {
	if r.confirmed != "" && r.confirmed != name {
		return usagef("--confirm is %q, and the replay writes to %q", r.confirmed, name)
	}
	production, err := r.production(ctx)
	if err != nil {
		return err
	}
	if production == "" {
		return r.confirm(ctx, r.yes, question)
	}
	if !r.yes {
		return usagef("--yes is missing: context %s is production", production)
	}
	if r.confirmed == name {
		return nil
	}
	return r.typed(ctx, name, production)
}

// typed wants the name of what is written to, from the person at the terminal.
func (r *replayApplying) typed(ctx context.Context, name, production string) error {
	if !r.IsTerminal(r.Stdin) {
		return usagef("--confirm %s is missing: context %s is production, and nobody can be asked to type the name", oneLine(name), production)
	}
	fmt.Fprintf(r.Stderr, "Context %s is production. Type the name of what is written to, %s: ", production, oneLine(name))
	answer, err := r.answer(ctx)
	if err != nil {
		return err
	}
	if answer != name {
		return errDeclined
	}
	return nil
}

// production is the name of the context that is written to, when it is marked so: the one chosen, one with a broker of the cluster, or
// one with the registry that gets schemas. A cluster has more addresses than those it was reached by, so that it is asked for its own.
func (r *replayApplying) production(ctx context.Context) (string, error) {
	file, err := r.project()
	if err != nil || file == nil {
		return "", err
	}
	contexts := slices.DeleteFunc(slices.Clone(file.Contexts), func(c project.Context) bool { return !c.Production })
	if len(contexts) == 0 {
		return "", nil
	}
	there, brokers := r.app, r.from.Brokers
	if r.to != nil {
		there, brokers = r.other(r.toContext), r.to.Brokers
	}
	chosen, err := there.overridesContext()
	if err != nil {
		return "", err
	}
	registry, err := r.registers(there)
	if err != nil {
		return "", err
	}
	isMeant := func(c project.Context) bool {
		return chosen != nil && c.Name == chosen.Name || shareOne(c.Brokers, brokers) ||
			registry != "" && c.Registry != nil && sameRegistry(c.Registry.URL, registry)
	}
	i := slices.IndexFunc(contexts, isMeant)
	if i < 0 {
		if brokers, err = r.advertised(ctx); err != nil {
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
func (r *replayApplying) advertised(ctx context.Context) (addresses []string, err error) {
	written := r.from
	if r.to != nil {
		written = *r.to
	}
	client, err := kafka.Open(written)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := r.within(ctx)
	defer cancel()
	seen, err := client.Overview(ctx, kafka.AnyNode)
	for _, broker := range seen.Brokers {
		addresses = append(addresses, broker.Addr)
	}
	return addresses, err
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
