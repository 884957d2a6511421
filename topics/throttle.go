package topics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka"
)

// Settings of Kafka that hold replication back (KIP-73): a rate for each broker, and the replicas for which it holds.
const (
	leaderRate       = "leader.replication.throttled.rate"
	followerRate     = "follower.replication.throttled.rate"
	leaderReplicas   = "leader.replication.throttled.replicas"
	followerReplicas = "follower.replication.throttled.replicas"
)

// throttling is what has been set to hold replication back, and is to be taken back.
type throttling struct {
	client *kafka.Client
	sets   []kafka.ConfigChange
	lifts  []kafka.ConfigChange
}

// throttle holds the copying of replicas back, for the partitions that move and no others. What somebody else has set stays, and holds;
// what an application of the same plan has left behind is known by the replicas it names.
func (a *application) throttle(ctx context.Context, due []int) (*throttling, error) {
	t := &throttling{client: a.client}
	resumed := slices.ContainsFunc(due, func(i int) bool { return a.plan.Changes[i].throttles(a.world) })
	if a.opts.Throttle <= 0 && !resumed {
		return t, nil
	}
	rate := strconv.FormatInt(a.opts.Throttle, 10)
	for _, node := range a.world.Brokers {
		entries, err := a.client.BrokerConfigs(ctx, node.ID, leaderRate, followerRate)
		if err != nil {
			return nil, rightError(err, "DESCRIBE_CONFIGS", "the cluster")
		}
		others := slices.ContainsFunc(entries, func(e kafka.ConfigEntry) bool { return !e.Default && e.Value != rate })
		if resumed || !others {
			t.set(kafka.ConfigResource{Node: node.ID}, map[string]string{leaderRate: rate, followerRate: rate})
		}
	}
	for _, i := range due {
		c := a.plan.Changes[i]
		leaders, followers := c.throttled()
		live, ok := a.world.topic(c.Topic)
		if followers != "" && ok && (live.Settings[leaderReplicas] == "" || live.Settings[leaderReplicas] == leaders) {
			t.set(kafka.ConfigResource{Topic: c.Topic}, map[string]string{leaderReplicas: leaders, followerReplicas: followers})
		}
	}
	if a.opts.Throttle <= 0 {
		return &throttling{client: a.client}, t.lift(ctx)
	}
	return t, t.alter(ctx, t.sets)
}

// throttled names the replicas that are copied from, and those that are copied to, as partition:broker.
func (c Change) throttled() (leaders, followers string) {
	var from, to []string
	for _, m := range c.Moves {
		for _, id := range m.Old {
			from = append(from, fmt.Sprintf("%d:%d", m.Partition, id))
		}
		for _, id := range m.New {
			if !slices.Contains(m.Old, id) {
				to = append(to, fmt.Sprintf("%d:%d", m.Partition, id))
			}
		}
	}
	return strings.Join(from, ","), strings.Join(to, ",")
}

// throttles reports that a throttle of this very change is in force, left by an application that was cut short.
func (c Change) throttles(w *World) bool {
	live, ok := w.topic(c.Topic)
	leaders, followers := c.throttled()
	return ok && followers != "" && live.Settings[leaderReplicas] == leaders
}

func (t *throttling) set(resource kafka.ConfigResource, values map[string]string) {
	on, off := kafka.ConfigChange{Resource: resource, Set: map[string]*string{}}, kafka.ConfigChange{Resource: resource, Set: map[string]*string{}}
	for name, value := range values {
		on.Set[name], off.Set[name] = &value, nil
	}
	t.sets, t.lifts = append(t.sets, on), append(t.lifts, off)
}

func (t *throttling) alter(ctx context.Context, changes []kafka.ConfigChange) error {
	if len(changes) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	slices.SortStableFunc(changes, func(a, b kafka.ConfigChange) int { return cmp.Compare(a.Resource.Topic, b.Resource.Topic) })
	err := t.client.Retry(limited, func(ctx context.Context) error {
		_, err := t.client.AlterConfigs(ctx, false, changes...)
		return err
	})
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		return rightError(err, "ALTER_CONFIGS", "the topics whose partitions move")
	}
	return rightError(err, "ALTER_CONFIGS", "the cluster")
}

// lift takes the throttle away.
func (t *throttling) lift(ctx context.Context) error { return t.alter(ctx, t.lifts) }
