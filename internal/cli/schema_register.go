package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/schema"
)

// maxSchemaBytes bounds a schema file; a larger one is something else.
const maxSchemaBytes = 1 << 20

// registered is the answer to a registration.
type registered struct {
	Subject string `json:"subject"`
	Event   string `json:"event"`
	ID      int    `json:"id"`
}

func (a *app) schemaRegister() *cobra.Command {
	var out format
	var subject string
	cmd := &cobra.Command{
		Use:   "register FILE --subject SUBJECT [flags]",
		Short: "Register an Avro schema under a subject",
		Long: "Register an Avro schema under a subject. FILE may be - for standard input. A schema that the subject has\n" +
			"already keeps its id. The registry refuses one that is incompatible with what the subject has.\n\n" +
			"The subject of a topic's events is TOPIC-value when the topic carries one type of event, and\n" +
			"TOPIC-FULL.NAME when it carries several.",
		Example: "  headrace schema register order.avsc --subject orders-value",
		Args:    exactly("FILE"),
		RunE: a.run(func(ctx context.Context, args []string) error {
			return a.runSchemaRegister(ctx, args[0], subject, out)
		}),
	}
	cmd.Flags().StringVarP(&subject, "subject", "s", "", "`subject` to register under")
	_ = cmd.RegisterFlagCompletionFunc("subject", a.completeSubject) // the flag exists
	out.bind(cmd)
	return cmd
}

func (a *app) runSchemaRegister(ctx context.Context, file, subject string, out format) error {
	if subject == "" {
		return usagef("--subject is missing: TOPIC-value for a topic with one type of event, else TOPIC-FULL.NAME")
	}
	text, err := a.readFile(file)
	if err != nil {
		return err
	}
	parsed, err := schema.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	registry, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	ctx, cancel := a.within(ctx)
	defer cancel()
	id, err := registry.Register(ctx, subject, parsed)
	var refused *schema.IncompatibleError
	if errors.As(err, &refused) {
		return fmt.Errorf("%s is incompatible with subject %s:\n  %s", parsed.FullName(), subject, strings.Join(refused.Reasons, "\n  "))
	}
	if err != nil {
		return err
	}
	answer := registered{subject, parsed.FullName(), id}
	if out != "table" {
		return printOne(a.Stdout, out, answer)
	}
	return print(a.Stdout, out, []registered{answer}, "SUBJECT EVENT ID", func(r registered) []any {
		return []any{r.Subject, r.Event, r.ID}
	})
}

// readFile reads a whole schema file, or standard input for "-".
func (a *app) readFile(name string) (string, error) {
	in := a.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer func() { _ = file.Close() }() // only read from
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSchemaBytes+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if len(text) > maxSchemaBytes {
		return "", fmt.Errorf("%s: larger than %d bytes, which no schema is", name, maxSchemaBytes)
	}
	return string(text), nil
}
