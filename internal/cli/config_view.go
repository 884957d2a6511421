package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/topics"
)

// viewed is what headrace.yaml comes to for one context.
type viewed struct {
	File     string          `json:"file"`
	Context  string          `json:"context,omitempty"`
	Topics   []viewedTopic   `json:"topics"`
	Subjects []viewedSubject `json:"subjects,omitempty"`
	ACLs     []topics.ACL    `json:"acls,omitempty"`
}

type viewedTopic struct {
	Name        string            `json:"name"`
	Partitions  int               `json:"partitions,omitempty"`
	Replication int               `json:"replication,omitempty"`
	Config      map[string]string `json:"config,omitempty"`
	Serves      string            `json:"serves,omitempty"` // the topic it holds retries or dead letters of
	At          string            `json:"at"`
}

type viewedSubject struct {
	Subject       string `json:"subject"`
	Event         string `json:"event"`
	Compatibility string `json:"compatibility,omitempty"`
}

func (a *app) configView() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "view [flags]",
		Short: "Show headrace.yaml with defaults filled in",
		Long: "Show headrace.yaml with defaults filled in, for the chosen context: its topics, those that groups\n" +
			"need among them, the subjects of their events, and the rights of accounts. No broker is asked.",
		Example: "  headrace config view --context prod -o yaml",
		Args:    exactly(),
		RunE:    a.run(func(context.Context, []string) error { return a.runConfigView(out) }),
	}
	a.bindFile(cmd)
	out.bind(cmd)
	return cmd
}

func (a *app) runConfigView(out format) error {
	file, err := a.needProject()
	if err != nil {
		return err
	}
	chosen, err := a.chosenContext()
	if err != nil {
		return err
	}
	view := viewed{File: relative(file.Path), Topics: []viewedTopic{}}
	if chosen != nil {
		view.Context = chosen.Name
	}
	wanted, err := topics.Load(file.Path, view.Context)
	if err != nil {
		return err
	}
	for _, t := range wanted.Topics {
		row := viewedTopic{Name: t.Name, Partitions: t.Partitions, Replication: t.Replication, Serves: t.Source, At: t.At}
		for _, c := range t.Configs {
			if row.Config == nil {
				row.Config = map[string]string{}
			}
			row.Config[c.Name] = c.Value
		}
		view.Topics = append(view.Topics, row)
	}
	for _, s := range wanted.Subjects {
		view.Subjects = append(view.Subjects, viewedSubject{s.Subject, s.Schema.FullName(), string(s.Level)})
	}
	view.ACLs = wanted.ACLs
	if out != "table" {
		return printOne(a.Stdout, out, view)
	}
	return print(a.Stdout, out, view.Topics, "TOPIC PARTITIONS REPLICAS SERVES AT", func(t viewedTopic) []any {
		return []any{t.Name, orBroker(t.Partitions), orBroker(t.Replication), t.Serves, t.At}
	})
}

// orBroker prints a number, or who says it when the file does not.
func orBroker(n int) any {
	if n == 0 {
		return "broker's"
	}
	return n
}
