package topics

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the plan for a pull request's comment. title heads it; all also lists what is not managed.
func (p Plan) Markdown(w io.Writer, title string, all bool) error {
	var text strings.Builder
	fmt.Fprintf(&text, "### %s\n\n%s.\n", escape(title), p.Summary())
	if len(p.Changes) > 0 {
		text.WriteString("\n| | change | risk |\n| --- | --- | --- |\n")
	}
	for _, c := range p.Changes {
		risks := make([]string, 0, len(c.Risks)+1)
		for _, risk := range c.Risks {
			risks = append(risks, escape(risk))
		}
		if c.Needs != "" {
			risks = append(risks, "not applied without `"+c.Needs+"`")
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", c.sign(), escape(c.String()), strings.Join(risks, "<br>"))
	}
	if len(p.Problems) > 0 {
		text.WriteString("\n**The plan cannot be applied:**\n\n")
	}
	for _, problem := range p.Problems {
		fmt.Fprintf(&text, "- %s\n", strings.ReplaceAll(escape(problem.String()), "<br>    ", "\n  - "))
	}
	if len(p.ACLs) > 0 {
		text.WriteString("\n<details><summary>Rights that an authorizer would have to grant</summary>\n\n")
		for _, rule := range p.ACLs {
			fmt.Fprintf(&text, "- %s\n", escape(rule.String()))
		}
		text.WriteString("\n</details>\n")
	}
	if all && len(p.Unmanaged) > 0 {
		text.WriteString("\n<details><summary>Not in the file</summary>\n\n")
		for _, u := range p.Unmanaged {
			fmt.Fprintf(&text, "- %s\n", escape(strings.TrimPrefix(u.String(), "not in the file: ")))
		}
		text.WriteString("\n</details>\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// escape keeps names and a broker's or registry's words from being read as markup.
func escape(text string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "`", "\\`", "*", "\\*", "_", "\\_", "<", "&lt;", ">", "&gt;", "[", "\\[", "]", "\\]",
		"@", "&#64;", "#", "\\#", "\r", "", "\n", "<br>").Replace(text)
}
