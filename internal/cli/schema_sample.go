package cli

import (
	"context"
	"math/rand/v2"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/sample"
	"github.com/headrace/headrace/schema"
)

const schemaSampleLong = `Print random events of a schema as JSON, one per line: valid, and what "headrace produce" takes. The schema is
in a file, whose references are found beside it, or the newest of a subject.

--seed makes the same events again. --tagged writes the value of a union as {"branch": value}, as the Avro
specification has it, where otherwise it stands bare; headrace reads both.`

type schemaSampleFlags struct {
	subject string
	count   int
	seed    uint64
	tagged  bool
}

func (a *app) schemaSample() *cobra.Command {
	var f schemaSampleFlags
	cmd := &cobra.Command{
		Use:   "sample FILE | --subject SUBJECT [flags]",
		Short: "Print random events of a schema",
		Long:  schemaSampleLong,
		Example: "  headrace schema sample order.avsc -n 3 --seed 1\n" +
			"  headrace schema sample --subject orders-value -n 1000 | headrace produce orders",
		Args: cobra.MaximumNArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error { return a.runSchemaSample(ctx, args, f) }),
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.subject, "subject", "s", "", "`subject` whose newest schema is meant")
	flags.IntVarP(&f.count, "count", "n", 1, "`number` of events")
	flags.Uint64Var(&f.seed, "seed", 0, "`number` that the events follow from (default another each time)")
	flags.BoolVar(&f.tagged, "tagged", false, "name the branches of unions")
	_ = cmd.RegisterFlagCompletionFunc("subject", a.completeSubject) // the flag exists
	cmd.PreRun = func(cmd *cobra.Command, _ []string) {
		if !cmd.Flags().Changed("seed") {
			f.seed = rand.Uint64() //nolint:gosec // made-up events need no secrecy
		}
	}
	return cmd
}

func (a *app) runSchemaSample(ctx context.Context, args []string, f schemaSampleFlags) error {
	if (len(args) == 1) == (f.subject != "") {
		return usagef("name either FILE or --subject")
	}
	if f.count < 0 {
		return usagef("-n %d: must not be negative", f.count)
	}
	s, err := a.sampled(ctx, args, f.subject)
	if err != nil {
		return err
	}
	render := schema.ToJSON
	if f.tagged {
		render = schema.ToTaggedJSON
	}
	random := rand.New(rand.NewPCG(f.seed, 0)) //nolint:gosec // made-up events need no secrecy
	out := newLineWriter(a.Stdout)
	for range f.count {
		if ctx.Err() != nil {
			break
		}
		body, err := sample.Value(s, random)
		if err != nil {
			return err
		}
		line, err := render(s, body)
		if err != nil {
			return err
		}
		if err := out.write(append(line, '\n')); err != nil {
			return err
		}
	}
	if err := out.close(); err != nil {
		return err
	}
	return ctx.Err()
}

func (a *app) sampled(ctx context.Context, args []string, subject string) (*schema.Schema, error) {
	if subject == "" {
		file, err := a.project()
		if err != nil {
			return nil, err
		}
		wanted, err := a.wantedFile(args[0], "sample", "", file)
		if err != nil {
			return nil, err
		}
		return wanted[0].Schema, nil
	}
	registry, err := a.openRegistry(ctx)
	if err != nil {
		return nil, err
	}
	defer registry.Close()
	ctx, cancel := a.within(ctx)
	defer cancel()
	v, err := registry.Latest(ctx, subject)
	return v.Schema, err
}
