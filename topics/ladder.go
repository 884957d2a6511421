package topics

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/headrace/headrace/internal/project"
)

// DeadLetterTopic is the topic of a group's dead letters of a topic, as consumer.DeadLetterTopic names it: <topic>.<group>.dead.
func DeadLetterTopic(topic, group string) string { return topic + "." + group + ".dead" }

// RetryTopic is the topic in which events wait for delay before a group tries them again, as consumer.RetryTopic names it:
// <topic>.<group>.retry.<delay>, the delay as in 200ms, 1m or 1h30m.
func RetryTopic(topic, group string, delay time.Duration) string {
	text := ""
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := delay / unit.size; n > 0 {
			text += strconv.FormatInt(int64(n), 10) + unit.name
			delay -= n * unit.size
		}
	}
	return topic + "." + group + ".retry." + text
}

// RetryGroup is the group that reads the retry topics of a group, as consumer.RetryGroup names it: <group>.retry.
func RetryGroup(group string) string { return group + ".retry" }

// groups adds the retry and dead-letter topics of every group, with what the context says of it.
func (r *resolution) groups(chosen *project.Context) {
	for i := range r.file.Groups {
		r.file.Groups[i] = r.file.Groups[i].In(chosen)
	}
	for _, g := range r.file.Groups {
		for _, name := range g.Topics {
			source := WantedTopic{Name: name.Name} // of somebody else's topic no more is known here
			if len(r.wanted.Topics) > maxTopics {
				r.fail(g.At, "split the file, or name fewer topics or delays", fmt.Sprintf("group %s: with it there are more than %d topics", g.Name, maxTopics))
				return
			}
			if at, ok := r.known[name.Name]; ok {
				source = r.wanted.Topics[at]
			}
			for _, delay := range g.Retry {
				r.serve(g, source, RetryTopic(source.Name, g.Name, delay), retryConfigs(source, delay), g.RetryConfig)
			}
			if g.DeadLetter {
				r.serve(g, source, DeadLetterTopic(source.Name, g.Name), deadLetterConfigs(), g.DeadLetterConfig)
			}
		}
	}
}

// serve adds a topic that holds events of a source for a group.
func (r *resolution) serve(g project.Group, source WantedTopic, name string, configs map[string]string, own []project.Setting) {
	if err := project.CheckTopicName(name); err != nil {
		r.fail(g.At, "shorten the name of the topic or of the group", fmt.Sprintf("group %s: %v", g.Name, err))
		return
	}
	if taken, ok := r.known[name]; ok {
		r.fail(g.At, "group "+g.Name+" makes it", fmt.Sprintf("topic %s stands at %s", name, r.wanted.Topics[taken].At))
		return
	}
	for _, c := range source.Configs {
		switch c.Name {
		case "min.insync.replicas", "unclean.leader.election.enable": // an event is as safe there as where it came from
			configs[c.Name] = c.Value
		case maxMessageBytes:
			if n, err := strconv.ParseInt(c.Value, 10, 32); err == nil {
				configs[c.Name] = strconv.FormatInt(n+Headroom, 10)
			}
		}
	}
	for _, s := range own {
		configs[s.Name] = s.Value
	}
	wanted := WantedTopic{
		Name: name, Partitions: source.Partitions, Replication: source.Replication, Source: source.Name, At: r.place(g.At),
		Unkeyed: source.Unkeyed,
	}
	for name, value := range configs {
		wanted.Configs = append(wanted.Configs, Config{Name: name, Value: value})
	}
	slices.SortFunc(wanted.Configs, func(a, b Config) int { return cmp.Compare(a.Name, b.Name) })
	r.positions[name] = g.At
	r.want(wanted)
}

const maxMessageBytes = "max.message.bytes"

// deadLetterConfigs keep dead letters until somebody has dealt with them. They have the time of their events, so that any retention
// by time would begin before they came.
func deadLetterConfigs() map[string]string {
	return map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}
}

// minRetention is how long a retry topic keeps events at least beyond their delay, in case nobody comes for them in time.
const minRetention = project.Week

// retryConfigs keep waiting events as long as their own topic would have kept them, and for their delay on top, as the topics do that
// a worker creates itself.
func retryConfigs(source WantedTopic, delay time.Duration) map[string]string {
	keep := minRetention.Milliseconds()
	if n, err := strconv.ParseInt(configOf(source.Configs, "retention.ms"), 10, 64); err == nil {
		keep = max(keep, n)
		if n < 0 {
			return map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}
		}
	}
	keep += min(2*delay.Milliseconds(), math.MaxInt64-keep)
	return map[string]string{"cleanup.policy": "delete", "retention.ms": strconv.FormatInt(keep, 10)}
}
