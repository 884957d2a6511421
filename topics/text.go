package topics

import (
	"fmt"
	"io"
	"strings"
)

// Text writes the plan for a person at a terminal; all also lists what is not managed.
func (p Plan) Text(w io.Writer, all bool) error {
	var text strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&text, "%s %s%s\n", c.sign(), c, at(c.At))
		for _, risk := range c.Risks {
			fmt.Fprintf(&text, "    ! %s\n", risk)
		}
		if c.Needs != "" {
			fmt.Fprintf(&text, "    ! not applied without %s\n", c.Needs)
		}
	}
	for _, problem := range p.Problems {
		fmt.Fprintf(&text, "x %s\n", problem)
	}
	if len(p.ACLs) > 0 {
		text.WriteString("The cluster has no authorizer. With one, these rights would be needed:\n")
		for _, rule := range p.ACLs {
			fmt.Fprintf(&text, "    %s\n", rule)
		}
	}
	if all {
		for _, u := range p.Unmanaged {
			fmt.Fprintf(&text, "? %s\n", u)
		}
	}
	fmt.Fprintf(&text, "Plan: %s.\n", p.Summary())
	_, err := io.WriteString(w, text.String())
	return err
}

func at(place string) string {
	if place == "" {
		return ""
	}
	return "  (" + place + ")"
}

// sign is how a change stands in a plan: + creates, ~ changes, - deletes.
func (c Change) sign() string {
	switch c.Kind {
	case CreateTopic, RegisterSchema, CreateACL:
		return "+"
	case DeleteTopic:
		return "-"
	default:
		return "~"
	}
}

// String returns "not in the file: …" in one line.
func (u Unmanaged) String() string {
	switch {
	case u.ACL != nil:
		return "not in the file: " + u.ACL.String()
	case u.Setting != "":
		return fmt.Sprintf("not in the file: topic %s: %s=%s", u.Topic, u.Setting, u.Value)
	}
	return "not in the file: topic " + u.Topic
}
