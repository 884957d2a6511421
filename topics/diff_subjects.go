package topics

import (
	"fmt"
	"slices"

	"github.com/headrace/headrace/schema"
)

// subject compares one subject. An existing one gets its level first, so that the schema is held to it; a new one gets it after
// its first version, because not every registry keeps a level for a subject that is not there.
func (d *difference) subject(s WantedSubject) {
	live, _ := d.world.subject(s.Subject)
	levelDiffers := s.Level != "" && s.Level != live.Level
	if levelDiffers && live.Version > 0 {
		c := Change{Kind: SetCompatibility, Subject: s.Subject, Old: string(live.Level), New: string(s.Level), At: s.At}
		if looser(live.Level, s.Level) {
			c.Risks = []string{"schemas that were refused until now may be registered, and readers may not understand what is written with them"}
		}
		d.add(c)
	}
	if live.Registered {
		return
	}
	if len(live.Reasons) > 0 {
		level := s.Level
		if level == "" {
			level = live.Level
		}
		d.plan.Problems = append(d.plan.Problems, Problem{
			Subject: s.Subject, At: s.At, Reasons: live.Reasons,
			Message: fmt.Sprintf("%s may not follow the schemas it has under %s", s.Schema.FullName(), level),
		})
		return
	}
	c := Change{Kind: RegisterSchema, Subject: s.Subject, Version: live.Version, Schema: schemaText(s.Schema), At: s.At}
	if levelDiffers && live.Version == 0 {
		c.Old, c.New = string(live.Level), string(s.Level)
	}
	d.add(c)
}

func schemaText(s *schema.Schema) *SchemaText {
	text := &SchemaText{Event: s.FullName(), Text: s.String()}
	for _, ref := range s.References() {
		text.References = append(text.References, schemaText(ref))
	}
	return text
}

// looser reports that a level allows something that another one does not.
func looser(old, wanted schema.Level) bool {
	allows := func(l schema.Level) (backward, forward, all bool) {
		switch l {
		case schema.Backward, schema.BackwardTransitive:
			backward = true
		case schema.Forward, schema.ForwardTransitive:
			forward = true
		case schema.Full, schema.FullTransitive:
			backward, forward = true, true
		}
		return backward, forward, l == schema.BackwardTransitive || l == schema.ForwardTransitive || l == schema.FullTransitive
	}
	b1, f1, all1 := allows(old)
	b2, f2, all2 := allows(wanted)
	return b1 && !b2 || f1 && !f2 || all1 && !all2
}

// acls compares the rights. What an account has beyond them is listed, and left alone.
func (d *difference) acls() {
	if len(d.wanted.ACLs) == 0 {
		return
	}
	if !d.world.Authorizer {
		d.plan.ACLs = d.wanted.ACLs
		return
	}
	for _, wanted := range d.wanted.ACLs {
		if slices.ContainsFunc(d.world.ACLs, func(has ACL) bool { return has.grants(wanted) }) {
			continue
		}
		c := Change{Kind: CreateACL, ACL: &wanted}
		for _, has := range d.world.ACLs {
			if has.Deny && (has.Principal == wanted.Principal || has.Principal == "User:*") && has.matches(wanted) &&
				(has.Operation == wanted.Operation || has.Operation == "ALL") {
				c.Risks = append(c.Risks, fmt.Sprintf("it has no effect while another rule says: %s", has))
			}
		}
		d.add(c)
	}
	for _, has := range d.world.ACLs {
		ours := slices.ContainsFunc(d.wanted.ACLs, func(wanted ACL) bool { return wanted.Principal == has.Principal })
		if ours && !slices.Contains(d.wanted.ACLs, has) {
			d.plan.Unmanaged = append(d.plan.Unmanaged, Unmanaged{ACL: &has})
		}
	}
}
