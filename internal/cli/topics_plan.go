package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/topics"
)

const topicsPlanLong = `Show what would have to change so that the cluster and its registry have what headrace.yaml says, and change nothing:
topics and their settings, the retry and dead-letter topics of groups, the schemas and compatibility levels of events,
the rights of accounts.

Each change shows the old value and the new one, and what it can cost. What the file does not name is left alone; --all
lists it. Topics are never deleted, and topics whose events have keys never get more partitions, unless a flag names them.

Exit codes: 0 nothing to change, 3 changes are pending, 1 a change is impossible.`

// planFlags are what topics plan and topics apply have in common.
type planFlags struct {
	leave topics.Options
	all   bool
}

func (f *planFlags) bind(a *app, cmd *cobra.Command) {
	a.bindFile(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&f.leave.AllowDelete, "allow-delete", nil, "`topics` to delete, which the file does not name any more")
	flags.StringSliceVar(&f.leave.AllowPartitions, "allow-partitions", nil, "`topics` that may get more partitions although their keys move")
	flags.BoolVar(&f.all, "all", false, "also list what the cluster has and the file does not name")
}

func (a *app) topicsPlan() *cobra.Command {
	var f planFlags
	var save string
	out := choiceFlag{choices: []string{"text", "json", "markdown"}, value: "text"}
	cmd := &cobra.Command{
		Use:   "plan [flags]",
		Short: "Show what headrace.yaml would change",
		Long:  topicsPlanLong,
		Example: "  headrace topics plan\n  headrace topics plan --context prod --out plan.json\n" +
			"  headrace topics plan -o markdown > comment.md",
		Args: exactly(),
		RunE: a.run(func(ctx context.Context, _ []string) error { return a.runTopicsPlan(ctx, f, out.value, save) }),
	}
	f.bind(a, cmd)
	cmd.Flags().StringVar(&save, "out", "", "also write the plan to a `file` that topics apply takes")
	out.bind(cmd, "output", "o", "output `format`")
	return cmd
}

func (a *app) runTopicsPlan(ctx context.Context, f planFlags, out, save string) error {
	plan, title, err := a.makePlan(ctx, f.leave)
	if err != nil {
		return err
	}
	if save != "" {
		if err := savePlan(save, plan); err != nil {
			return err
		}
	}
	if err := a.printPlan(plan, title, out, f.all); err != nil {
		return err
	}
	switch {
	case len(plan.Problems) > 0:
		return fmt.Errorf("the plan cannot be applied: %s (marked x)", counted(len(plan.Problems), "impossible change"))
	case len(plan.Changes) > 0:
		return errChanges
	}
	return nil
}

// makePlan compares the file with the cluster and the registry.
func (a *app) makePlan(ctx context.Context, leave topics.Options) (plan topics.Plan, title string, err error) {
	wanted, title, err := a.loadWanted()
	if err != nil {
		return topics.Plan{}, "", err
	}
	conn, closeRegistry, err := a.connection(ctx, len(wanted.Subjects) > 0)
	if err != nil {
		return topics.Plan{}, "", err
	}
	defer closeRegistry()
	ctx, cancel := a.within(ctx)
	defer cancel()
	world, err := topics.Observe(ctx, conn, wanted, leave)
	if err != nil {
		return topics.Plan{}, "", err
	}
	return topics.Diff(wanted, world, leave), title, nil
}

// loadWanted reads the file for the chosen context, and says which that is.
func (a *app) loadWanted() (wanted *topics.Wanted, title string, err error) {
	file, err := a.needProject()
	if err != nil {
		return nil, "", err
	}
	chosen, err := a.overridesContext()
	if err != nil {
		return nil, "", err
	}
	title, name := "Topics of "+filepath.Base(file.Path), ""
	if chosen != nil {
		name = chosen.Name
		title += ", context " + name
	}
	wanted, err = topics.Load(file.Path, name)
	return wanted, title, err
}

// connection is where plans are made; the registry is opened only where it is needed.
func (a *app) connection(ctx context.Context, registry bool) (conn topics.Connection, closeRegistry func(), err error) {
	conn.Cluster, err = a.cluster()
	if err != nil || !registry {
		return conn, func() {}, err
	}
	conn.Registry, err = a.openRegistry(ctx)
	if err != nil {
		return conn, nil, err
	}
	return conn, conn.Registry.Close, nil
}

func (a *app) printPlan(plan topics.Plan, title, out string, all bool) error {
	if !all && out == "json" {
		plan.Unmanaged = nil
	}
	switch out {
	case "json":
		return plan.Write(a.Stdout)
	case "markdown":
		return plan.Markdown(a.Stdout, title, all)
	default:
		return plan.Text(a.Stdout, all)
	}
}

// savePlan writes a plan for topics apply.
func savePlan(path string, plan topics.Plan) error {
	plan.Unmanaged = nil
	var text bytes.Buffer
	if err := plan.Write(&text); err != nil {
		return err
	}
	return writeWhole(path, text.Bytes())
}

// choiceFlag is a flag with one of a few values.
type choiceFlag struct {
	choices []string
	value   string
}

func (c *choiceFlag) String() string { return c.value }
func (*choiceFlag) Type() string     { return "format" }

func (c *choiceFlag) Set(text string) error {
	if !slices.Contains(c.choices, text) {
		return fmt.Errorf("must be one of %s", strings.Join(c.choices, ", "))
	}
	c.value = text
	return nil
}

func (c *choiceFlag) bind(cmd *cobra.Command, name, short, usage string) {
	cmd.Flags().VarP(c, name, short, usage+": "+strings.Join(c.choices, ", "))
	// The names are fixed, so completing them cannot fail.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(c.choices, cobra.ShellCompDirectiveNoFileComp))
}

// relative is a path as a person in this folder writes it.
func relative(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	short, err := filepath.Rel(here, path)
	if err != nil || strings.HasPrefix(short, "..") {
		return path
	}
	return short
}

// mistakesAsFindings turns the mistakes of a project's files into findings, and reports false for any other error.
func mistakesAsFindings(err error) ([]Finding, bool) {
	var findings []Finding
	for _, e := range project.Errors(err) {
		message := e.Message
		if e.Err != nil {
			message += ": " + e.Err.Error()
		}
		findings = append(findings, Finding{
			File: relative(e.File), Line: e.Line, Column: e.Column, Rule: "headrace-yaml", Message: message, Hint: e.Hint,
		})
	}
	return findings, len(findings) > 0
}
