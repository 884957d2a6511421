package cli

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestProductionIsOneRule: whatever moves, writes again or deletes needs --yes and a name there, and does nothing before it has both.
func TestProductionIsOneRule(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	s.createTopic("old", 1)
	dir := t.TempDir()
	write(t, dir, "headrace.yaml", fmt.Sprintf("contexts:\n  prod: {brokers: [%q], registry: %q, production: true}\ntopics: []\n", s.KafkaAddr, s.RegistryURL))
	in := func(stdin string, args ...string) result {
		var stdout, stderr bytes.Buffer
		in := strings.NewReader(stdin)
		code := Main(t.Context(), Env{
			Args: append(args, "--context", "prod"), Stdin: in, Stdout: &stdout, Stderr: &stderr, Dir: dir,
			IsTerminal: func(stream any) bool { return stdin != "" && stream == any(in) },
		})
		return result{code, stdout.String(), stderr.String()}
	}
	saved := filepath.Join(dir, "plan.json")
	in("", "topics", "plan", "--allow-delete", "old", "--out", saved).want(t, exitChanges)
	for _, c := range []struct {
		name, flag string
		args       []string
	}{
		{"delays", "--confirm", []string{"groups", "seek", "delays", "--offset", "start"}},
		{"orders-value", "--confirm", []string{"schema", "delete", "orders-value"}},
		{"orders-value", "--permanently", []string{"schema", "delete", "orders-value"}},
		{"old", "--allow-delete", []string{"topics", "apply", saved}},
	} {
		with := func(more ...string) []string { return append(append([]string{}, c.args...), more...) }
		in("y\n", with()...).want(t, exitUsage, "--yes is missing: context prod is production")
		in("y\n", with("--yes")...).want(t, exitFailed, "Type the name of what is changed, "+c.name, "not confirmed")
		missing := c.flag
		if missing == "--permanently" {
			missing = "--confirm"
		}
		in("", with("--yes")...).want(t, exitUsage, missing+" "+c.name+" is missing: context prod is production")
		in("", with("--yes", c.flag, c.name)...).want(t, exitDone)
	}
	for i := range 2 { // of several contexts none is chosen, and --registry says which
		write(t, dir, "headrace.yaml", fmt.Sprintf("contexts:\n  prod: {registry: %q, production: %v}\n  test: {}\n", s.RegistryURL, i > 0))
		var stderr bytes.Buffer
		code := Main(t.Context(), Env{
			Args: []string{"schema", "delete", "orders-value", "--registry", s.RegistryURL}, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &stderr, Dir: dir,
		})
		result{code, "", stderr.String()}.want(t, exitUsage, []string{"stdin is not a terminal", "--yes is missing: context prod is production"}[i])
	}
	write(t, dir, "headrace.yaml", fmt.Sprintf("contexts:\n  prod: {brokers: [%q], production: true}\n", s.KafkaAddr))
	in("", "groups", "seek", "delays", "--offset", "end", "--yes", "--confirm", "others").want(t, exitUsage, `--confirm is "others", and this changes "delays"`)
	in("delays\n", "groups", "seek", "delays", "--offset", "end", "--yes").want(t, exitDone, "moved 1 partition of group delays")
}

// TestEveryCommandThatAsksHasItsRuleForProduction: one that is new says here whether it is asked twice.
func TestEveryCommandThatAsksHasItsRuleForProduction(t *testing.T) {
	t.Parallel()
	once := map[string]bool{ // what they do is undone by doing it again the other way
		"headrace schema register": true, "headrace schema compat set": true,
		"headrace topics apply": true, // --allow-delete names what it deletes
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		asks, named := cmd.Flags().Lookup("yes") != nil, cmd.Flags().Lookup("confirm") != nil
		if asks && named == once[cmd.CommandPath()] {
			t.Errorf("%s asks; has --confirm: %v", cmd.CommandPath(), named)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).root())
}
