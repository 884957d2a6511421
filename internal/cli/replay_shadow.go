package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay"
	"github.com/headrace/headrace/replay/shadow"
)

const replayShadowLong = `Compare what a new build of a service wrote in a shadow run with what production wrote from the same events: which events are
missing, which are extra, and which fields have changed.

The shadow run is made by the service's own binary, which has the handlers: replay.Run of the library over a plan of
"headrace replay plan --handlers SERVICE", with a producer whose TopicSuffix is .shadow, so that what goes to OUT in production
goes to OUT.shadow, which has to exist with as many partitions.

An event of the one side belongs to the event of the other that has the same key and the same place in the order of that key.
With --origin NAME, the name of a header that tells which event it was made from (see consumer.HeaderOrigin), it is that one, and
only what was made from the replayed part counts. Without it, --from and --to are times, and production's output keeps the time of
its input; otherwise say with --expected-from and --expected-to which part of it counts.

Values are decoded, each with the schema it was written with. Timestamps and headers are not compared. Fields that differ for good
reason are left out with --ignore: a.b is the field b of the record a, items[].price the price of each item.

Exit codes: 0 equal, 1 failed, 2 wrong usage, 100 something differs.`

type replayShadowFlags struct {
	source           replay.Source
	expected, shadow string
	from, to         string // of expected
	origin           string
	ignore           []string
	memory           string
	out              format
}

func (a *app) replayShadow() *cobra.Command {
	var f replayShadowFlags
	cmd := &cobra.Command{
		Use:        "shadow --from-topic IN --expected OUT --shadow OUT.shadow [flags]",
		SuggestFor: []string{"compare", "diff"},
		Short:      "Compare the output of a new build with production's",
		Long:       replayShadowLong,
		Example: "  headrace replay shadow --from-topic flights --from @2024-01-01 --to 31d --expected alerts --shadow alerts.shadow\n" +
			"  headrace replay shadow --from-topic flights --from 1000 --expected alerts --shadow alerts.shadow --origin origin --ignore sent_at -o json",
		Args: exactly(),
		RunE: a.run(func(ctx context.Context, _ []string) error { return a.runReplayShadow(ctx, f) }),
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.source.Topics, "from-topic", nil, "`topics` that were replayed, separated by commas")
	flags.StringVar(&f.source.From, "from", "start", "`position` of the first event that was replayed")
	flags.StringVar(&f.source.To, "to", "end", "`position` after the last one")
	flags.StringVar(&f.expected, "expected", "", "`topic` that production wrote to")
	flags.StringVar(&f.shadow, "shadow", "", "`topic` that the shadow run wrote to")
	flags.StringVar(&f.from, "expected-from", "", "`position` in the expected topic to begin at")
	flags.StringVar(&f.to, "expected-to", "", "`position` in the expected topic to end at")
	flags.StringVar(&f.origin, "origin", "", "`name` of the header that tells which event an event was made from")
	flags.StringSliceVar(&f.ignore, "ignore", nil, "`path` of a field that may differ; may be repeated")
	flags.StringVar(&f.memory, "memory", "256MiB", "`bytes` for events that wait for their counterpart")
	f.out.bind(cmd)
	return cmd
}

