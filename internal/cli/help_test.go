package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands lists every command by its path below the root.
func commands(cmd *cobra.Command) [][]string {
	all := [][]string{strings.Fields(cmd.CommandPath())[1:]}
	for _, sub := range cmd.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}

func TestHelpOfEveryCommandEndsWithAnExample(t *testing.T) {
	t.Parallel()
	root := (&app{}).root()
	paths := commands(root)
	if len(paths) < 12 {
		t.Fatalf("only %d commands", len(paths))
	}
	for _, path := range paths {
		name := strings.Join(append([]string{"headrace"}, path...), "_")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, "", append(path, "--help")...).want(t, exitDone)
			if r.stderr != "" {
				t.Errorf("help on stderr: %s", r.stderr)
			}
			_, example, ok := strings.Cut(r.stdout, "\nExample:\n")
			if !ok || !strings.Contains(example, "headrace") || strings.Contains(example, "\n\n") {
				t.Errorf("does not end with an example:\n%s", r.stdout)
			}
			golden(t, "help/"+name, r.stdout)
		})
	}
}

func TestWrongUsageExitsWith2AndSaysWhereToLook(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"topic"}, "did you mean topics?"},
		{[]string{"topics", "lst"}, "did you mean list?"},
		{[]string{"topics", "delete", "orders", "--force"}, `has no command "delete": did you mean apply?`},
		{[]string{"topics", "--force"}, "unknown flag: --force"},
		{[]string{"groups", "reset-offsets"}, "did you mean seek?"},
		{[]string{"dead", "retry"}, "did you mean redrive?"},
		{[]string{"topics", "list", "x"}, `"x" is one argument too many`},
		{[]string{"topics", "describe"}, "TOPIC is missing"},
		{[]string{"topics", "create"}, "TOPIC is missing"},
		{[]string{"topics", "create", "a", "--partitions", "-1"}, "at least 1"},
		{[]string{"topics", "list", "-o", "xml"}, "must be one of table, json, jsonl, yaml"},
		{[]string{"consume"}, "TOPIC is missing"},
		{[]string{"consume", "a", "--offset", "yesterday"}, "yesterday"},
		{[]string{"consume", "a", "-o", "table"}, "one per line"},
		{[]string{"consume", "a", "-n", "-3"}, "-n -3"},
		{[]string{"consume", "a", "--no-such"}, "unknown flag: --no-such"},
		{[]string{"produce", "a", "--key", "k", "--meta"}, "key meta"},
		{[]string{"schema", "register", "f.avsc"}, "--subject or --topic is missing"},
		{[]string{"schema", "register", "a.avsc", "b.avsc", "--subject", "s"}, "--subject is of one FILE"},
		{[]string{"schema", "register", "--topic", "t"}, "name the files or folders"},
		{[]string{"schema", "register", "a.avsc", "--topic", "t", "--compatibility", "SOME"}, "SOME"},
		{[]string{"schema", "delete", "a", "--permanently", "b"}, "type the same name twice"},
		{[]string{"schema", "compat", "set", "s", "SIDEWAYS"}, "SIDEWAYS"},
		{[]string{"schema", "sample"}, "name either FILE or --subject"},
		{[]string{"schema", "scan", "t", "-o", "junit"}, "only --reader makes"},
		{[]string{"schema", "scan", "t", "--sample", "-1"}, "must not be negative"},
		{[]string{"schema", "snapshot"}, "--out is missing"},
		{[]string{"schema", "get"}, "name either SUBJECT or --id"},
		{[]string{"schema", "get", "s", "--id", "1"}, "name either SUBJECT or --id"},
		{[]string{"dev", "--data", "d", "--memory"}, "data memory"},
		{[]string{"dev", "--kafka-port", "70000"}, "70000"},
		{[]string{"completion", "tcsh"}, "tcsh"},
		{[]string{"topics", "list", "--brokers", "nohost"}, "nohost"},
		{[]string{"schema", "list", "--registry", "ftp://x"}, "--registry: schema registry: the URL needs a scheme"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			r := run(t, "", test.args...).want(t, exitUsage, test.want, "--help`")
			if r.stdout != "" {
				t.Errorf("stdout: %s", r.stdout)
			}
		})
	}
}

func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		r := run(t, "", "completion", shell).want(t, exitDone)
		if !strings.Contains(r.stdout, "headrace") {
			t.Errorf("%s: %q", shell, r.stdout)
		}
	}
}

func TestVersionPrintsOneLine(t *testing.T) {
	t.Parallel()
	r := run(t, "", "version").want(t, exitDone)
	if !strings.HasPrefix(r.stdout, "headrace ") || strings.Count(r.stdout, "\n") != 1 {
		t.Errorf("got %q", r.stdout)
	}
	if r := run(t, "", "version", "-o", "json").want(t, exitDone); !strings.Contains(r.stdout, `"go": "go1`) {
		t.Errorf("got %s", r.stdout)
	}
}
