package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// format is how a command that lists things prints them.
type format string

var formats = []string{"table", "json", "jsonl", "yaml"}

func (f *format) String() string { return string(*f) }
func (*format) Type() string     { return "format" }

func (f *format) Set(text string) error {
	if !slices.Contains(formats, text) {
		return fmt.Errorf("must be one of %s", strings.Join(formats, ", "))
	}
	*f = format(text)
	return nil
}

func (f *format) bind(cmd *cobra.Command) {
	*f = "table"
	cmd.Flags().VarP(f, "output", "o", "output `format`: "+strings.Join(formats, ", "))
	// The names are fixed, so completing them cannot fail.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// printOne writes one thing in the format, which is not table.
func printOne(w io.Writer, f format, item any) error {
	switch f {
	case "yaml":
		return printYAML(w, item)
	case "jsonl":
		return printLine(w, item)
	default:
		return printJSON(w, item)
	}
}

// print writes a list in the format; row is the line of a table for one item.
func print[T any](w io.Writer, f format, items []T, header string, row func(T) []any) error {
	switch f {
	case "json":
		return printJSON(w, append([]T{}, items...))
	case "jsonl":
		for _, item := range items {
			if err := printLine(w, item); err != nil {
				return err
			}
		}
		return nil
	case "yaml":
		return printYAML(w, append([]T{}, items...))
	default:
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, strings.ReplaceAll(header, " ", "\t"))
		for _, item := range items {
			var cells []string
			for _, value := range row(item) {
				cells = append(cells, cell(value))
			}
			fmt.Fprintln(table, strings.Join(cells, "\t"))
		}
		return table.Flush()
	}
}

func printLine(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// printYAML prints v under its JSON names and in their order: JSON is YAML, written in another style.
func printYAML(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(visible(string(text))), &node); err != nil { // which takes no controls, and JSON leaves some
		return err
	}
	blockStyle(&node)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return err
	}
	_, err = w.Write(out.Bytes())
	return err
}

func blockStyle(node *yaml.Node) {
	node.Style = 0
	if strings.ContainsFunc(node.Value, isObeyed) { // which the edge writes as an escape, and only quoted text has escapes
		node.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range node.Content {
		blockStyle(child)
	}
}
