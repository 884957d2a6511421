package deadletter

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/kafka"
)

// TargetError says that dead letters are to go to topics that only their headers name. Headers are written by whoever wrote the event,
// so that somebody has to agree to each topic by its name: [RedriveConfig.Targets].
type TargetError struct {
	Topic   string   // of the dead letters
	Targets []string // that were not agreed to
}

func (e *TargetError) Error() string {
	return fmt.Sprintf("topic %s: its dead letters name %s as where they came from, and only their headers say so, "+
		"which whoever wrote the event may have set: name each topic that they may go to (RedriveConfig.Targets)", e.Topic, strings.Join(e.Targets, ", "))
}

// StaleError says that the topic of a plan was deleted and created again since the plan was made, so that the offsets mean other
// dead letters and the plan is not applied. Make a new one.
type StaleError struct {
	Topic   string // of the dead letters
	Was, Is string // ids of the topic in the plan, and now
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("plan: topic %s: topic recreated since it was made: topic id %s was planned, %s is there: plan again", e.Topic, e.Was, e.Is)
}

// unconfirmed are the topics that only headers name and nobody has agreed to.
func (r *Redrive) unconfirmed(targets []string) error {
	var missing []string
	for _, to := range r.Returns {
		if to.Claimed && !slices.Contains(targets, to.Topic) {
			missing = append(missing, to.Topic)
		}
	}
	if missing == nil {
		return nil
	}
	return &TargetError{Topic: r.Topic, Targets: missing}
}

// claimed reports whether nothing but the headers of a dead letter says where it came from: it is of another program, or its topic is
// not the dead-letter topic of the topic and group that it names.
func (w *router) claimed(ctx context.Context, d *Letter) (bool, error) {
	if d.Family != FamilyOwn || d.Group == "" || consumer.DeadLetterTopic(d.Origin.Topic, d.Group) != d.Topic {
		return true, nil
	}
	by := consumedBy{d.Origin.Topic, d.Group}
	if claimed, known := w.owners[by]; known {
		return claimed, nil
	}
	names, err := w.topics(ctx)
	if err != nil {
		return false, err
	}
	claimed := slices.ContainsFunc(names, func(name string) bool { return name != by.topic && namedFor(d.Topic, name) })
	w.owners[by] = claimed
	return claimed, nil
}

// namedFor reports whether a dead-letter topic may be that of some group of a topic.
func namedFor(dead, topic string) bool {
	group, ok := strings.CutPrefix(dead, topic+".")
	group, dotted := strings.CutSuffix(group, ".dead")
	return ok && dotted && group != ""
}

// topics is the name of every topic of the cluster.
func (w *router) topics(ctx context.Context) ([]string, error) {
	if w.names == nil {
		err := w.client.Retry(ctx, func(ctx context.Context) error {
			all, err := w.client.Overview(ctx, kafka.AnyNode)
			w.names = make([]string, 0, len(all.Topics))
			for _, topic := range all.Topics {
				w.names = append(w.names, topic.Name)
			}
			return err
		})
		if err != nil {
			w.names = nil
			return nil, err
		}
	}
	return w.names, nil
}
