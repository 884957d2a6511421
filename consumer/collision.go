package consumer

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"
)

// CollisionError says that the retry topics of a worker have the names of another's: topic t of group a.b and topic t.a of group b both use
// t.a.b.retry.1m. Neither handles what the other has written there, but their settings, and their dead letters, would be one.
type CollisionError struct {
	Topic, Group           string // of this worker
	OtherTopic, OtherGroup string
}

func (e *CollisionError) Error() string {
	return fmt.Sprintf("retry topics of topic %s for group %s are named as those of topic %s for group %s, which is at work: rename one of the groups",
		e.Topic, e.Group, e.OtherTopic, e.OtherGroup)
}

// namesakes is every other topic and group whose retry topics have the names of those of a topic and a group.
func namesakes(topic, group string) (others []CollisionError) {
	name := topic + "." + group
	for i, c := range name {
		if c == '.' && i != len(topic) && i > 0 && i < len(name)-1 {
			others = append(others, CollisionError{Topic: topic, Group: group, OtherTopic: name[:i], OtherGroup: name[i+1:]})
		}
	}
	return others
}

// collisions finds the groups with members that read retry topics named as the worker's own. Those that start at the same time do not see each other;
// the headers of their events keep them apart. A worker that may not list groups is not kept from its work.
func (e *engine) collisions(ctx context.Context) error {
	var others []CollisionError
	for _, topic := range e.cfg.Topics {
		for _, other := range namesakes(topic, e.group) {
			if _, err := e.topic(ctx, other.OtherTopic); err == nil {
				others = append(others, other)
			}
		}
	}
	if len(others) == 0 {
		return nil
	}
	groups, err := e.client.ListGroups(ctx)
	if err != nil {
		e.cfg.Logger.Warn("cannot list groups: another group may use retry topics of the same names", zap.String("group", e.group), zap.Error(err))
	}
	var errs []error
	for _, other := range others {
		for _, group := range groups {
			if group.Group == RetryGroup(other.OtherGroup) && group.State != "Empty" && group.State != "Dead" {
				errs = append(errs, &other)
			}
		}
	}
	return errors.Join(errs...)
}
