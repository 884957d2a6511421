package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const rootLong = `headrace moves typed Avro events through Apache Kafka.

Brokers and registry are taken from the flags, else from the environment, else from the headrace.yaml
found here or in a folder above (its contexts are clusters), else from where "headrace dev" listens:

  KAFKA_BROKERS         default localhost:9092; KAFKA_CLIENT_ID, KAFKA_TLS_*, KAFKA_SASL_*
  SCHEMA_REGISTRY_URL   default http://localhost:8081; SCHEMA_REGISTRY_USERNAME, _PASSWORD, ...
  HEADRACE_CONTEXT      the context of headrace.yaml, as --context says it

Secrets come from the environment only, or from files that *_FILE variables name. Those that a headrace.yaml names
are used once --context or HEADRACE_CONTEXT has named the context, or "headrace config trust" the file.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a plan has changes, 100 findings, 130 interrupted.`

// root is the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "headrace",
		Short:         "Typed Avro events on Apache Kafka",
		Long:          rootLong,
		Example:       "  headrace dev\n  headrace topics create flights --partitions 3\n  headrace consume flights --offset start -n 10",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noVerb,
		// The default of 0 would suggest nothing.
		SuggestionsMinimumDistance: suggestDistance,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate("{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}\n\n{{end}}{{.UsageString}}")
	flags := root.PersistentFlags()
	flags.StringSliceVar(&a.brokers, "brokers", nil, "Kafka `addresses`, host:port, separated by commas")
	flags.StringVar(&a.registry, "registry", "", "`URL` of the schema registry")
	flags.StringVar(&a.context, "context", "", "`name` of a context in headrace.yaml: its brokers and registry, nothing of the environment")
	flags.DurationVar(&a.timeout, "timeout", 15*time.Second, "how long brokers and registry may take to answer")
	// A verb that a group lacks is the mistake, not the flag behind it.
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if cmd.HasSubCommands() {
			if wrong := noVerb(cmd, cmd.Flags().Args()); wrong != nil {
				return wrong
			}
		}
		return err
	})
	root.AddCommand(
		a.dev(),
		a.produce(),
		a.consume(),
		group("topics", "Plan, apply, list and describe topics", "  headrace topics plan",
			a.topicsPlan(), a.topicsApply(), a.topicsCheck(), a.topicsExport(), a.topicsList(), a.topicsCreate(), a.topicsDescribe()),
		group("config", "Show headrace.yaml and its contexts", "  headrace config view",
			a.configView(), a.configContexts(), a.configTrust(), a.configSchema()),
		group("groups", "List, describe and move consumer groups", "  headrace groups describe delays",
			a.groupsList(), a.groupsDescribe(), a.groupsSeek()),
		group("dead", "List, show, return and discard dead letters", "  headrace dead list flights.delays.dead",
			a.deadList(), a.deadShow(), a.deadRedrive(), a.deadDiscard()),
		group("replay", "Replay any part of a topic: plan it first", "  headrace replay plan --from-topic flights --from @-2h --rewind delays",
			a.replayPlan(), a.replayApply(), a.replayStatus(), a.replayCancel(), a.replayList(), a.replayShadow()),
		group("schema", "Write, check, generate, register and look up schemas", "  headrace schema list",
			a.schemaNew(), a.schemaLint(), a.schemaCheck(), a.schemaDiff(),
			a.schemaGen(), a.schemaRegister(), a.schemaGet(), a.schemaList(),
			a.schemaVersions(), a.schemaDelete(), a.schemaCompat(), a.schemaSample(), a.schemaScan(), a.schemaSnapshot()),
		a.completion(),
		a.version(),
	)
	return root
}

// suggestDistance is how many letters a mistyped command may be off.
const suggestDistance = 2

// group is a command that only holds others.
func group(name, short, example string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:     name,
		Short:   short,
		Example: example,
		Args:    noVerb,

		SuggestionsMinimumDistance: suggestDistance,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(verbs...)
	return cmd
}

// noVerb refuses a verb that a group does not have.
func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("%s has no command %q", cmd.CommandPath(), args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		message += ": did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(message)
}

// exactly asks for arguments by name.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return fmt.Errorf("%s is missing", strings.Join(names[len(args):], " and "))
		}
		if len(args) > len(names) {
			return fmt.Errorf("%q is one argument too many", args[len(names)])
		}
		return nil
	}
}

const usageTemplate = `Usage:{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{else}}
  {{.UseLine}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Global flags:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasExample}}

Example:
{{.Example}}{{end}}
`
