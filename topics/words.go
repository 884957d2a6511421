package topics

import (
	"fmt"
	"strings"

	"github.com/headrace/headrace/internal/project"
)

// String returns the change in one line: "flights: retention 7d → 1d".
func (c Change) String() string {
	switch c.Kind {
	case CreateTopic:
		return "create topic " + c.Topic + c.extent()
	case SetConfig:
		name, value := project.ShortSetting(c.Setting, c.New)
		_, old := project.ShortSetting(c.Setting, c.Old)
		if c.Old == "" {
			old = "(none)"
		}
		return fmt.Sprintf("topic %s: %s %s → %s", c.Topic, name, old, value)
	case AddPartitions:
		return fmt.Sprintf("topic %s: partitions %s → %d", c.Topic, c.Old, c.Partitions)
	case SetReplicas:
		return fmt.Sprintf("topic %s: replication %s → %d, %s", c.Topic, c.Old, c.Replication, plural(len(c.Moves), "partition moves", "partitions move"))
	case DeleteTopic:
		return "delete topic " + c.Topic
	case RegisterSchema:
		text := fmt.Sprintf("subject %s: register %s", c.Subject, c.Schema.Event)
		if c.Version > 0 {
			text += fmt.Sprintf(" as version %d", c.Version+1)
		}
		if c.New != "" {
			text += ", compatibility " + c.New
		}
		return text
	case SetCompatibility:
		return fmt.Sprintf("subject %s: compatibility %s → %s", c.Subject, c.Old, c.New)
	case CreateACL:
		return "allow " + c.ACL.String()
	}
	return string(c.Kind)
}

// extent is the size of a new topic, as far as it is said.
func (c Change) extent() string {
	var parts []string
	if c.Partitions > 0 {
		parts = append(parts, plural(c.Partitions, "partition", "partitions"))
	}
	if c.Replication > 0 {
		parts = append(parts, plural(c.Replication, "replica", "replicas"))
	}
	for _, config := range c.Configs {
		name, value := project.ShortSetting(config.Name, config.Value)
		parts = append(parts, name+" "+value)
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Summary counts the changes by what they do: "2 to create, 1 to change, 0 to delete".
func (p Plan) Summary() string {
	create, change, remove := 0, 0, 0
	for _, c := range p.Changes {
		switch c.Kind {
		case CreateTopic, RegisterSchema, CreateACL:
			create++
		case DeleteTopic:
			remove++
		case SetConfig, AddPartitions, SetReplicas, SetCompatibility:
			change++
		}
	}
	return fmt.Sprintf("%d to create, %d to change, %d to delete", create, change, remove)
}
