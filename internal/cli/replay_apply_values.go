package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/replay"
)

// replayValues are the flags of replay apply that say what becomes of the events' values.
type replayValues struct {
	raw, register, noRegistry bool
	reencode                  string
	unknown, corrupt, dead    string
}

func (v *replayValues) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&v.raw, "raw", false, "copy whole batches as they are, without headers of origin")
	flags.StringVar(&v.reencode, "reencode", "", "write the values anew with the latest schema of this `subject`")
	flags.BoolVar(&v.register, "register", false, "register schemas that the target topic has no subject with")
	flags.BoolVar(&v.noRegistry, "no-registry", false, "ask no schema registry: values keep the ids they have")
	flags.StringVar(&v.unknown, "unknown", "stop", "`policy` for events with schemas that have to be known and are not: stop, copy, skip")
	flags.StringVar(&v.corrupt, "corrupt", "stop", "`policy` for what cannot be read: stop, skip (and report it), dead (and write it to --dead-topic)")
	flags.StringVar(&v.dead, "dead-topic", "", "`topic` for --corrupt dead, in the cluster of the target")
}

// amend changes the plan as it is applied; its file stays as it is.
func (v *replayValues) amend(plan *replay.Plan) error {
	flag := ""
	if v.raw && !plan.Target.Raw {
		flag, plan.Target.Raw = "--raw", true
	}
	if v.reencode != "" && v.reencode != plan.Target.Reencode {
		if plan.Target.Reencode != "" {
			return usagef("--reencode is %q, and the plan was made with %q: plan again", v.reencode, plan.Target.Reencode)
		}
		flag, plan.Target.Reencode = "--reencode", v.reencode
	}
	if flag == "" {
		return nil
	}
	if err := plan.Validate(); err != nil {
		return &usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return nil
}

// set puts the policies into the configuration of a copy.
func (v *replayValues) set(cfg *replay.CopyConfig) error {
	switch v.unknown {
	case "stop":
		cfg.Unknown = replay.UnknownStop
	case "copy":
		cfg.Unknown = replay.UnknownCopy
	case "skip":
		cfg.Unknown = replay.UnknownSkip
	default:
		return usagef("--unknown: %q is none of stop, copy and skip", v.unknown)
	}
	switch v.corrupt {
	case "stop":
	case "skip":
		cfg.SkipCorrupt = true
	case "dead":
		if v.dead == "" {
			return usagef("--corrupt dead: --dead-topic is missing, which says where to")
		}
		cfg.DeadLetters = v.dead
	default:
		return usagef("--corrupt: %q is none of stop, skip and dead", v.corrupt)
	}
	if v.dead != "" && v.corrupt != "dead" {
		return usagef("--dead-topic is for --corrupt dead, which is missing")
	}
	if v.noRegistry && (v.register || v.reencode != "") {
		return usagef("--register and --reencode ask a schema registry, and --no-registry forbids it")
	}
	cfg.Register = v.register
	return nil
}

// openRegistries opens those of source and target that the copy has to ask: for its filter, to encode anew, to register, or because the
// target's is another one.
func (r *replayApplying) openRegistries(ctx context.Context, cfg *replay.CopyConfig) (closeAll func(), err error) {
	filter, target := cfg.Plan.Filter, cfg.Plan.Target
	needed := len(filter.Events) > 0 || filter.Where != "" || target.Reencode != "" || cfg.Register
	another, err := r.anotherRegistry()
	if err != nil {
		return nil, err
	}
	another = another && !target.Raw
	if r.values.noRegistry || !needed && !another {
		return func() {}, nil
	}
	if cfg.Registry, err = r.openRegistry(ctx); err != nil {
		return nil, err
	}
	if !another {
		return cfg.Registry.Close, nil
	}
	if cfg.ToRegistry, err = r.other(r.toContext).openRegistry(ctx); err != nil {
		cfg.Registry.Close()
		return nil, fmt.Errorf("context %s: %w; --no-registry keeps the ids that the values have", r.toContext, err)
	}
	return func() { cfg.Registry.Close(); cfg.ToRegistry.Close() }, nil
}

// anotherRegistry reports whether the context of the target has a registry of its own. Nothing is asked of either.
func (r *replayApplying) anotherRegistry() (bool, error) {
	if r.toContext == "" {
		return false, nil
	}
	from, err := r.registryClient()
	if err != nil {
		return false, err
	}
	defer from.Close()
	to, err := r.other(r.toContext).registryClient()
	if err != nil {
		return false, fmt.Errorf("context %s: %w", r.toContext, err)
	}
	defer to.Close()
	return from.URL() != to.URL(), nil
}
