package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/kafka"
)

// sideTopics finds, or makes, the topics beside its own that a worker writes to.
type sideTopics struct {
	client *kafka.Client
	group  string
	dead   bool            // events may become dead letters
	delays []time.Duration // of retry topics
	create bool
	log    *zap.Logger
}

// roomForHeaders is how much larger than its event a retry copy or a dead letter may be: the message, the stack and the names.
const roomForHeaders = 64 << 10

// minRetention is how long a retry topic keeps events at least beyond their delay, for a worker that does not run.
const minRetention = 7 * 24 * time.Hour

// knownLimit is how long brokers may take to hear of a topic that has been created.
const knownLimit = 30 * time.Second

// of checks the side topics of one source. The error joins those of all of them.
func (s sideTopics) of(ctx context.Context, source kafka.Topic) error {
	var errs []error
	var missing []*MissingTopicError
	found := make(map[string]time.Duration)
	look := func(name string, delay time.Duration) {
		side, err := s.topic(ctx, name)
		switch {
		case errors.Is(err, kafka.ErrUnknownTopic):
			m := missingTopic(name)
			m.DeadLetter, m.Retry = delay == 0, delay
			missing = append(missing, m)
		case err != nil:
			errs = append(errs, err)
		case delay > 0 && len(side.Partitions) < len(source.Partitions):
			errs = append(errs, s.grow(ctx, &PartitionsError{Topic: name, Partitions: len(side.Partitions), Source: source.Name, Needed: len(source.Partitions)}))
		}
		if err == nil {
			found[name] = delay
		}
	}
	if s.dead {
		look(DeadLetterTopic(source.Name, s.group), 0)
	}
	for _, delay := range s.delays {
		look(RetryTopic(source.Name, s.group, delay), delay)
	}
	errs = append(errs, s.compacted(ctx, found)...)
	if len(missing) > 0 {
		errs = append(errs, s.supply(ctx, source, missing)...)
	}
	return errors.Join(errs...)
}

// grow gives a retry topic as many partitions as its source has, where it may. Another worker may have done so meanwhile.
func (s sideTopics) grow(ctx context.Context, short *PartitionsError) error {
	if !s.create {
		return short
	}
	err := s.client.Retry(ctx, func(ctx context.Context) error {
		_, err := s.client.CreatePartitions(ctx, kafka.MorePartitions{Topic: short.Topic, Total: int32(short.Needed)}) //nolint:gosec // of a topic that exists
		return err
	})
	if err != nil {
		s.client.Invalidate(short.Topic)
		if now, again := s.topic(ctx, short.Topic); again == nil && len(now.Partitions) >= short.Needed {
			return nil
		}
		return fmt.Errorf("%w: they could not be added here: %w", short, err)
	}
	s.log.Info("added partitions to topic", zap.String("topic", short.Topic), zap.Int("from", short.Partitions), zap.Int("to", short.Needed))
	return nil
}

// compacted names those of the side topics, given with their delays, that would lose what is written to them. A worker without the right
// to see their settings is not kept from its work.
func (s sideTopics) compacted(ctx context.Context, sides map[string]time.Duration) (errs []error) {
	if len(sides) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(sides))
	var settings [][]kafka.ConfigEntry
	var refusals []error
	err := s.client.Retry(ctx, func(ctx context.Context) (err error) {
		settings, refusals, err = s.client.Configs(ctx, kafka.AnyNode, names)
		return errors.Join(err, errors.Join(refusals...))
	})
	if err != nil {
		s.log.Warn("cannot read the settings of retry and dead-letter topics: make sure that they are not compacted", zap.Strings("topics", names), zap.Error(err))
	}
	for i, entries := range settings {
		for _, e := range entries {
			if e.Name == "cleanup.policy" && slices.Contains(policies(e.Value), "compact") {
				errs = append(errs, &CompactedTopicError{Topic: names[i], DeadLetter: sides[names[i]] == 0, Retry: sides[names[i]], Policy: e.Value})
			}
		}
	}
	return errs
}

// policies are what a cleanup.policy lists.
func policies(value string) []string {
	return strings.Split(strings.ReplaceAll(value, " ", ""), ",")
}

func (s sideTopics) topic(ctx context.Context, name string) (found kafka.Topic, err error) {
	err = s.client.Retry(ctx, func(ctx context.Context) error {
		found, err = s.client.Topic(ctx, name)
		return err
	})
	return found, err
}

