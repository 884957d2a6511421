package topics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// Exported is what a cluster has, as a file declares it.
type Exported struct {
	topics []project.Topic
	notes  []project.Note
	// ClusterID is Kafka's id of the cluster.
	ClusterID string
	// Schemas are the texts of the events' newest schemas and of those they refer to, by full name. They are there when the
	// registry was asked.
	Schemas map[string]string
}

// Topics returns the names of the topics, in order.
func (e *Exported) Topics() []string {
	names := make([]string, len(e.topics))
	for i, t := range e.topics {
		names[i] = t.Name
	}
	return names
}

// File returns a file of the form of headrace.yaml. A plan made from it at once is empty.
func (e *Exported) File() ([]byte, error) {
	return project.Render(fmt.Sprintf("# The topics of cluster %s.", e.ClusterID), e.topics, e.notes...)
}

// AddTo returns the text of such a file with the topics that it does not name yet at the end, all else and its comments kept.
func (e *Exported) AddTo(text []byte, named []string) ([]byte, error) {
	missing := slices.DeleteFunc(slices.Clone(e.topics), func(t project.Topic) bool { return slices.Contains(named, t.Name) })
	if len(missing) == 0 {
		return text, nil
	}
	return project.AddTopics(text, missing, e.notes...)
}

// Export reads the named topics, or without names all that are not the cluster's own, with the settings made for them. With a registry
// it also finds the events they carry.
func Export(ctx context.Context, conn Connection, names ...string) (*Exported, error) {
	client, err := open(ctx, conn.Cluster)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if len(names) == 0 {
		overview, err := client.Overview(ctx, kafka.AnyNode)
		if err != nil {
			return nil, rightError(err, "DESCRIBE", "the cluster")
		}
		for _, t := range overview.Topics {
			if !t.Internal && len(t.Partitions) > 0 {
				names = append(names, t.Name)
			}
		}
	}
	var world *World
	err = client.Retry(ctx, func(ctx context.Context) error {
		world, err = observeTopics(ctx, client, kafka.AnyNode, names)
		return err
	})
	if err != nil {
		return nil, err
	}
	e := &Exported{ClusterID: world.ClusterID, Schemas: map[string]string{}}
	for _, name := range slices.Sorted(slices.Values(names)) {
		live, ok := world.topic(name)
		if !ok {
			return nil, &MissingError{Topic: name}
		}
		e.add(live)
	}
	if conn.Registry != nil {
		return e, e.addEvents(ctx, conn.Registry)
	}
	return e, nil
}

func (e *Exported) add(live *LiveTopic) {
	t := project.Topic{Name: live.Name, Partitions: len(live.Partitions)}
	least, most := 1<<30, 0
	for _, p := range live.Partitions {
		n := len(live.replicas(p))
		least, most = min(least, n), max(most, n)
	}
	if least == most {
		t.Replication = most
	} else {
		e.note(t.Name, fmt.Sprintf("Its partitions have %d to %d replicas, so that replication is not said here.", least, most))
	}
	for _, c := range live.Configs {
		t.Config = append(t.Config, project.Setting{Name: c.Name, Value: c.Value})
	}
	e.topics = append(e.topics, t)
}

func (e *Exported) note(topic, text string) {
	e.notes = append(e.notes, project.Note{Topic: topic, Text: text})
}

// addEvents finds the events of each topic by the names of subjects.
func (e *Exported) addEvents(ctx context.Context, reg *registry.Client) error {
	subjects, err := reg.Subjects(ctx)
	if err != nil {
		return err
	}
	slices.Sort(subjects)
	inForce, err := reg.Compatibility(ctx, "")
	if err != nil {
		return err
	}
	for i := range e.topics {
		if err := e.addEventsOf(ctx, reg, &e.topics[i], subjects, inForce); err != nil {
			return err
		}
	}
	return nil
}

func (e *Exported) addEventsOf(ctx context.Context, reg *registry.Client, t *project.Topic, subjects []string, inForce schema.Level) error {
	var own *registry.Version
	var several []registry.Version
	levels := map[schema.Level]bool{}
	for _, subject := range subjects {
		// A dash is in no Avro name: that is the subject of another topic, whose name starts with this one's.
		suffix, ours := strings.CutPrefix(subject, t.Name+"-")
		if !ours || suffix == "key" || strings.Contains(suffix, "-") {
			continue
		}
		version, err := reg.Latest(ctx, subject)
		if bad, unread := errors.AsType[*schema.InvalidSchemaError](err); unread {
			e.note(t.Name, fmt.Sprintf("Subject %q is not said here: %s.", subject, bad.Reason))
			continue
		}
		if err != nil {
			return err
		}
		switch {
		case subject == schema.TopicName(t.Name):
			own = &version
		case suffix == version.Schema.FullName():
			several = append(several, version)
		default:
			continue
		}
		level, err := reg.Compatibility(ctx, subject)
		if err != nil {
			return err
		}
		levels[level] = true
	}
	var events []registry.Version
	switch {
	case own != nil && len(several) == 0:
		events = []registry.Version{*own}
	case own == nil && len(several) > 1:
		events = several
	case own != nil || len(several) > 0:
		e.note(t.Name, "Its subjects are named in more than one way, so that its events are not said here.")
		return nil
	}
	for _, version := range events {
		t.Events = append(t.Events, project.Event{Name: version.Schema.FullName()})
		e.addSchema(version.Schema)
	}
	for level := range levels {
		if len(levels) == 1 && level != inForce && len(events) > 0 {
			t.Compatibility = string(level)
		}
	}
	if len(levels) > 1 {
		e.note(t.Name, "Its subjects have different compatibility levels, so that none is said here.")
	}
	return nil
}

func (e *Exported) addSchema(s *schema.Schema) {
	e.Schemas[s.FullName()] = s.String()
	for _, ref := range s.References() {
		e.addSchema(ref)
	}
}