func (a *app) runReplayShadow(ctx context.Context, f replayShadowFlags) error {
	switch {
	case len(f.source.Topics) == 0:
		return usagef("--from-topic is missing: which topic was replayed?")
	case f.expected == "" || f.shadow == "":
		return usagef("--expected and --shadow are both needed: the topic that production wrote to, and the one of the shadow run")
	}
	cfg, err := f.config()
	if err != nil {
		return &usageError{err}
	}
	if cfg.Cluster, err = a.cluster(); err != nil {
		return err
	}
	for _, topic := range append([]string{f.expected, f.shadow}, f.source.Topics...) {
		if err := a.checkTopic(ctx, cfg.Cluster, topic, nil); err != nil {
			return err
		}
	}
	cfg, err = cfg.OutputOf(ctx, f.source)
	if wrong, ok := errors.AsType[*replay.PlanError](err); ok {
		return &usageError{fmt.Errorf("--%s: %s", strings.TrimPrefix(wrong.Field, "source."), wrong.Text)}
	}
	if err != nil {
		return err
	}
	if cfg.Registry, err = a.openRegistry(ctx); err != nil {
		return err
	}
	defer cfg.Registry.Close()
	progress := &scanProgress{app: a, began: time.Now()}
	cfg.Progress = progress.show
	found, err := shadow.Compare(ctx, cfg)
	progress.end()
	if err != nil {
		return err
	}
	if err := a.printDifference(found, f.out); err != nil {
		return err
	}
	if !found.Equal() {
		return errFindings
	}
	return nil
}

// config is what the flags say without a look at the cluster.
func (f replayShadowFlags) config() (shadow.Config, error) {
	cfg := shadow.Config{
		Expected: shadow.Output{Topic: f.expected}, Shadow: shadow.Output{Topic: f.shadow}, OriginHeader: f.origin, Ignore: f.ignore,
	}
	memory, err := project.ParseBytes(f.memory)
	if err != nil || memory < 1 || memory > 1<<40 {
		return cfg, fmt.Errorf("--memory: %q is not an amount of bytes, such as 256MiB", f.memory)
	}
	cfg.MemoryBytes = int(memory)
	now := time.Now()
	if f.from != "" {
		r, err := reader.ParseRange(f.from, now)
		if err != nil || !r.To.IsZero() {
			return cfg, fmt.Errorf("--expected-from: %q is not one position: %w", f.from, errOr(err, "it has two ends"))
		}
		cfg.Expected.Range.From = r.From
	}
	if f.to == "" {
		return cfg, nil
	}
	to := ":" + f.to
	if at, isTime := strings.CutPrefix(f.to, "@"); isTime {
		to = "@:" + at
	}
	r, err := reader.ParseRange(to, now)
	if err != nil || !r.From.IsZero() {
		return cfg, fmt.Errorf("--expected-to: %q is not one position: %w", f.to, errOr(err, "it has two ends"))
	}
	cfg.Expected.Range.To = r.To
	return cfg, nil
}

func errOr(err error, text string) error {
	if err == nil {
		return errors.New(text)
	}
	return err
}

// printDifference prints the difference itself, or as tables: counts, fields, examples.
func (a *app) printDifference(d shadow.Difference, out format) error {
	if out != "table" {
		return printOne(a.Stdout, out, d)
	}
	err := print(a.Stdout, "table", []shadow.Difference{d}, "EXPECTED SHADOW SAME MISSING EXTRA CHANGED OUTSIDE", func(d shadow.Difference) []any {
		return []any{d.Expected, d.Shadow, d.Same, d.Missing, d.Extra, d.Changed, d.Outside}
	})
	if err != nil || d.Equal() {
		return err
	}
	if len(d.Fields) > 0 {
		fmt.Fprintln(a.Stdout)
		err = print(a.Stdout, "table", d.Fields, "EVENT FIELD EVENTS", func(f shadow.FieldCount) []any {
			return []any{dash(oneLine(f.Event)), oneLine(f.Field), f.Events}
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintln(a.Stdout)
	return print(a.Stdout, "table", d.Examples, "FIRST PARTITION EXPECTED SHADOW KEY EVENT FIELDS", func(d shadow.Deviation) []any {
		var fields []string
		for _, f := range d.Fields {
			fields = append(fields, fmt.Sprintf("%s: %s → %s", f.Field, f.Expected, f.Shadow))
		}
		return []any{d.Kind, d.Partition, offsetCell(d.Expected), offsetCell(d.Shadow), dash(oneLine(d.Key)), dash(oneLine(d.Event)), dash(oneLine(strings.Join(fields, "; ")))}
	})
}

func offsetCell(offset *int64) any {
	if offset == nil {
		return "-"
	}
	return *offset
}
