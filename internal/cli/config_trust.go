package cli

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
)

// trustedRow is one file that was trusted.
type trustedRow struct {
	File  string `json:"file"`
	State string `json:"state"` // trusted, changed or unreadable
	At    string `json:"at"`
}

// secretRow is one secret of a file, and where it goes.
type secretRow struct {
	Context string `json:"context"`
	To      string `json:"to"`
	Secret  string `json:"secret"`
	At      string `json:"at"`
}

func (a *app) configTrust() *cobra.Command {
	var out format
	var remove, list bool
	cmd := &cobra.Command{
		Use:   "trust [flags]",
		Short: "Let headrace.yaml use secrets",
		Long: "Let headrace.yaml, and the files it includes, use the passwords, tokens and keys that its contexts name. It shows\n" +
			"which those are and to whom they go. Without this a file that was only found in the folder, perhaps somebody\n" +
			"else's, uses none, unless --context or HEADRACE_CONTEXT names the context, or --file the file.\n\n" +
			"The record has the file's path and a hash of what is in it and in the files it includes, and lies in\n" +
			"$XDG_STATE_HOME/headrace/trust (~/.local/state unless set; in the user's configuration folder on macOS and\n" +
			"Windows). A file that changes has to be trusted anew. What password_file names may change.",
		Example: "  headrace config trust\n  headrace config trust --list\n  headrace config trust --remove",
		Args:    exactly(),
		RunE: a.run(func(context.Context, []string) error {
			switch {
			case list:
				return a.runTrustList(out)
			case remove:
				return a.runTrustRemove()
			}
			return a.runTrust(out)
		}),
	}
	a.bindFile(cmd)
	cmd.Flags().BoolVar(&remove, "remove", false, "stop trusting the file")
	cmd.Flags().BoolVar(&list, "list", false, "list the files that were trusted")
	cmd.MarkFlagsMutuallyExclusive("remove", "list")
	out.bind(cmd)
	return cmd
}

func (a *app) runTrust(out format) error {
	file, err := a.needProject()
	if err != nil {
		return err
	}
	trust, err := project.UserTrust()
	if err != nil {
		return err
	}
	if err := trust.Add(file, time.Now()); err != nil {
		return err
	}
	rows := secretsOf(file)
	a.note("%s is trusted as it is now, with the %s it consists of", relative(file.Path), counted(len(file.Files), "file"))
	if len(rows) == 0 && out == "table" {
		a.note("it names no secrets")
		return nil
	}
	return print(a.Stdout, out, rows, "CONTEXT TO SECRET AT", func(r secretRow) []any { return []any{r.Context, r.To, r.Secret, r.At} })
}

// secretsOf are the secrets that a file's contexts name.
func secretsOf(file *project.File) []secretRow {
	var rows []secretRow
	add := func(c *project.Context, to string, uses []project.SecretUse) {
		for _, use := range uses {
			rows = append(rows, secretRow{c.Name, to, use.Name, relativePosition(use.At)})
		}
	}
	for i := range file.Contexts {
		c := &file.Contexts[i]
		add(c, strings.Join(c.Brokers, ","), c.ClusterSecrets())
		if c.Registry != nil {
			add(c, c.Registry.URL, c.Registry.Secrets(c.At))
		}
	}
	return rows
}

func relativePosition(at project.Position) string {
	at.File = relative(at.File)
	return at.String()
}

func (a *app) runTrustRemove() error {
	path, err := a.projectPath()
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	trust, err := project.UserTrust()
	if err != nil {
		return err
	}
	known, err := trust.Remove(path)
	switch {
	case err != nil:
		return err
	case !known:
		a.note("%s was not trusted", relative(path))
	default:
		a.note("%s is no longer trusted", relative(path))
	}
	return nil
}

func (a *app) runTrustList(out format) error {
	trust, err := project.UserTrust()
	if err != nil {
		return err
	}
	records, err := trust.List()
	if err != nil {
		return err
	}
	rows := make([]trustedRow, 0, len(records))
	for _, record := range records {
		row := trustedRow{File: record.Path, State: "changed", At: record.At.Format(time.RFC3339)}
		switch file, err := project.Load(record.Path); {
		case err != nil:
			row.State = "unreadable"
		case file.Digest == record.Digest:
			row.State = "trusted"
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(x, y trustedRow) int { return cmp.Compare(x.File, y.File) })
	return print(a.Stdout, out, rows, "FILE STATE AT", func(r trustedRow) []any { return []any{r.File, r.State, r.At} })
}
