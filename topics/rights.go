package topics

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/headrace/headrace/internal/project"
)

// rights are the rules without which an account cannot do what the file says it does, and no more. WRITE and READ carry DESCRIBE with
// them (org.apache.kafka.server.authorizer); an idempotent producer needs nothing beyond WRITE since Kafka 2.8 (KIP-679).
func (r *resolution) rights() {
	groups := map[string]project.Group{}
	for _, g := range r.file.Groups {
		groups[g.Name] = g
	}
	for _, a := range r.file.Accounts {
		for _, name := range a.Produces {
			r.grant(a, "TOPIC", name.Name, "WRITE")
		}
		for _, name := range a.Reads {
			r.grant(a, "TOPIC", name.Name, "READ")
		}
		for _, name := range a.Groups {
			if g, ok := groups[name.Name]; ok && len(r.wanted.ACLs) <= maxACLs {
				r.grantGroup(a, g)
			}
		}
		for _, name := range a.Redrives {
			if g, ok := groups[name.Name]; ok && len(r.wanted.ACLs) <= maxACLs {
				r.grantRedrive(a, g)
			}
		}
		for _, name := range a.Replays {
			r.grant(a, "TOPIC", name.Name, "WRITE")
			r.grant(a, "TOPIC", replaysTopic, recordRights...)
		}
	}
	if len(r.wanted.ACLs) > maxACLs {
		r.fail(project.Position{File: r.file.Path}, "split the file, or name fewer groups or topics", fmt.Sprintf("the accounts have more than %d rights", maxACLs))
		return
	}
	slices.SortFunc(r.wanted.ACLs, compareACLs)
	r.wanted.ACLs = slices.Compact(r.wanted.ACLs)
}

// Topics that hold what was replayed and redriven, as packages consumer and replay name them. Who can write to them is believed: a
// worker reads the first and writes neither.
const (
	replaysTopic  = "headrace.replays"
	redrivesTopic = "headrace.redrives"
)

// recordRights are those of who keeps records in such a topic, makes it where it is missing, and sees to it that it forgets nothing.
var recordRights = []string{"CREATE", "DESCRIBE_CONFIGS", "READ", "WRITE"}

// grantRedrive lets an account return the dead letters of a group, to its topics and to the group alone.
func (r *resolution) grantRedrive(a project.Account, g project.Group) {
	for _, topic := range g.Topics {
		dead := DeadLetterTopic(topic.Name, g.Name)
		r.grant(a, "TOPIC", dead, "DESCRIBE_CONFIGS", "READ")
		r.grant(a, "GROUP", dead+".redrive", "READ")
		r.grant(a, "TOPIC", topic.Name, "WRITE")
		for _, delay := range g.Retry {
			r.grant(a, "TOPIC", RetryTopic(topic.Name, g.Name, delay), "WRITE")
		}
	}
	r.grant(a, "TOPIC", redrivesTopic, recordRights...)
}

func (r *resolution) grantGroup(a project.Account, g project.Group) {
	r.grant(a, "TOPIC", replaysTopic, "READ")
	r.grant(a, "GROUP", g.Name, "READ")
	if len(g.Retry) > 0 {
		r.grant(a, "GROUP", RetryGroup(g.Name), "READ")
	}
	for _, topic := range g.Topics {
		r.grant(a, "TOPIC", topic.Name, "READ")
		for _, delay := range g.Retry {
			r.grant(a, "TOPIC", RetryTopic(topic.Name, g.Name, delay), "READ", "WRITE")
		}
		if g.DeadLetter {
			r.grant(a, "TOPIC", DeadLetterTopic(topic.Name, g.Name), "WRITE")
		}
	}
}

func (r *resolution) grant(a project.Account, resource, name string, operations ...string) {
	for _, operation := range operations {
		r.wanted.ACLs = append(r.wanted.ACLs, ACL{Principal: a.Principal, Host: a.Host, Operation: operation, Resource: resource, Name: name})
	}
}

func compareACLs(a, b ACL) int {
	return cmp.Or(cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Host, b.Host), compareBools(a.Prefixed, b.Prefixed), compareBools(a.Deny, b.Deny))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// grants reports whether a rule gives at least what the wanted one does.
func (a ACL) grants(wanted ACL) bool {
	if a.Deny || a.Principal != wanted.Principal && a.Principal != "User:*" || a.Host != wanted.Host && a.Host != "*" || !a.matches(wanted) {
		return false
	}
	return a.Operation == wanted.Operation || a.Operation == "ALL"
}

// matches reports whether the rule is about the resource of another.
func (a ACL) matches(other ACL) bool {
	if a.Resource != other.Resource {
		return false
	}
	if a.Prefixed {
		return len(other.Name) >= len(a.Name) && other.Name[:len(a.Name)] == a.Name
	}
	return a.Name == other.Name || a.Name == "*"
}

// String returns the rule in words: "User:delays may READ topic flights".
func (a ACL) String() string {
	verb, from, whole := " may ", "", " "
	if a.Deny {
		verb = " may not "
	}
	if a.Host != "*" && a.Host != "" {
		from = " from " + a.Host
	}
	if a.Prefixed {
		whole = " names beginning with "
	}
	return a.Principal + verb + a.Operation + " " + lower(a.Resource) + whole + a.Name + from
}

// lower writes Kafka's GROUP as group and TRANSACTIONAL_ID as transactional id.
func lower(resource string) string {
	text := []byte(resource)
	for i, c := range text {
		switch {
		case c >= 'A' && c <= 'Z':
			text[i] = c + 'a' - 'A'
		case c == '_':
			text[i] = ' '
		}
	}
	return string(text)
}
