package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/topics"
)

// completionTimeout is how long a person pressing Tab is kept waiting for brokers or registry.
const completionTimeout = 800 * time.Millisecond

func (a *app) completion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: "Print the completion script of a shell. Topics, subjects and event types are completed too, from the\n" +
			"brokers and the registry that the flags, the environment and headrace.yaml name; not from those of a context\n" +
			"with a password, a token or a key, which no completion sends.",
		Example: "  source <(headrace completion bash)\n" +
			"  headrace completion zsh > \"${fpath[1]}/_headrace\"\n" +
			"  headrace completion fish > ~/.config/fish/completions/headrace.fish",
		Args:              exactly("the shell's name"),
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.started = true
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(a.Stdout, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(a.Stdout)
			case "fish":
				return cmd.Root().GenFishCompletion(a.Stdout, true)
			default:
				return usagef("there is no completion for %q: bash, zsh and fish have one", args[0])
			}
		},
	}
}

// completeTopic completes the first argument with the cluster's topics. It stays silent when it cannot: an error
// message in the middle of a command line helps nobody.
func (a *app) completeTopic(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := a.completionContext(cmd)
	defer cancel()
	cluster, err := a.cluster()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := topics.List(ctx, cluster)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, topic := range found {
		if !topic.Internal {
			names = append(names, topic.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeSubject completes with the registry's subjects.
func (a *app) completeSubject(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := a.completionContext(cmd)
	defer cancel()
	registry, err := a.openRegistry(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer registry.Close()
	subjects, err := registry.Subjects(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return subjects, cobra.ShellCompDirectiveNoFileComp
}

// completeFirst limits a completion to the first argument.
func completeFirst(complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, word)
	}
}

// completionContext is that of a completion, which never connects with a secret that a project file names.
func (a *app) completionContext(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	a.completing = true
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithTimeout(ctx, completionTimeout)
}
