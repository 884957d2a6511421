package topics

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka"
)

// Observe reads from a cluster and its registry what [Diff] compares with what is wanted. It changes nothing.
//
// A right that is missing is a [*RightError]. Two are not needed: without DESCRIBE on the cluster, a plan cannot say how many
// bytes a change would lose, and topics that may not be described are not among the unmanaged ones.
func Observe(ctx context.Context, conn Connection, wanted *Wanted, opts Options) (*World, error) {
	client, err := open(ctx, conn.Cluster)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var world *World
	err = client.Retry(ctx, func(ctx context.Context) error {
		world, err = observe(ctx, client, wanted, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(wanted.Subjects) > 0 {
		if conn.Registry == nil {
			return nil, errors.New("topics declare events, and there is no schema registry to ask: set Connection.Registry")
		}
		if world.Subjects, err = observeSubjects(ctx, conn.Registry, wanted.Subjects); err != nil {
			return nil, err
		}
	}
	return world, nil
}

func observe(ctx context.Context, client *kafka.Client, wanted *Wanted, opts Options) (*World, error) {
	var names []string
	for _, t := range wanted.Topics {
		names = append(names, t.Name)
		if t.Source != "" {
			names = append(names, t.Source) // which may be somebody else's
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	world, err := observeTopics(ctx, client, kafka.AnyNode, names)
	if err != nil {
		return nil, err
	}
	if err := observeMaxMessage(ctx, client, world, wanted); err != nil {
		return nil, err
	}
	if len(wanted.ACLs) > 0 {
		if err := observeACLs(ctx, client, world); err != nil {
			return nil, err
		}
	}
	return world, observeUsage(ctx, client, world, questions(wanted, world, opts))
}

// observeTopics reads the cluster and all its topics, with the settings of those that are named, as one broker knows them.
func observeTopics(ctx context.Context, client *kafka.Client, node int32, names []string) (*World, error) {
	overview, err := client.Overview(ctx, node)
	if err != nil {
		return nil, rightError(err, "DESCRIBE", "the cluster")
	}
	world := &World{ClusterID: overview.ClusterID}
	for _, b := range overview.Brokers {
		world.Brokers = append(world.Brokers, Node{ID: b.Node, Rack: b.Rack})
	}
	seen := map[string]bool{}
	for _, t := range overview.Topics {
		seen[t.Name] = true
		if t.Err != nil && len(t.Partitions) == 0 {
			continue // it is being deleted, or it is none of ours
		}
		world.Topics = append(world.Topics, LiveTopic{Topic: fromKafka(t), ID: topicID(t.ID)})
	}
	// The list leaves out what may not be described, and so would make such a topic look new.
	unseen := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return seen[name] })
	asked, err := client.TopicsNow(ctx, unseen)
	if err != nil {
		return nil, err
	}
	for _, t := range asked {
		if t.Err != nil && !errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
			return nil, rightError(t.Err, "DESCRIBE", "topic "+t.Name)
		}
	}
	if err := observeSettings(ctx, client, node, world, names); err != nil {
		return nil, err
	}
	return world, observeMoves(ctx, client, world)
}

func topicID(id [16]byte) string {
	if id == [16]byte{} {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

func observeSettings(ctx context.Context, client *kafka.Client, node int32, world *World, names []string) error {
	live := slices.DeleteFunc(slices.Clone(names), func(name string) bool { _, ok := world.topic(name); return !ok })
	entries, errs, err := client.Configs(ctx, node, live)
	if err != nil {
		return err
	}
	for i, name := range live {
		if errors.Is(errs[i], kerr.UnknownTopicOrPartition) {
			continue // deleted just now, or not known to this broker yet
		}
		if errs[i] != nil {
			return rightError(errs[i], "DESCRIBE_CONFIGS", "topic "+name)
		}
		topic, _ := world.topic(name)
		topic.Settings = make(map[string]string, len(entries[i]))
		for _, e := range entries[i] {
			if e.Sensitive {
				continue
			}
			topic.Settings[e.Name] = e.Value
			if !e.Default {
				topic.Configs = append(topic.Configs, Config{Name: e.Name, Value: e.Value})
			}
		}
	}
	return nil
}

// observeMoves notes which partitions are being moved. Who may not ask sees the replicas of the moment instead.
func observeMoves(ctx context.Context, client *kafka.Client, world *World) error {
	moving, err := client.Reassignments(ctx)
	if errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, m := range moving {
		if topic, ok := world.topic(m.Topic); ok {
			if topic.Goals == nil {
				topic.Goals = map[int32][]int32{}
			}
			topic.Goals[m.Partition] = m.Goal()
		}
	}
	return nil
}

// kafkaMaxMessage is Kafka's default of message.max.bytes, for clusters that do not let us ask.
const kafkaMaxMessage = 1048588

// observeMaxMessage reads what topics take that do not say it themselves.
func observeMaxMessage(ctx context.Context, client *kafka.Client, world *World, wanted *Wanted) error {
	world.MaxMessageBytes = kafkaMaxMessage
	if !slices.ContainsFunc(wanted.Topics, func(t WantedTopic) bool { return t.Source != "" }) || len(world.Brokers) == 0 {
		return nil
	}
	entries, err := client.BrokerConfigs(ctx, world.Brokers[0].ID, "message.max.bytes")
	if errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if n, err := strconv.ParseInt(e.Value, 10, 64); err == nil && e.Name == "message.max.bytes" {
			world.MaxMessageBytes = n
		}
	}
	return nil
}

func observeACLs(ctx context.Context, client *kafka.Client, world *World) error {
	rules, err := client.ACLs(ctx)
	switch {
	case errors.Is(err, kafka.ErrNoAuthorizer):
		return nil
	case err != nil:
		return rightError(err, "DESCRIBE", "the cluster")
	}
	world.Authorizer = true
	for _, rule := range rules {
		world.ACLs = append(world.ACLs, fromKafkaACL(rule))
	}
	slices.SortFunc(world.ACLs, compareACLs)
	return nil
}

func fromKafkaACL(rule kafka.ACL) ACL {
	return ACL{
		Principal: rule.Principal, Host: rule.Host, Operation: rule.Operation, Resource: rule.Resource, Name: rule.Name,
		Prefixed: rule.Pattern == "PREFIXED", Deny: !rule.Allow,
	}
}

func (a ACL) kafka() kafka.ACL {
	pattern := "LITERAL"
	if a.Prefixed {
		pattern = "PREFIXED"
	}
	return kafka.ACL{
		Principal: a.Principal, Host: a.Host, Operation: a.Operation, Resource: a.Resource, Name: a.Name, Pattern: pattern, Allow: !a.Deny,
	}
}

// rightError turns a refusal for want of a right into a *RightError, and leaves other errors as they are.
func rightError(err error, operation, resource string) error {
	for _, denied := range []error{kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.GroupAuthorizationFailed} {
		if errors.Is(err, denied) {
			return &RightError{Operation: operation, Resource: resource, Err: err}
		}
	}
	return err
}

// questions says of which topics a plan has to know what they hold, and which retention is wanted of each.
func questions(wanted *Wanted, world *World, opts Options) map[string]retention {
	asked := map[string]retention{}
	for _, t := range wanted.Topics {
		live, ok := world.topic(t.Name)
		if !ok {
			continue
		}
		var ask retention
		for _, c := range t.Configs {
			now := live.Settings[c.Name]
			switch {
			case c.Name == "retention.ms" && lessRetention(now, c.Value):
				ask.millis = c.Value
			case c.Name == "retention.bytes" && lessRetention(now, c.Value):
				ask.bytes = c.Value
			case c.Name == "cleanup.policy" && !sameList(now, c.Value):
				ask.any = true
			}
		}
		ask.any = ask.any || t.Partitions > len(live.Partitions)
		if ask != (retention{}) {
			asked[t.Name] = ask
		}
	}
	for _, name := range opts.AllowDelete {
		if _, ok := world.topic(name); ok {
			asked[name] = retention{any: true}
		}
	}
	return asked
}

// retention is how much of a topic shall be kept.
type retention struct {
	millis, bytes string // empty: no less than now
	any           bool   // the topic's contents are of interest for another reason
}

// lessRetention compares two values of a retention, of which -1 keeps everything.
func lessRetention(now, wanted string) bool {
	n, err1 := strconv.ParseInt(now, 10, 64)
	w, err2 := strconv.ParseInt(wanted, 10, 64)
	return err1 == nil && err2 == nil && w >= 0 && (n < 0 || w < n)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