// supply says how missing topics are to be, and makes them where it may. Topics that another worker has made meanwhile are fine.
func (s sideTopics) supply(ctx context.Context, source kafka.Topic, missing []*MissingTopicError) (errs []error) {
	settings := s.settingsOf(ctx, source.Name)
	wanted := make([]kafka.NewTopic, len(missing))
	for i, m := range missing {
		m.Partitions = len(source.Partitions)
		if m.Partitions > 0 {
			m.Replicas = len(source.Partitions[0].Replicas)
		}
		configs := settings.forSide(m.Retry)
		for _, c := range configs {
			m.Configs = append(m.Configs, c.name+"="+c.value)
		}
		wanted[i] = kafka.NewTopic{
			Name: m.Topic, Partitions: int32(m.Partitions), ReplicationFactor: int16(m.Replicas), Configs: map[string]string{}, //nolint:gosec // of a topic that exists
		}
		for _, c := range configs {
			wanted[i].Configs[c.name] = c.value
		}
	}
	if !s.create {
		for _, m := range missing {
			errs = append(errs, m)
		}
		return errs
	}
	var answers []error
	err := s.client.Retry(ctx, func(ctx context.Context) (err error) {
		answers, err = s.client.CreateTopics(ctx, false, wanted...)
		if answers != nil { // some may exist by now
			err = nil
		}
		return err
	})
	if err != nil {
		return []error{fmt.Errorf("create the retry and dead-letter topics of %s: %w", source.Name, err)}
	}
	for i, err := range answers {
		m := missing[i]
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			errs = append(errs, fmt.Errorf("%w: it could not be created here: %w", m, err))
			continue
		}
		if err := s.known(ctx, m.Topic); err != nil {
			errs = append(errs, fmt.Errorf("topic %s is created but not known to the brokers yet: %w", m.Topic, err))
			continue
		}
		s.log.Info("created topic", zap.String("topic", m.Topic), zap.Int("partitions", m.Partitions), zap.Strings("settings", m.Configs))
	}
	return errs
}

// known waits until the brokers have heard of a topic.
func (s sideTopics) known(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, knownLimit)
	defer cancel()
	for {
		_, err := s.topic(ctx, name)
		if err == nil || !errors.Is(err, kafka.ErrUnknownTopic) || ctx.Err() != nil {
			return err
		}
	}
}

// sourceSettings is what decides the settings of a source's side topics.
type sourceSettings struct {
	maxBytes  int64 // of a message; 0 when it is not known
	retention int64 // in milliseconds; -1 keeps everything
	safety    []setting
}

// settingsOf reads them as far as it may: a worker without the right to see its topic's settings leaves those to the broker.
func (s sideTopics) settingsOf(ctx context.Context, source string) sourceSettings {
	found := sourceSettings{retention: minRetention.Milliseconds()}
	var entries []kafka.ConfigEntry
	err := s.client.Retry(ctx, func(ctx context.Context) (err error) {
		entries, err = s.client.TopicConfigs(ctx, source)
		return err
	})
	if err != nil {
		s.log.Warn("cannot read the settings of the topic: its retry and dead-letter topics get the broker's defaults", zap.String("topic", source), zap.Error(err))
		return found
	}
	compacted := false
	for _, e := range entries {
		n, err := strconv.ParseInt(e.Value, 10, 64)
		switch {
		case !e.Default && (e.Name == "min.insync.replicas" || e.Name == "unclean.leader.election.enable"):
			found.safety = append(found.safety, setting{e.Name, e.Value})
		case e.Name == "cleanup.policy":
			compacted = !slices.Contains(policies(e.Value), "delete")
		case err != nil:
		case e.Name == "max.message.bytes":
			found.maxBytes = n
		case e.Name == "retention.ms":
			found.retention = n
		}
	}
	if compacted { // its events stay until others take their place
		found.retention = -1
	}
	return found
}

type setting struct{ name, value string }

// forSide is the settings of a side topic; a delay of 0 is the dead-letter topic. Dead letters keep their events' timestamps, so that
// any retention by time would delete old ones at once. Retry copies carry the time they were moved, and outlast the worker's absence as
// long as they would have in their own topic. Neither may be compacted: it would lose all but the last event of a key. Events are as
// safe there as where they come from.
func (s sourceSettings) forSide(delay time.Duration) []setting {
	settings := []setting{{"cleanup.policy", "delete"}}
	retention := int64(-1)
	if delay > 0 && s.retention >= 0 {
		retention = max(s.retention, minRetention.Milliseconds())
		retention += min(2*delay.Milliseconds(), math.MaxInt64-retention) // the most there is stays the most
	}
	settings = append(settings, setting{"retention.ms", strconv.FormatInt(retention, 10)})
	if s.maxBytes > 0 {
		settings = append(settings, setting{"max.message.bytes", strconv.FormatInt(min(s.maxBytes+roomForHeaders, 1<<31-1), 10)})
	}
	return append(settings, s.safety...)
}
