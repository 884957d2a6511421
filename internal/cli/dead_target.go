package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/headrace/headrace/deadletter"
)

// agreeTargets wants each topic by its name that only headers of dead letters name, from the flag or from the person at the terminal. An
// answer to --yes is none: it was given before anybody saw where the events go.
func (a *app) agreeTargets(ctx context.Context, plan deadletter.Redrive, given []string) ([]string, error) {
	for _, name := range given {
		if !slices.ContainsFunc(plan.Returns, func(to deadletter.Return) bool { return to.Topic == name }) {
			return nil, usagef("--target is %q, and no event of the selection goes there", name)
		}
	}
	agreed := slices.Clone(given)
	for _, to := range plan.Returns {
		if !to.Claimed || slices.Contains(agreed, to.Topic) {
			continue
		}
		name := oneLine(to.Topic)
		if !a.IsTerminal(a.Stdin) {
			return nil, usagef("--target %s is missing: only headers of %s name that topic, and stdin is not a terminal; "+
				"give it, or return the others first, with --cause or --at", name, plural(to.Events))
		}
		fmt.Fprintf(a.Stderr, "Only headers of %s name topic %s. Type its name to return them there: ", plural(to.Events), name)
		answer, err := a.answer(ctx)
		if err != nil {
			return nil, err
		}
		if answer != to.Topic {
			return nil, errDeclined
		}
		agreed = append(agreed, to.Topic)
	}
	return agreed, nil
}
